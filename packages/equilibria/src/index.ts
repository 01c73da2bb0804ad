/**
 * One import for people who want one: the contract, `equilibrium()`, solvers, gradients, theory, plugins.
 * @module equilibria
 */
import '@equilibria/tensor/gradients'

export type * from '@equilibria/spec'
export * from '@equilibria/core'
export * from '@equilibria/solvers'
export * from '@equilibria/implicit-diff'
export * from '@equilibria/theory'
export * from '@equilibria/plugin'
