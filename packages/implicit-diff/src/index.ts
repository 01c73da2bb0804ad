/**
 * Every way for a loss to cross an equilibrium. Needs `import '@equilibria/tensor/gradients'` once.
 * @module implicit-diff
 */
export type { AdjointFallback, AdjointOptions, AdjointPolicy, ImplicitOptions } from './adjoint/options.ts'
export { autoGradient, type AutoGradientOptions } from './auto-gradient.ts'
export { checkpointedUnrolled, type CheckpointedUnrolledOptions } from './checkpointed-unrolled.ts'
export { implicit } from './implicit.ts'
export { neumannGradient, type NeumannGradientOptions } from './neumann-gradient.ts'
export { jacobianFree, phantom, type PhantomOptions } from './phantom.ts'
export { shine, type ShineOptions } from './shine.ts'
export { truncatedUnrolled, type TruncatedUnrolledOptions } from './truncated-unrolled.ts'
export { unrolled } from './unrolled.ts'
export { adjointMemory, type AdjointMemory } from './warm-start.ts'
