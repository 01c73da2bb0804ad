/**
 * Reusable maps with honest traits, the well-posed families, and ways to combine them.
 * @module operators
 */
export type { Certificate, CertifiedOperator } from './certificate.ts'
export { compose } from './combine/compose.ts'
export type { Layer } from './layer.ts'
export { dense, type DenseOptions } from './layers/dense.ts'
export { spectralBound } from './parameters/spectral-bound.ts'
