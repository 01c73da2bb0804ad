/**
 * Linear programming with implicit models.
 * @module plugin-lp
 */
export type { Csr } from './program/csr.ts'
export type { LinearProgram } from './program/program.ts'
export type { LpInput, LpOutput } from './graph/input.ts'
export { csrFromTriplets, dot, multiply, multiplyTransposed, norm2, normInfinity, transpose } from './program/csr.ts'
export type { Triplets } from './program/csr.ts'
export { readMps } from './read/mps.ts'
export type { MpsFormat, MpsOptions, MpsProgram } from './read/mps.ts'
export * from './pdhg/index.ts'
