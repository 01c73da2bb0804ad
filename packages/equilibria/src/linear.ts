/**
 * Linear solvers, for adjoint systems.
 * @module equilibria/linear
 */
export * from '@equilibria/solvers/linear'
