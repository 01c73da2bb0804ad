/**
 * Methods for `u − A u = v`, the shape every adjoint system has.
 * @module solvers/linear
 */
export { bicgstab, type BicgstabOptions } from './bicgstab.ts'
export { cg, type CgOptions } from './cg.ts'
export { direct, type DirectOptions } from './direct.ts'
export { gmres, type GmresOptions } from './gmres.ts'
export { minres } from './minres.ts'
export { neumann, type NeumannOptions } from './neumann.ts'
