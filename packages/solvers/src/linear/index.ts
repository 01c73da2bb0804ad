/**
 * Methods for `u − A u = v`, the shape every adjoint system has.
 * @module solvers/linear
 */
export { gmres, type GmresOptions } from './gmres.ts'
export { neumann, type NeumannOptions } from './neumann.ts'
