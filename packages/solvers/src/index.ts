/**
 * Fixed-point methods. Linear methods are under `@equilibria/solvers/linear`.
 * @module solvers
 */
export { anderson, type AndersonOptions } from './anderson.ts'
export { auto, type AutoMethod, type AutoOptions } from './auto.ts'
export { levenbergMarquardt, type LevenbergMarquardtOptions } from './newton/levenberg-marquardt.ts'
export { newtonKrylov, type NewtonKrylovOptions } from './newton-krylov.ts'
export type { JacobianProducts } from './newton/products.ts'
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
