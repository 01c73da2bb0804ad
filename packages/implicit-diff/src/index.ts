/**
 * Every way for a loss to cross an equilibrium. Needs `import '@equilibria/tensor/gradients'` once.
 * @module implicit-diff
 */
export type { AdjointPolicy, ImplicitOptions } from './adjoint/options.ts'
export { implicit } from './implicit.ts'
export { jacobianFree, phantom, type PhantomOptions } from './phantom.ts'
export { unrolled } from './unrolled.ts'
