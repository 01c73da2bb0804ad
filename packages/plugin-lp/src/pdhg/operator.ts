import type * as tf from '@tensorflow/tfjs-core'
import type { BoundOperator, Operator } from '@equilibria/spec'
import { EquilibriaError, onTape } from '@equilibria/tensor'
import type { LpInput } from '../graph/input.ts'
import type { LinearProgram } from '../program/program.ts'
import { average } from './average.ts'
import { halpern, workspace } from './halpern.ts'
import { emptyState, type RestartOptions } from './host.ts'
import { checkSolvable, type ProgramInput, programsOf } from './input.ts'
import { prepare, type Prepared } from './prepare.ts'
import { decode, emptyLeaves, encode, type PdhgState, readLeaves, writeLeaves } from './state.ts'

/** A batch of graphs, or indices into the operator's `programs`. */
export type PdhgInput = LpInput | ProgramInput

export interface PdhgOptions {
  /** For `ProgramInput`: the programs that the indices mean. Prepared once, on first use. */
  readonly programs?: readonly LinearProgram[]
  /** `halpern`: reflected, restarted Halpern, constant step. `average`: averaged, adaptive step. Default `halpern`. */
  readonly method?: 'halpern' | 'average'
  /** PDHG steps in one application of `G`. Default `64`. */
  readonly inner?: number
  /** Rounds of Ruiz equilibration before Pock–Chambolle scaling. Default `10`. */
  readonly ruiz?: number
  /** When an epoch ends. Defaults `0.2`, `0.5`, `0.36`. */
  readonly restart?: Partial<RestartOptions>
  /** `pair`: two float32 per number between applications, 48 bits. `single`: one. Default `pair`. */
  readonly precision?: 'pair' | 'single'
}

const isGraph = (input: PdhgInput): input is LpInput => 'edgeIndex' in input

/**
 * The classical method for linear programs as a fixed-point operator: primal–dual hybrid gradients,
 *
 * `y⁺ = clip(y − τ (c − Aᵀλ))`, `λ⁺ = prox(λ − σ A (2y⁺ − y))`, `τ = η/ω`, `σ = ηω`, `η ≤ 1/‖Â‖₂`,
 *
 * preconditioned when the input is bound (Ruiz, then Pock–Chambolle), restarted, and with the primal weight `ω` updated at
 * restarts. One application of `G` is `inner` such steps and one look at whether to restart. Fixed points are the pairs
 * `(y, λ)` that satisfy the KKT conditions.
 *
 * `method: 'halpern'` iterates `z ← w (2T(z) − z) + (1 − w) z₀`, `w = (k + 1)/(k + 2)`, with a constant step and restarts
 * by the fixed-point residual; `'average'` averages the iterates, with adaptive steps and restarts by the KKT error. Over
 * the 30 Netlib programs to 1e-4, before the last change to `ω` served both: Halpern 30 in 555 k steps, averages 29 in
 * 616 k steps that cost twice as much.
 *
 * The state is `PdhgState`: `y` `[batch, n]` and `dual` `[batch, m]` in the units of the program, as pairs of float32,
 * with the iterate, the anchor and the bookkeeping. The steps themselves run in float64 on the host. `precision: 'single'`
 * drops the low halves: to 1e-4 that solves 29 of the 30, to 1e-7 it solves 17 where pairs solve 28.
 *
 * Input: graphs (`LpInput`), or indices into `programs`. Rows of one input share `m` and `n`; samples stop, freeze and
 * leave the batch by themselves. Run it under `picard()`: it does its own acceleration. A solver that mixes states
 * (Anderson) runs and stops correctly, and gains nothing.
 *
 * Not for training: it has no gradient, and says so under a tape. Not for integer programs.
 *
 * @cost `2 · inner` products with the matrix per application and sample; 6 vectors
 * @throws EquilibriaError on options out of range, programs that are not linear programs, mixed sizes
 * @cite applegate2021, lu2024, lieder2021, pock2011, ruiz2001
 * @example
 * ```ts
 * import { equilibrium } from '@equilibria/core'
 * import { kktBelow, pdhg, programInput, readMps } from '@equilibria/plugin-lp'
 * import { picard } from '@equilibria/solvers'
 *
 * const program = readMps(`NAME TINY
 * ROWS
 *  N COST
 *  L LIM
 * COLUMNS
 *  X COST -1.0 LIM 1.0
 * RHS
 *  RHS LIM 4.0
 * ENDATA
 * `)
 * const layer = equilibrium(pdhg({ programs: [program] }), { solver: picard(), stop: kktBelow(1e-8, [program]) })
 * const { state, status } = layer.solve(programInput([0]))
 * console.log(status, state.y.dataSync(), state.dual.dataSync()) // converged [4] [-1]
 * ```
 */
export function pdhg(options: PdhgOptions = {}): Operator<PdhgState, PdhgInput> {
  const { programs = [], inner = 64, ruiz = 10, precision = 'pair', method = 'halpern' } = options
  if (!Number.isInteger(inner) || inner < 1 || !Number.isInteger(ruiz) || ruiz < 0)
    throw new EquilibriaError(
      'option',
      `pdhg({ inner: ${inner}, ruiz: ${ruiz} }) is not a schedule.`,
      'inner is a whole number ≥ 1, ruiz one ≥ 0.',
    )
  const advance = { halpern, average }[method]
  if (!advance)
    throw new EquilibriaError('option', `pdhg({ method: "${String(method)}" }) is not known.`, 'halpern or average.')
  const restart: RestartOptions = { sufficient: 0.2, necessary: 0.5, artificial: 0.36, ...options.restart }
  for (const [name, v] of Object.entries(restart))
    if (!(v > 0 && v < 1))
      throw new EquilibriaError('option', `pdhg({ restart: { ${name}: ${v} } }) is not a share.`, 'Pass 0 < v < 1.')
  const prepared = new Map<number, Prepared>()
  const ready = (index: number): Prepared => {
    const known = prepared.get(index)
    if (known) return known
    const program = programs[index]
    if (!program)
      throw new EquilibriaError(
        'data',
        `The input asks for program ${index}; the operator has ${programs.length}.`,
        'Pass pdhg({ programs }) and indices from 0 to programs.length − 1.',
      )
    checkSolvable(program)
    const made = prepare(program, { ruiz })
    prepared.set(index, made)
    return made
  }

  return {
    kind: 'operator',
    spec: 1,
    name: 'pdhg',
    traits: {},
    bind(input): BoundOperator<PdhgState> {
      const samples = isGraph(input)
        ? programsOf(input).map((program) => {
            checkSolvable(program)
            return prepare(program, { ruiz })
          })
        : Array.from((input.program as tf.Tensor).dataSync(), ready)
      const { m, n } = samples[0]!
      const odd = samples.findIndex((p) => p.m !== m || p.n !== n)
      if (odd >= 0)
        throw new EquilibriaError(
          'shape',
          `Sample ${odd} is ${samples[odd]!.m} × ${samples[odd]!.n}, sample 0 is ${m} × ${n}.`,
          'The programs of one batch share their numbers of rows and columns; pad them or solve them one by one.',
        )
      const work = workspace(samples[0]!)
      return {
        initial() {
          const out = emptyLeaves(samples.length, m, n)
          samples.forEach((p, row) => {
            const s = emptyState(p)
            for (let j = 0; j < n; j++) s.y[j] = Math.min(p.upper[j]!, Math.max(p.lower[j]!, 0))
            s.yIterate.set(s.y)
            s.yAnchor.set(s.y)
            encode(p, s, out, row, precision === 'pair')
          })
          return writeLeaves(out, samples.length, m, n)
        },
        apply(state) {
          if (onTape())
            throw new EquilibriaError(
              'gradient',
              'pdhg() runs on the host: it has no gradient.',
              'Solve outside tf.grad, or pass no gradient mode to equilibrium().',
            )
          const from = readLeaves(state as PdhgState)
          const out = emptyLeaves(samples.length, m, n)
          samples.forEach((p, row) => {
            const s = decode(p, from, row)
            advance(p, s, work, { steps: inner, restart })
            encode(p, s, out, row, precision === 'pair')
          })
          return writeLeaves(out, samples.length, m, n)
        },
      }
    },
  }
}
