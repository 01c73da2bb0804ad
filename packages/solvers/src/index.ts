/**
 * Fixed-point methods. Linear methods are under `@equilibria/solvers/linear`.
 * @module solvers
 */
export { anderson, type AndersonOptions } from './anderson.ts'
export { andersonI, type AndersonIMemory, type AndersonIOptions } from './anderson-type-one.ts'
export { broyden, type BroydenMemory, type BroydenOptions } from './broyden.ts'
export { applyInverse, applyInverseTransposed, type InverseFactors } from './broyden/inverse.ts'
export {
  armijo,
  type ArmijoOptions,
  liFukushima,
  type LiFukushimaOptions,
  type LineSearch,
  type Trial,
} from './line-search.ts'
export { picard, type PicardOptions } from './picard.ts'
