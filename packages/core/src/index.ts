/**
 * `equilibrium()`, the driver, stop and exit rules, reference kernels.
 * @module core
 */
export { align, bindProblem, describe, type Bound } from './bind.ts'
export { defineOperator } from './define.ts'
export { pick } from './drive/batch.ts'
export { iterate } from './drive/iterate.ts'
export { drive, driveAsync } from './drive/run.ts'
export type { Compaction, Driven, DriveOptions, PackedExit, Progress, Turn } from './drive/types.ts'
export { equilibrium, type EquilibriumLayer } from './equilibrium.ts'
export type { EquilibriumOptions, SolveOptions } from './options.ts'
export type { TrajectoryState } from './trajectory.ts'
export { requireOne, requireRange, requireWhole } from './validate.ts'
export { referenceBackend, referenceKernels, resolveKernels } from './kernels.ts'
export { largest } from './worst.ts'
export { assertConverged, remedy, worstStatus } from './status.ts'
export { allOf, anyOf, atLeast } from './stop/combine.ts'
export { residualBelow } from './stop/residual.ts'
export { divergence, nonFinite, stagnation, timeBudget } from './stop/trouble.ts'
export { argmaxStability, decisionMargin, entropyChange, klChange } from './exit/decision.ts'
export { outputChange, type Decoded } from './exit/output-change.ts'
export { EquilibriaError, type ErrorCode } from '@equilibria/tensor'
