/** One training step, as plain numbers. A step that was skipped has a loss or norm that is not finite, or `skipped` 1. */
export interface StepRecord {
  /** Counted from 1. */
  readonly step: number
  readonly loss: number
  readonly learningRate: number
  /** `‖g‖₂` over all variables, before clipping. */
  readonly gradientNorm: number
  /** Largest `|g|` of an entry, before clipping. */
  readonly gradientMax: number
  /** 1 when the update was not made because something was not finite. */
  readonly skipped: number
}

/** One validation: means over its samples. */
export interface ValidationRecord {
  readonly step: number
  readonly loss: number
  readonly metrics: Readonly<Record<string, number>>
}

/** Everything that was recorded: plain data, the same for the same seed on the same backend. */
export interface History {
  readonly steps: readonly StepRecord[]
  readonly validations: readonly ValidationRecord[]
}

/** The best validation so far. */
export interface Best {
  readonly step: number
  readonly value: number
  /** `loss` or a metric's name. */
  readonly monitor: string
}

/** The state of training after a step. Plain data. */
export interface FitProgress extends StepRecord {
  readonly steps: number
  /** Passes over the data finished or begun, from 1. */
  readonly epoch: number
  readonly epochs: number
  /** Steps skipped up to here. */
  readonly skippedSteps: number
  /** The last validation, if any. */
  readonly validation?: ValidationRecord
  readonly best?: Best
  /** Worst status of this step's equilibrium solve; absent for explicit models. */
  readonly status?: string
  /** Time spent training, earlier runs of a resumed training included. */
  readonly elapsedMs: number
  /** Estimate of what is left, from the speed of this run. */
  readonly remainingMs: number
}
