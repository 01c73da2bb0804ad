/**
 * Linear programming with implicit models.
 * @module plugin-lp
 */
export type { Csr } from './program/csr.ts'
export type { LinearProgram } from './program/program.ts'
export type { LpInput, LpOutput } from './graph/input.ts'
export { csrFromTriplets, dot, multiply, multiplyTransposed, norm2, normInfinity, transpose } from './program/csr.ts'
export type { Triplets } from './program/csr.ts'
export { readMps } from './read/mps.ts'
export type { MpsFormat, MpsOptions, MpsProgram } from './read/mps.ts'
export { loadMps } from './read/load-mps.ts'
export { writeMps } from './read/write-mps.ts'
export { type LpJson, readLpJson, writeLpJson } from './read/json.ts'
export { checkProgram } from './read/check.ts'
export { bipartite, type Adjacency, type Bipartite } from './graph/bipartite.ts'
export { edgeDot, sparseProduct, type Direction } from './graph/sparse-product.ts'
export { paperExplicit, paperExplicitShapes } from './models/paper-explicit.ts'
export { paperDecoder, paperImplicitShapes, paperOperator } from './models/paper-operator.ts'
export { pdhg, type PdhgOptions } from './pdhg/operator.ts'
export { solveLp, solveLpAsync, type LpProgress, type LpResult, type SolveLpOptions } from './pdhg/solve.ts'
export { kktBelow } from './pdhg/stop.ts'
export type { Certificate } from './pdhg/certificate.ts'
