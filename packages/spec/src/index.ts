/**
 * The contract. Types only: importing this package adds zero bytes to a bundle.
 *
 * Floor 0: imports nothing from this repository.
 * @module spec
 */
export type { Loose, TensorTree, Vector } from './tree.ts'
export type { Aux, BoundOperator, Operator, Traits } from './operator.ts'
export type { Preset, TrainingSettings } from './preset.ts'
export type { Linearization, Problem } from './problem.ts'
export type { Fallback, Memory, Solver, Step } from './solver.ts'
export type { LinearizedSplitting, Splitting } from './splitting.ts'
export type { LinearOptions, LinearResult, LinearSolver, LinearStatus } from './linear-solver.ts'
export type { Observation, StopRule } from './stop-rule.ts'
export type { Breadth, Compute, ExitRule } from './compute.ts'
export type { AdjointStatus, Attempt, KeptMemory, Solution, SolveStats, Status } from './solution.ts'
export type { AttachSite, BackwardStats, GradientMode } from './gradient.ts'
export type {
  Backend,
  BackendProvider,
  Feature,
  KernelName,
  Kernels,
  LeastSquaresOptions,
  Requirements,
} from './backend.ts'
export type { Analyzer, Report } from './theory.ts'
export type { AnyOperator, AnySample, AnyTask, Factory, Parts, Plugin, Sample } from './plugin.ts'
export type {
  DataOptions,
  Dataset,
  Metric,
  Model,
  ModelOptions,
  Pair,
  Perturbation,
  Prediction,
  Splits,
  Task,
  TrajectoryPoint,
} from './task.ts'
export type { Axis, PlotData, PlotSeries, StudySection, TableData } from './section.ts'
export type { View } from './view.ts'
