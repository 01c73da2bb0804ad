/**
 * Linear programming with implicit models.
 * @module plugin-lp
 */
export type { Csr } from './program/csr.ts'
export type { LinearProgram } from './program/program.ts'
export type { LpInput, LpOutput } from './graph/input.ts'
export { bipartite, type Adjacency, type Bipartite } from './graph/bipartite.ts'
export { edgeDot, sparseProduct, type Direction } from './graph/sparse-product.ts'
export { paperExplicit, paperExplicitShapes } from './models/paper-explicit.ts'
export { paperDecoder, paperImplicitShapes, paperOperator } from './models/paper-operator.ts'
