/**
 * Fixed-point methods. Linear methods are under `@equilibria/solvers/linear`.
 * @module solvers
 */
export { anderson, type AndersonOptions } from './anderson.ts'
export { picard, type PicardOptions } from './picard.ts'
