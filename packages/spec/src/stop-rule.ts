import type { Status } from './solution.ts'

/** What is known about one sample after one step. Plain numbers; the object is reused between calls. */
export interface Observation {
  /** Row in the full batch. */
  readonly sample: number
  /** Steps this sample has taken, counting from 1; with fallbacks, by the present method, as all of this but the clock. */
  readonly step: number
  /** `‖G(z) − z‖₂`. */
  readonly absolute: number
  /** `‖z‖₂`. */
  readonly norm: number
  /** `‖G(z) − z‖₂ / max(‖z‖₂, 1)`. */
  readonly residual: number
  /** `residual` of the first step. */
  readonly first: number
  /** Smallest `residual` so far. */
  readonly best: number
  /** Step at which `best` was seen. */
  readonly bestStep: number
  /** Number of entries of the state, for root-mean-square tolerances. */
  readonly size: number
  /** Since the solve began. */
  readonly elapsedMs: number
  /**
   * The packed state of this sample, `[size]`, at which all this was measured. The driver always offers it; the first
   * call of a step reads the batch back. Borrowed: copy what outlives the call.
   */
  readonly packed?: () => Float32Array
}

/**
 * Decides, per sample and after each step, whether to stop and with which status. Rules compose (`anyOf`, `allOf`,
 * `atLeast`): the first answer wins. A rule that remembers keeps its memory in what `start` returns, never in itself,
 * so one rule value serves many solves at once.
 */
export interface StopRule {
  readonly kind: 'stop-rule'
  readonly spec: 1
  readonly name: string
  start(batch: number): (seen: Observation) => Status | undefined
}
