import type { Aux, Solution, Status, TensorTree } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'

/** Nothing is left to do: the answer is what was asked for, or what float32 can give of it. */
const DONE: ReadonlySet<Status> = new Set<Status>(['converged', 'floor', 'exited'])

const SEVERITY: Readonly<Record<Status, number>> = {
  converged: 0,
  floor: 0.5,
  exited: 1,
  stagnated: 2,
  cycle: 2.5,
  'max-steps': 3,
  'out-of-time': 4,
  aborted: 5,
  diverged: 6,
  'non-finite': 7,
}

/** The worst of many. */
export const worstStatus = (all: readonly Status[]): Status =>
  all.reduce((a, b) => (SEVERITY[b] > SEVERITY[a] ? b : a), 'converged')

const REMEDY: Readonly<Record<Status, string>> = {
  converged: 'Nothing to do.',
  floor: 'As exact as float32 gets: loosen tolerance to have it called converged.',
  exited: 'The exit rule fired: tighten it if the answer is not good enough.',
  stagnated: 'The residual stopped falling: loosen tolerance or add damping.',
  cycle: 'The iterates repeat with a period above 1: add damping, or use anderson() or auto().',
  'max-steps': 'Raise maxSteps, loosen tolerance, or try anderson() or auto().',
  'out-of-time': 'The time budget ran out: raise budget.ms or loosen tolerance.',
  aborted: 'The AbortSignal fired.',
  diverged:
    'The map is probably not a contraction here: look at the contraction report in @equilibria/theory, damp, or try auto().',
  'non-finite': 'NaN or Infinity: check the input first, then the operator.',
}

/** What to do about a status, in words. */
export const remedy = (status: Status): string => REMEDY[status]

/**
 * Turn numerical trouble into an exception, for scripts and tests.
 * @throws EquilibriaError `not-converged` unless every sample converged, reached the float32 floor or left by its exit
 * rule.
 */
export function assertConverged<S extends TensorTree, A extends Aux>(solution: Solution<S, A>): Solution<S, A> {
  const { status, stats } = solution
  if (DONE.has(status)) return solution
  const bad = stats.perSample.status.filter((s) => !DONE.has(s)).length
  throw new EquilibriaError(
    'not-converged',
    `${bad} of ${stats.perSample.status.length} samples did not converge (worst: "${status}") after ${stats.steps} steps of ${stats.solver}; worst residual ${stats.residual.toExponential(2)}.`,
    remedy(status),
  )
}
