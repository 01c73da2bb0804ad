import type { Attempt, Memory, Status, StopRule, Vector } from '@equilibria/spec'

/** What an exit rule sees, packed: the rows still running; it answers which of them may leave. */
export type PackedExit = (seen: {
  readonly z: Vector
  readonly rows: readonly number[]
  readonly step: number
}) => readonly boolean[]

/** When finished samples leave the batch, so that they cost nothing more. */
export interface Compaction {
  /** Look every so many steps. Default `4`. */
  readonly every?: number
  /**
   * Compact when fewer than this share of the rows still moves. Default `0.8`: each time binds the operator again, and
   * brings the rows evaluated to within a tenth of the least possible.
   */
  readonly below?: number
}

/** How one run of the loop is stopped, watched and recorded. */
export interface DriveOptions {
  readonly maxSteps: number
  readonly stop: StopRule
  readonly exit?: PackedExit | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: Progress) => void) | undefined
  readonly trace?: boolean | undefined
  /** `false`: finished samples stay in the batch. Needs `problem.select`. */
  readonly compaction?: Compaction | false | undefined
  /** Measure the residual of states that were proposed but not yet looked at when the steps ran out. Default `true`. */
  readonly measureLast?: boolean | undefined
  /** Return the solver's memory too. Needs `compaction: false`: rows that left the batch took theirs with them. */
  readonly keepMemory?: boolean | undefined
  /** Of an earlier run, for `solver.resume`. Borrowed. */
  readonly memory?: Memory | undefined
}

/** What `onProgress` is told after each step. */
export interface Progress {
  /** With fallbacks: of all methods together, one after the other. */
  readonly step: number
  /** Worst over the samples, finished ones included. */
  readonly residual: number
  /** Samples still moving, or waiting for the next method. */
  readonly active: number
}

/** Where the loop stands between two steps. Good until it is advanced. */
export interface Turn extends Progress {
  /** Per sample: of the state last measured. Reused; copy what is kept. */
  readonly residuals: Float32Array
  /** Per sample; `null` while it moves. Reused; copy what is kept. */
  readonly statuses: readonly (Status | null)[]
  /** The state of all samples, `[batch, size]`; a new tensor, owned by the caller. */
  current(): Vector
}

/** How one run of the loop ended, per sample. Plain numbers, but for `z` and `memory`. */
export interface Driven {
  /** `[batch, size]`; owned by the caller. */
  readonly z: Vector
  readonly status: readonly Status[]
  /** With all methods together. */
  readonly steps: Int32Array
  readonly residual: Float32Array
  /** Steps of the longest-running sample. */
  readonly total: number
  /** Rows evaluated by solver steps, summed. */
  readonly rowSteps: number
  readonly trace: Float32Array
  /** Method after method, when the solver has fallbacks. */
  readonly tried?: readonly (readonly Attempt[])[]
  /** With `keepMemory`, when no fallback ran; its tensors are owned by the caller. */
  readonly memory?: Memory
}
