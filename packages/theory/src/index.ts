/**
 * Reports about an implicit model: contraction, Lipschitz curves and bounds, regularity, error bounds, certificates, test-time scaling.
 * @module theory
 */
export { type ActivationName, evaluate as evaluateNetwork, type FeedForward } from './bound/feed-forward.ts'
export type { Ball } from './bound/local.ts'
export { lowerBound, type LowerBoundDetail, type LowerBoundOptions } from './bound/lower.ts'
export { upperBound, type UpperBoundDetail, type UpperBoundOptions } from './bound/upper.ts'
export { certify, type CertifyDetail, type CertifyOptions } from './certify/certify.ts'
export type { Span } from './certify/interval.ts'
export { type Box, denseSystem, type DenseSystem, type IntervalSystem } from './certify/system.ts'
export { contraction, type ContractionDetail, type ContractionOptions } from './contraction.ts'
export { type AscentOptions, ascentSamples } from './lipschitz/ascent.ts'
export {
  aggregateLipschitz,
  type AggregateOptions,
  lipschitzCurve,
  type LipschitzCurve,
  type LipschitzOptions,
  type LipschitzRow,
} from './lipschitz/curve.ts'
export { perturbationSamples, type PerturbationOptions } from './lipschitz/perturbations.ts'
export { picardMap } from './lipschitz/picard-map.ts'
export { powerSamples, type PowerOptions } from './lipschitz/power.ts'
export { joinSamples, type LipschitzSamples } from './lipschitz/samples.ts'
export type { Aggregator, SteppedAnswer, SteppedMap } from './map.ts'
export { type Matrix, matrixOf } from './dense/matrix.ts'
export { normBound, provesPositive } from './dense/positive.ts'
export { type ContractiveNorm, contractiveNorm, weightedNorm } from './dense/weighted.ts'
export { errorBound, type ErrorBoundDetail, type ErrorBoundOptions } from './error/error-bound.ts'
export { haltingMargin, type HaltingDetail, type HaltingOptions, remainingMove } from './error/halting-margin.ts'
export { spectralRadius, type SpectralRadius, type SpectralRadiusOptions } from './krylov/spectral-radius.ts'
export { symmetricEnds, type SymmetricEnds } from './krylov/symmetric-ends.ts'
export { topSingular, type TopSingular, type TopSingularOptions } from './krylov/top-singular.ts'
export {
  pathIndependence,
  type PathIndependenceDetail,
  type PathIndependenceOptions,
} from './paths/path-independence.ts'
export {
  growthBound,
  type GrowthBoundOptions,
  type GrowthViolation,
  growthViolations,
} from './regularity/growth-bound.ts'
export {
  type NearBoundary,
  regularity,
  type RegularityDetail,
  type RegularityOptions,
  type RegularityWitness,
} from './regularity/regularity.ts'
export { expressivity, type ExpressivityDetail, type ExpressivityOptions } from './scaling/expressivity.ts'
export { scalingFit, type ScalingFitDetail, type ScalingFitOptions, type ScalingLaw } from './scaling/scaling-fit.ts'
export {
  transientPremium,
  type TransientMeasurement,
  type TransientPremiumDetail,
} from './scaling/transient-premium.ts'
export {
  bootstrapInterval,
  type Interval,
  meanInterval,
  meanOf,
  quantileInterval,
  shareAboveMaximum,
} from './statistics/interval.ts'
export { quantile, sorted } from './statistics/quantile.ts'
export { normal, uniform } from './statistics/random.ts'
