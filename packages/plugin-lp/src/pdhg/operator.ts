import type * as tf from '@tensorflow/tfjs-core'
import type { BoundOperator, Operator } from '@equilibria/spec'
import { EquilibriaError, onTape } from '@equilibria/tensor'
import type { LpInput } from '../graph/input.ts'
import type { LinearProgram } from '../program/program.ts'
import { average } from './average.ts'
import { halpern, workspace } from './halpern.ts'
import { emptyState, type RestartOptions } from './host.ts'
import { checkProgram, type ProgramInput, programsOf } from './input.ts'
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
 * Restarted PDHG on linear programs as a fixed-point operator: one application is `inner` primal–dual steps on the
 * equilibrated program, `y⁺ = proj(y − τ (c − Aᵀλ))`, `λ⁺ = proj(λ + σ (b − A (2 y⁺ − y)))`, with Halpern anchoring or
 * averaging, adaptive restarts and primal weights. Its fixed points are the optimal primal–dual pairs. On infeasible
 * programs it diverges along a certificate.
 *
 * Rows of one bound input share `m` and `n`. Not differentiable: for gradients use `pdhgStep`.
 *
 * @cost `2 · inner` sparse products per application, a fixed number of stored vectors
 * @throws EquilibriaError on an option out of range, and on a program that the input names and the operator lacks
 * @cite applegate2021
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
    checkProgram(program)
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
            checkProgram(program)
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
