/**
 * Reusable maps with honest traits, the well-posed families, and ways to combine them.
 * @module operators
 */
export type { Certificate, CertifiedOperator } from './certificate.ts'
export { compose } from './combine/compose.ts'
export { contractingRen, type RenOptions } from './families/ren.ts'
export { gradientStep, type GradientStepOperator, type GradientStepOptions } from './families/gradient-step.ts'
export { inputConvex, type InputConvexOperator, type InputConvexOptions } from './families/input-convex.ts'
export { lben, type LbenOperator, type LbenOptions } from './families/lben.ts'
export { monotone, type MonotoneNetworkOptions } from './families/monotone.ts'
export { monotoneConvolution, type MonotoneConvolutionOptions } from './families/monotone-convolution.ts'
export type { MonotoneActivation, MonotoneOptions } from './families/monotone-dense.ts'
export type { Layer } from './layer.ts'
export { dense, type DenseOptions } from './layers/dense.ts'
export { spectralBound } from './parameters/spectral-bound.ts'
