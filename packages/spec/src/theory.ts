import type { Problem } from './problem.ts'
import type { Vector } from './tree.ts'

/** A claim about a problem, and how much to trust it. */
export interface Report<D = unknown> {
  readonly kind: 'report'
  readonly property:
    | 'contraction'
    | 'convergence-rate'
    | 'equilibrium-exists'
    | 'error-bound'
    | 'expressivity'
    | 'gradient-error'
    | 'halting-margin'
    | 'lipschitz-curve'
    | 'lipschitz-lower-bound'
    | 'lipschitz-upper-bound'
    | 'monotonicity'
    | 'path-independence'
    | 'regularity'
    | 'scaling'
    | 'spectral-radius'
    | 'transient-premium'
    | 'well-posedness'
    | (string & {})
  readonly verdict: 'holds' | 'fails' | 'unknown'
  /** `proof`: from declared structure. `bound`: rigorous number. `estimate`: iterative number. `observation`: seen in a run. */
  readonly evidence: 'proof' | 'bound' | 'estimate' | 'observation'
  readonly value: number
  /** One sentence a reader can quote. */
  readonly statement: string
  readonly assumptions: readonly string[]
  /** Keys of `docs/references.bib`. */
  readonly sources: readonly string[]
  readonly detail: D
}
/** Looks at a bound problem near a state `z`, `[batch, size]`, and reports one property. */
export interface Analyzer<D = unknown> {
  readonly kind: 'analyzer'
  readonly spec: 1
  readonly name: string
  analyze(problem: Problem, z: Vector): Report<D>
}
