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
export { type DrawOptions, drawProgram } from './data/draw.ts'
export type { LabelledProgram } from './data/labelled.ts'
export { type PerturbedPart, readLabelledPrograms, readPerturbedPrograms, readPrograms } from './data/read-random.ts'
export type { ReadProgramsOptions } from './data/read-random.ts'
export { type PackedPrograms, packPrograms, toInput } from './data/to-input.ts'
export { type LpDataset, lpDataset } from './data/dataset.ts'
export { loadSplits, type LpSplits, type ReadSplit } from './data/splits.ts'
export type { SplitName } from './data/files.ts'
export { constraintViolation, lpMetrics, objectiveGap, relativeError } from './metrics/metrics.ts'
export { lpPerturbations } from './metrics/perturbations.ts'
export { labelScale, lpTask, meanSquaredError } from './task/lp-task.ts'
export type { LpModels, LpTask, LpTaskOptions } from './task/lp-task.ts'
export { bipartite, type Adjacency, type Bipartite } from './graph/bipartite.ts'
export { edgeDot, sparseProduct, type Direction } from './graph/sparse-product.ts'
export { paperExplicit, paperExplicitShapes } from './models/paper-explicit.ts'
export { paperDecoder, paperImplicitShapes, paperOperator } from './models/paper-operator.ts'
export { pdhgStep, type PdhgStepState } from './operators/pdhg-step.ts'
export { productMix } from './samples.ts'
export { lp, lp as default } from './plugin.ts'
export * from './pdhg/index.ts'
export { paperExplicitModel, paperImplicitModel } from './models/paper-models.ts'
export { primalDualModel, primalDualSizes } from './models/primal-dual-model.ts'
export {
  primalDualDecoder,
  primalDualOperator,
  primalDualParameters,
  type PrimalDualSizes,
  type PrimalDualState,
} from './models/primal-dual-operator.ts'
export { relativeLoss } from './models/relative-loss.ts'
export { scaledExplicitModel } from './models/scaled-explicit.ts'
export { lpPresets } from './task/presets.ts'
export { warmStartSections } from './task/warm-start-section.ts'
