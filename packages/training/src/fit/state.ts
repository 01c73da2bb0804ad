import type { Model } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import { type Checkpoint, describeModel, shapesOf, versions } from '../checkpoint/checkpoint.ts'
import { asStored, difference } from '../checkpoint/json.ts'
import { checkFits } from '../checkpoint/restore.ts'
import type { Optimiser, OptimiserState, Vectors } from '../optimisers/optimiser.ts'
import type { Settings } from './settings.ts'
import type { Best, StepRecord, ValidationRecord } from './progress.ts'
import { readWeights } from './variables.ts'

/** Everything that changes during training. Weights live here; the model's variables follow. */
export interface FitState {
  step: number
  weights: Vectors
  optimiser: OptimiserState
  readonly steps: StepRecord[]
  readonly validations: ValidationRecord[]
  skippedSteps: number
  nonFiniteInARow: number
  validationsSinceBest: number
  best: Best | undefined
  bestWeights: Vectors | undefined
  stoppedEarly: boolean
  /** What was not finite in the last skipped step of this run. */
  trouble: string | undefined
  /** Of earlier runs. */
  readonly elapsedBefore: number
}

type Described = Omit<Model, 'predict' | 'trajectory'>

export function freshState(model: Described, optimiser: Optimiser): FitState {
  const weights = readWeights(model)
  return {
    step: 0,
    weights,
    optimiser: optimiser.init(weights),
    steps: [],
    validations: [],
    skippedSteps: 0,
    nonFiniteInARow: 0,
    validationsSinceBest: 0,
    best: undefined,
    bestWeights: undefined,
    stoppedEarly: false,
    trouble: undefined,
    elapsedBefore: 0,
  }
}

/** The state a checkpoint holds, after checking that it belongs to this model and this training. */
export function resumedState(
  checkpoint: Checkpoint,
  { mustMatch, steps }: Settings,
  model: Described,
  optimiser: Optimiser,
  file: string,
): FitState {
  checkFits(checkpoint, model, file)
  const fail = (message: string, hint: string): never => {
    throw new EquilibriaError('file', `${file}: ${message}`, hint)
  }
  const { training } = checkpoint
  if (!training) return fail('it holds a model but no training to resume.', 'Use restoreWeights, and train anew.')
  const other = difference(asStored(mustMatch), training.settings)
  if (other) fail(`the training settings differ: ${other}.`, 'Use the same settings, or train anew with resume: false.')
  const expected = Object.keys(optimiser.init({}).slots).sort().join()
  const found = Object.keys(training.optimiser.slots).sort().join()
  if (expected !== found)
    fail(`the optimiser's vectors are "${found}"; ${optimiser.name} keeps "${expected}".`, 'Train anew.')
  if (training.step > steps)
    fail(`it has done ${training.step} steps, more than the ${steps} asked for.`, 'Ask for at least as many.')
  const { optimiser: moments, history } = training
  return {
    step: training.step,
    weights: ordered(checkpoint.weights, model),
    optimiser: moments,
    steps: [...history.steps],
    validations: [...history.validations],
    skippedSteps: training.skippedSteps,
    nonFiniteInARow: training.nonFiniteInARow,
    validationsSinceBest: training.validationsSinceBest,
    best: training.best,
    bestWeights: training.bestWeights,
    stoppedEarly: training.stoppedEarly,
    trouble: undefined,
    elapsedBefore: training.elapsedMs,
  }
}

/** In the model's order: sums over all variables (the gradient norm) must not depend on the order in a file. */
const ordered = (weights: Vectors, { variables }: Described): Vectors =>
  Object.fromEntries(Object.keys(variables).map((name) => [name, weights[name]!]))

export function toCheckpoint(state: FitState, settings: Settings, model: Described, elapsedMs: number): Checkpoint {
  const { best, bestWeights } = state
  return {
    model: describeModel(model),
    versions: versions(),
    shapes: shapesOf(model),
    weights: state.weights,
    training: {
      settings: settings.mustMatch,
      step: state.step,
      optimiser: state.optimiser,
      skippedSteps: state.skippedSteps,
      nonFiniteInARow: state.nonFiniteInARow,
      validationsSinceBest: state.validationsSinceBest,
      ...(best ? { best } : {}),
      ...(bestWeights ? { bestWeights } : {}),
      stoppedEarly: state.stoppedEarly,
      history: { steps: state.steps, validations: state.validations },
      elapsedMs,
    },
  }
}
