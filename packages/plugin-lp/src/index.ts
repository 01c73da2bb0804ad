/**
 * Linear programming with implicit models.
 * @module plugin-lp
 */
export type { Csr } from './program/csr.ts'
export type { LinearProgram } from './program/program.ts'
export type { LpInput, LpOutput } from './graph/input.ts'
