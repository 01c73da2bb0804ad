/**
 * Every way for a loss to cross an equilibrium. Needs `import '@equilibria/tensor/gradients'` once.
 * @module implicit-diff
 */
export type { AdjointPolicy, ImplicitOptions } from './adjoint/options.ts'
export { fixedPointCorrection, type CorrectionWeights, type FixedPointCorrectionOptions } from './correction.ts'
export { variationalDropout, type VariationalDropout, type VariationalDropoutOptions } from './dropout.ts'
export { implicit } from './implicit.ts'
export { equilibriumJvp, type EquilibriumJvp, type JvpOptions, type ParameterTangent, type Tangents } from './jvp.ts'
export { mixedInitial, type MixedInitial, type MixedInitialOptions } from './mixed-initial.ts'
export { jacobianFree, phantom, type PhantomOptions } from './phantom.ts'
export type { AtState, Source } from './regularization/frozen.ts'
export {
  jacobianRegularization,
  type JacobianRegularizationOptions,
  type Regularization,
} from './regularization/jacobian.ts'
export type { ProbeDistribution } from './regularization/probes.ts'
export { spectralRegularization, type SpectralRegularizationOptions } from './regularization/spectral.ts'
export { unrolled } from './unrolled.ts'
