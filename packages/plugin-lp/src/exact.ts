/**
 * Exact labels, duals and random programs; needs the optional peer `highs`.
 * @module plugin-lp/exact
 */
export { type ExactSolution, type ExactSolver, type ExactStatus, loadExact, solveExact } from './exact/solve-exact.ts'
export { type RandomProgramOptions, randomPrograms } from './exact/random-programs.ts'
