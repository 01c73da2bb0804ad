/**
 * Reusable maps with honest traits, the well-posed families, and ways to combine them.
 * @module operators
 */
export { certifiedDistance, type Certificate, type CertifiedOperator } from './certificate.ts'
export { compose } from './combine/compose.ts'
export { aol } from './families/aol.ts'
export { cayley } from './families/cayley.ts'
export { circularConvolution, type CircularConvolutionOptions } from './families/circular-convolution.ts'
export type { ContractionOptions } from './families/contraction.ts'
export { firmlyNonexpansive, type FirmlyNonexpansiveOptions } from './families/firmly-nonexpansive.ts'
export { logNorm, type LogNormOptions } from './families/log-norm.ts'
export { perron } from './families/perron.ts'
export { positiveConcave, type PositiveConcaveOptions } from './families/positive-concave.ts'
export { regularLift, type RegularLiftOptions, type RegularOperator } from './families/regular-lift.ts'
export { rowSum, type RowSumOptions } from './families/row-sum.ts'
export { spectral } from './families/spectral.ts'
export { stateDecay, type StateDecayOptions } from './families/state-decay.ts'
export { subhomogeneous, type SubhomogeneousOptions } from './families/subhomogeneous.ts'
export type { Layer, LinearWeight } from './layer.ts'
export { dense, type DenseOptions } from './layers/dense.ts'
export type { NormLimitOptions } from './normalise/linear-weight.ts'
export type { NormaliserName } from './normalise/matrices.ts'
export { spectralNorm } from './normalise/spectral-norm.ts'
export { weightNorm } from './normalise/weight-norm.ts'
export type { FamilyActivation, FamilyActivationName } from './parameters/activations.ts'
export type { AffineOptions } from './parameters/affine-family.ts'
export { circularBound, type CircularMeasure } from './parameters/circular-bound.ts'
export { damped } from './combine/damped.ts'
export { type LayerOperator, type Maps, operatorOf } from './combine/operator-of.ts'
export { recall, type RecallParts } from './combine/recall.ts'
export { residual, type ResidualOptions } from './combine/residual.ts'
export { sum } from './combine/sum.ts'
export { contractingRen, type RenOptions } from './families/ren.ts'
export { gradientStep, type GradientStepOperator, type GradientStepOptions } from './families/gradient-step.ts'
export { inputConvex, type InputConvexOperator, type InputConvexOptions } from './families/input-convex.ts'
export { lben, type LbenOperator, type LbenOptions } from './families/lben.ts'
export { monotone, type MonotoneNetworkOptions } from './families/monotone.ts'
export { monotoneConvolution, type MonotoneConvolutionOptions } from './families/monotone-convolution.ts'
export type { MonotoneActivation, MonotoneOptions } from './families/monotone-dense.ts'
export { activation, type ActivationName, softmax } from './layers/activation.ts'
export { rotary } from './layers/attention/rotary.ts'
export { selfAttention, type SelfAttentionOptions } from './layers/attention/self-attention.ts'
export { convolution1d, convolution2d, type ConvolutionOptions } from './layers/convolution/convolution.ts'
export type { Padding } from './layers/convolution/padding.ts'
export { gatedMlp, type GatedMlpOptions } from './layers/gated-mlp.ts'
export { type PreparedEdges, prepareEdges } from './layers/graph/edges.ts'
export { graphConvolution, type GraphConvolutionOptions } from './layers/graph/graph-convolution.ts'
export {
  type BipartiteInput,
  bipartiteMessagePassing,
  type BipartiteMessagePassingOptions,
  type GraphInput,
  messagePassing,
  type MessagePassingOptions,
} from './layers/graph/message-passing.ts'
export { groupNorm, instanceNorm, layerNorm, type NormOptions, rmsNorm } from './layers/norms.ts'
export {
  spectralConvolution1d,
  spectralConvolution2d,
  type SpectralConvolutionOptions,
} from './layers/spectral/spectral-convolution.ts'
export { spectralBound } from './parameters/spectral-bound.ts'
