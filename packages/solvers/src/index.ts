/**
 * Fixed-point methods. Linear methods are under `@equilibria/solvers/linear`.
 * @module solvers
 */
export { aitken, type AitkenOptions } from './aitken.ts'
export { anderson, type AndersonOptions } from './anderson.ts'
export { chebyshev, type ChebyshevOptions } from './chebyshev.ts'
export type { CycleOptions } from './extrapolation/cycle.ts'
export { minimalPolynomial } from './extrapolation/minimal-polynomial.ts'
export { reducedRank } from './extrapolation/reduced-rank.ts'
export { vectorEpsilon } from './extrapolation/vector-epsilon.ts'
export { halpern, type HalpernOptions } from './halpern.ts'
export { krasnoselskiiMann, type KrasnoselskiiMannOptions } from './krasnoselskii-mann.ts'
export { auto, type AutoMethod, type AutoOptions } from './auto.ts'
export { levenbergMarquardt, type LevenbergMarquardtOptions } from './newton/levenberg-marquardt.ts'
export { newtonKrylov, type NewtonKrylovOptions } from './newton-krylov.ts'
export type { JacobianProducts } from './newton/products.ts'
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
export { pseudoTransient, type PseudoTransientOptions } from './pseudo-transient.ts'
export { bestSoFar } from './wrappers/best-so-far.ts'
export { bounded, type BoundedOptions, type StateBound } from './wrappers/bounded.ts'
export { damped } from './wrappers/damped.ts'
export { safeguarded, type SafeguardOptions } from './wrappers/safeguarded.ts'
export { davisYin } from './splitting/davis-yin.ts'
export { douglasRachford, type RelaxedSplittingOptions } from './splitting/douglas-rachford.ts'
export { forwardBackward } from './splitting/forward-backward.ts'
export { linearProxSplitting, type LinearMap, type LinearProxOptions } from './splitting/linear-prox.ts'
export type { SplittingOptions } from './splitting/parts.ts'
export { peacemanRachford } from './splitting/peaceman-rachford.ts'
export { proximal, type Proximal } from './splitting/proximal.ts'
