/**
 * Every way for a loss to cross an equilibrium. Needs `import '@equilibria/tensor/gradients'` once.
 * @module implicit-diff
 */
export { implicit, type AdjointPolicy, type ImplicitOptions } from './implicit.ts'
export { jacobianFree, phantom, type PhantomOptions } from './phantom.ts'
export { unrolled } from './unrolled.ts'
