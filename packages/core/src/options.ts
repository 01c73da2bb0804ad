import * as tf from '@tensorflow/tfjs-core'
import type {
  Backend,
  BackwardStats,
  Compute,
  GradientMode,
  KeptMemory,
  Operator,
  Solver,
  StopRule,
  TensorTree,
} from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import { checkBreadth } from './breadth.ts'
import type { Compaction, Progress } from './drive/types.ts'
import { anyOf } from './stop/combine.ts'
import { cycle } from './stop/cycle.ts'
import { floor } from './stop/floor.ts'
import { residualBelow } from './stop/residual.ts'
import { divergence, nonFinite, timeBudget } from './stop/trouble.ts'
import { requireKind, requireOne, requireRange, requireWhole } from './validate.ts'

/** What a layer is made of: a solver, and whatever is not to be the default. */
export interface EquilibriumOptions {
  /** Required: a default would be code you did not ask for. */
  readonly solver: Solver
  /** Left out: the result carries no gradient. */
  readonly gradient?: GradientMode
  /** A sample is done when `‖G(z) − z‖₂ ≤ tolerance · max(‖z‖₂, 1)`. Default `1e-4`. */
  readonly tolerance?: number
  /** Default: what the solver asks for (`auto()`: 500), else `50`. */
  readonly maxSteps?: number
  /** Replaces the default rule: non-finite, `tolerance`, the float32 floor, cycles, divergence. */
  readonly stop?: StopRule
  /** Samples that are done leave the batch. `false` keeps them. */
  readonly compaction?: Compaction | false
  readonly backend?: Backend
}

/** What one solve may be told; it wins over the options of the layer. */
export interface SolveOptions<S extends TensorTree> extends Omit<Compute<S>, 'steps'> {
  /** Warm start. Borrowed: never disposed. */
  readonly initial?: S
  readonly onProgress?: (progress: Progress) => void
  /** Called from the backward pass. */
  readonly onBackward?: (stats: BackwardStats) => void
  readonly trace?: boolean
  readonly maxSteps?: number
  /** The same as `maxSteps`, in the words of test-time compute. */
  readonly steps?: number
  readonly stop?: StopRule
  /** Evaluate `G` once more when the steps ran out, so that the reported residual is that of the state. Default `true`. */
  readonly measureLast?: boolean
  /**
   * Return the solver's memory as `solution.memory`, for a later solve. It stays alive until its `dispose()`, whatever
   * `tidy` it was made in. Switches compaction off. Absent from the solution when a fallback ran.
   */
  readonly keepMemory?: boolean
  /** Of an earlier solve by the same solver, on as many samples and entries: it goes on from there. Borrowed. */
  readonly memory?: KeptMemory
}

/** @throws EquilibriaError on options that are unusable, contradict each other, or ask for what is not there */
export function checkLayer(
  operator: Pick<Operator, 'name' | 'traits'>,
  options: EquilibriumOptions,
  backend: Backend,
): void {
  const { solver, gradient, maxSteps, tolerance, stop, compaction } = options
  requireKind('equilibrium({ solver })', solver, 'solver')
  if (gradient !== undefined) requireKind('equilibrium({ gradient })', gradient, 'gradient')
  if (maxSteps !== undefined) requireWhole('equilibrium({ maxSteps })', maxSteps, 0)
  if (tolerance !== undefined) requireRange('equilibrium({ tolerance })', tolerance, 0)
  requireOne('equilibrium()', ['tolerance', tolerance], ['stop', stop])
  if (compaction) {
    if (compaction.every !== undefined) requireWhole('compaction.every', compaction.every, 1)
    if (compaction.below !== undefined) requireRange('compaction.below', compaction.below, 0, 1)
  }
  for (const method of methodsOf(solver)) checkNeeds(method, operator, backend)
}

/** @throws EquilibriaError `gradient` where tfjs has no gradient of anything: it would name the last op of the loss only */
export function checkGradients(): void {
  if (!tf.getGradient('Sum'))
    throw new EquilibriaError(
      'gradient',
      'A gradient through an equilibrium was asked for, and none is registered for any op.',
      "Add `import '@equilibria/tensor/gradients'`: tfjs-core alone registers none in Node.",
    )
}

/** A solver and its fallbacks, in the order they are tried. */
export function methodsOf(solver: Solver): readonly Solver[] {
  const all = new Set<Solver>() // a chain may close: its rounds end with maxSteps
  for (let next: Solver | undefined = solver; next && !all.has(next); next = next.after?.solver) all.add(next)
  return [...all]
}

function checkNeeds(solver: Solver, operator: Pick<Operator, 'name' | 'traits'>, backend: Backend): void {
  for (const trait of solver.requires?.traits ?? [])
    if (operator.traits[trait] === undefined)
      throw new EquilibriaError(
        'requirement',
        `Solver "${solver.name}" needs the trait "${trait}", which operator "${operator.name}" does not declare.`,
        'Declare it if it is true, or pick a solver that does not need it.',
      )
  for (const feature of solver.requires?.features ?? [])
    if (!backend.features.includes(feature))
      throw new EquilibriaError(
        'requirement',
        `Solver "${solver.name}" needs the feature "${feature}", which backend "${backend.name}" does not have.`,
        'Pick another backend or another solver.',
      )
}

/** @throws EquilibriaError `option` on options that are unusable, contradict each other, or would be ignored */
export function checkRun<S extends TensorTree>(run: SolveOptions<S>, gradient: GradientMode | undefined): void {
  requireOne('solve()', ['steps', run.steps], ['maxSteps', run.maxSteps])
  requireOne('solve()', ['tolerance', run.tolerance], ['stop', run.stop])
  if (run.steps !== undefined) requireWhole('solve({ steps })', run.steps, 0)
  if (run.maxSteps !== undefined) requireWhole('solve({ maxSteps })', run.maxSteps, 0)
  if (run.tolerance !== undefined) requireRange('solve({ tolerance })', run.tolerance, 0)
  if (run.budget !== undefined) requireRange('solve({ budget: { ms } })', run.budget.ms, 0)
  if (run.breadth !== undefined) checkBreadth(run.breadth)
  if (run.breadth && (run.keepMemory || run.memory))
    throw new EquilibriaError(
      'option',
      'solve({ breadth }) was given together with a memory to keep or to use.',
      'Leave one out: several starts have several memories.',
    )
  if (run.onBackward && !gradient)
    throw new EquilibriaError(
      'option',
      'solve({ onBackward }) was given to a layer without a gradient.',
      'Pass gradient: implicit({ solver: gmres() }) to equilibrium(), or leave onBackward out.',
    )
}

/**
 * What decides when a sample stops: the run's own rule or tolerance, then the layer's. A tolerance brings the checks for
 * trouble with it. A time budget is for all starts together: `spentMs` of it are gone. Tolerance `0` means exactly the number of steps asked, so only non-finite values end a run before.
 */
export function stopRuleOf<S extends TensorTree>(
  layer: EquilibriumOptions,
  run: SolveOptions<S>,
  spentMs = 0,
): StopRule {
  const own = run.stop ?? (run.tolerance === undefined ? layer.stop : undefined)
  const tolerance = run.tolerance ?? layer.tolerance ?? 1e-4
  const rule =
    own ??
    (tolerance === 0 ? nonFinite() : anyOf(nonFinite(), residualBelow(tolerance), floor(), cycle(), divergence()))
  return run.budget ? anyOf(rule, timeBudget(Math.max(0, run.budget.ms - spentMs))) : rule
}
