/**
 * Every way for a loss to cross an equilibrium. Needs `import '@equilibria/tensor/gradients'` once.
 * @module implicit-diff
 */
export type { AdjointFallback, AdjointOptions, AdjointPolicy, ImplicitOptions } from './adjoint/options.ts'
export { autoGradient, type AutoGradientOptions } from './auto-gradient.ts'
export { checkpointedUnrolled, type CheckpointedUnrolledOptions } from './checkpointed-unrolled.ts'
export { fixedPointCorrection, type CorrectionWeights, type FixedPointCorrectionOptions } from './correction.ts'
export { variationalDropout, type VariationalDropout, type VariationalDropoutOptions } from './dropout.ts'
export { implicit } from './implicit.ts'
export { equilibriumJvp, type EquilibriumJvp, type JvpOptions, type ParameterTangent, type Tangents } from './jvp.ts'
export { mixedInitial, type MixedInitial, type MixedInitialOptions } from './mixed-initial.ts'
export { neumannGradient, type NeumannGradientOptions } from './neumann-gradient.ts'
export { jacobianFree, phantom, type PhantomOptions } from './phantom.ts'
export type { AtState, Source } from './regularization/frozen.ts'
export {
  jacobianRegularization,
  type JacobianRegularizationOptions,
  type Regularization,
} from './regularization/jacobian.ts'
export type { ProbeDistribution } from './regularization/probes.ts'
export { spectralRegularization, type SpectralRegularizationOptions } from './regularization/spectral.ts'
export { shine, type ShineOptions } from './shine.ts'
export { truncatedUnrolled, type TruncatedUnrolledOptions } from './truncated-unrolled.ts'
export { unrolled } from './unrolled.ts'
export { adjointMemory, type AdjointMemory } from './warm-start.ts'
