import type { Problem, Solver, Splitting, Vector } from '@equilibria/spec'
import { add, EquilibriaError, scale, sub } from '@equilibria/tensor'

export interface SplittingOptions {
  /** `α`: the step of every resolvent. Default: the `step` of the operator's splitting for reflected resolvents, else from
   * its `monotonicity` and `lipschitz`, else 1. */
  readonly step?: number
}

/** @throws EquilibriaError `option` unless `α` is left out or positive */
export function checkStep(call: string, step: number | undefined): void {
  if (step !== undefined && !(step > 0 && step < Number.POSITIVE_INFINITY))
    throw new EquilibriaError('option', `${call}({ step: ${step} }) is not a step.`, 'Pass a finite step > 0.')
}

/** The parts of a problem. @throws EquilibriaError `requirement` when it has none */
export function partsOf(problem: Problem, solver: string): Splitting<Vector> {
  if (problem.splitting) return problem.splitting
  throw new EquilibriaError(
    'requirement',
    `${solver}() needs the monotone parts of the operator, and this one offers no splitting.`,
    'Return one from bind() (linearProxSplitting() writes it for z = prox(W z + b)), or use a solver that only evaluates.',
  )
}

/** @throws EquilibriaError `requirement` */
export function missing(solver: string, what: string, hint: string): never {
  throw new EquilibriaError('requirement', `${solver}() ${what}.`, hint)
}

/** What splitting methods remember: the point their update runs on, and its image under `(I + αB)⁻¹`. */
export type SplittingMemory = { readonly x: Vector; readonly p: Vector }

/** One splitting method: which parts it needs, which step it takes, how its point moves. */
export interface SplittingMethod {
  readonly name: string
  /** @throws EquilibriaError `requirement` unless the parts it needs are there */
  check(parts: Splitting<Vector>): void
  alpha(parts: Splitting<Vector>, symmetric: boolean): number
  /** The next `x`. */
  move(parts: Splitting<Vector>, at: SplittingMemory, alpha: number): Vector
}

/**
 * A method that runs on an auxiliary point `x`: the state is (what is read off) `p = (I + αB)⁻¹ x`. The residual is the
 * true one, `G(z) − z` at the state that came in: one evaluation that the method itself would not need, and the only
 * number that means the same for every solver.
 */
export function splittingSolver({ name, check, alpha, move }: SplittingMethod): Solver {
  const stepOf = (problem: Problem, parts: Splitting<Vector>): number => alpha(parts, problem.traits.symmetric === true)
  const solver: Solver<SplittingMemory> = {
    kind: 'solver',
    spec: 1,
    name,
    init(problem, z) {
      const parts = partsOf(problem, name)
      check(parts)
      const step = stepOf(problem, parts)
      // Where the state stands for another point, that point is not known yet: what B makes of the start will do.
      const p = parts.stateOf ? parts.resolventB(z, step) : z
      // At a solution x − p ∈ αB p and −(A + C) p ∈ B p: a start near a solution stays near it.
      return { x: parts.applyA || parts.applyC ? explicitStep(parts, p, step) : p, p }
    },
    step(problem, z, memory) {
      const parts = partsOf(problem, name)
      const step = stepOf(problem, parts)
      const x = move(parts, memory, step)
      const p = parts.resolventB(x, step)
      return { next: parts.stateOf ? parts.stateOf(p) : p, residual: sub(problem.apply(z), z), memory: { x, p } }
    },
    resume: (_problem, _z, memory) => memory,
  }
  return solver as unknown as Solver
}

/** `p − α (A p + C p)`, of the parts that are there. */
export function explicitStep({ applyA, applyC }: Splitting<Vector>, p: Vector, alpha: number): Vector {
  const forward = [applyA?.(p), applyC?.(p)].filter((t) => t !== undefined)
  return forward.length === 0
    ? p
    : sub(p, scale(forward.length === 1 ? forward[0]! : add(forward[0]!, forward[1]!), alpha))
}

/** `x + λ ((I + αA)⁻¹(2p − x − αC p) − p)`: with `λ = 2` Peaceman–Rachford, with 1 Douglas–Rachford, or Davis–Yin with `C`. */
export function reflectedStep(
  { resolventA, applyC }: Splitting<Vector>,
  { x, p }: SplittingMemory,
  alpha: number,
  relaxation: number,
): Vector {
  const reflected = sub(scale(p, 2), x)
  const point = applyC ? sub(reflected, scale(applyC(p), alpha)) : reflected
  const moved = sub(resolventA ? resolventA(point, alpha) : point, p)
  return add(x, relaxation === 1 ? moved : scale(moved, relaxation))
}

/**
 * The best step of a reflected resolvent when `A` is `m`-strongly monotone and `L`-Lipschitz: `1/L`, for the rate
 * `√((L − m)/(L + m))`; when `A` is symmetric `1/√(mL)`, for `(√L − √m)/(√L + √m)`. Without `L`: 1. Where the operator
 * knows a better one, that.
 */
export function resolventStep({ step, monotonicity: m, lipschitz: L }: Splitting<Vector>, symmetric: boolean): number {
  if (step !== undefined) return step
  if (L === undefined || !(L > 0)) return 1
  return symmetric && m !== undefined && m > 0 ? 1 / Math.sqrt(m * L) : 1 / L
}

/** @throws EquilibriaError `requirement` unless `A` comes with its resolvent, and there is no `C` to be left out */
export function checkReflection(solver: string, { resolventA, applyC }: Splitting<Vector>): void {
  if (!resolventA)
    missing(solver, 'needs the resolvent (I + αA)⁻¹, which this splitting does not have', 'Use forwardBackward().')
  if (applyC) missing(solver, 'would leave out the part C that this splitting has', 'Use davisYin().')
}
