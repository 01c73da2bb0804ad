import * as tf from '@tensorflow/tfjs-core'
import type { Report, Solution, Status, TensorTree } from '@equilibria/spec'
import { requireRange, requireWhole } from '@equilibria/core'
import { leaves, offTape, packing, scoped, takeRows } from '@equilibria/tensor'
import { meanOf } from '../statistics/interval.ts'
import { normal } from '../statistics/random.ts'
import { short } from '../words.ts'

/** Where to start from. */
export interface PathIndependenceOptions {
  /** Every input is solved again from the equilibria of so many others (0: its own). Default `8`, or the batch if smaller. */
  readonly crossed?: number
  /** Gaussian starts with these standard deviations. Default `0.1, 1, 5`. */
  readonly deviations?: readonly number[]
  /** Answers closer than this, relatively, are one. Default `1e-2`. */
  readonly tolerance?: number
  /** Default `0`. */
  readonly seed?: number
}

/** Where the starts led. */
export interface PathIndependenceDetail {
  /** Mean cosine of the first answer and those from the equilibria of other inputs, its own among them. */
  readonly alignment: number
  /** Largest `‖z′ − z*‖/‖z*‖` over everything that converged. */
  readonly distance: number
  /** Per sample: how many different equilibria its starts led to. */
  readonly clusters: Int32Array
  /** Share of all solves that converged. */
  readonly converged: number
  readonly solves: number
}

/**
 * Does the answer depend on where the iteration starts? Every input is solved from its own start, from the equilibria of
 * other inputs (asymptotic alignment: mean cosine, 1 if the path does not matter), and from Gaussian starts; answers are
 * compared by distance too, since a cosine is blind to scale, and counted as different equilibria where they are.
 *
 * `holds`: one equilibrium per input, as far as seen. `fails`: several were found. `unknown`: too little converged. Value:
 * the alignment. Path independence is necessary for more iterations to help, not sufficient: see `transientPremium`.
 *
 * @cost `1 + crossed + deviations` solves of the whole batch
 * @throws EquilibriaError `option` on settings that are not usable
 * @cite anil2022
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { picard } from '@equilibria/solvers'
 * import { pathIndependence } from '@equilibria/theory'
 *
 * const bistable = defineOperator({ name: 'bistable', initial: (x: tf.Tensor2D) => x, apply: (z) => tf.tanh(tf.mul(2, z)) })
 * const layer = equilibrium(bistable, { solver: picard() })
 * console.log(pathIndependence(layer, tf.tensor2d([[1], [-1]])).verdict) // fails: ±.9575
 * ```
 */
export function pathIndependence<S extends TensorTree, X extends TensorTree>(
  layer: { solve(input: X, options?: { readonly initial?: S }): Solution<S> },
  input: X,
  options: PathIndependenceOptions = {},
): Report<PathIndependenceDetail> {
  const { deviations = [0.1, 1, 5], tolerance = 1e-2, seed = 0 } = options
  requireRange('pathIndependence({ tolerance })', tolerance, Number.MIN_VALUE)
  deviations.forEach((d) => requireRange('pathIndependence({ deviations })', d, 0))
  const detail = offTape(() =>
    scoped(() => {
      const first = layer.solve(input)
      const { pack, unpack, batch, size } = packing(first.state)
      const crossed = Math.min(options.crossed ?? 8, batch)
      requireWhole('pathIndependence({ crossed })', crossed, 0)
      const read = ({ state, stats }: Solution<S>): Answer => ({
        values: scoped(() => Float64Array.from(pack(state).dataSync())),
        good: stats.perSample.status.map(settled),
      })
      const own = read(first)
      const from = (initial: S): Answer => scoped(() => read(layer.solve(input, { initial })))
      const others = Array.from({ length: crossed }, (_, shift) =>
        scoped(() =>
          from(
            takeRows(
              first.state,
              Array.from({ length: batch }, (_, b) => (b + shift) % batch),
            ),
          ),
        ),
      )
      const draw = normal(seed)
      const random = deviations.map((deviation) =>
        scoped(() =>
          from(
            unpack(
              tf.tensor2d(
                Float32Array.from({ length: batch * size }, () => deviation * draw()),
                [batch, size],
              ),
            ),
          ),
        ),
      )
      for (const t of leaves(first.state)) t.dispose()
      return compare(own, others, random, { batch, size, tolerance })
    }),
  )
  return report(detail)
}

interface Answer {
  readonly values: Float64Array
  readonly good: readonly boolean[]
}
const settled = (status: Status): boolean => status === 'converged' || status === 'floor'

function compare(
  own: Answer,
  others: readonly Answer[],
  random: readonly Answer[],
  { batch, size, tolerance }: { batch: number; size: number; tolerance: number },
): PathIndependenceDetail {
  const all = [own, ...others, ...random]
  const row = ({ values }: Answer, b: number) => values.subarray(b * size, (b + 1) * size)
  const gap = (p: Float64Array, q: Float64Array): number => {
    const away = Math.hypot(...p.map((x, i) => x - q[i]!))
    return away === 0 ? 0 : away / Math.max(Math.hypot(...p), Math.hypot(...q))
  }
  const cosines: number[] = []
  const clusters = new Int32Array(batch)
  let distance = 0
  for (let b = 0; b < batch; b++) {
    const home = row(own, b)
    for (const other of others) {
      const there = row(other, b)
      const lengths = Math.hypot(...home) * Math.hypot(...there)
      const dot = home.reduce((s, x, i) => s + x * there[i]!, 0)
      // Two states at the origin agree.
      if (own.good[b] && other.good[b]) cosines.push(lengths === 0 ? Number(gap(home, there) === 0) : dot / lengths)
    }
    const found: Float64Array[] = []
    for (const answer of all) {
      if (!answer.good[b]) continue
      const z = row(answer, b)
      if (!found.some((known) => gap(known, z) <= tolerance)) found.push(z)
      if (own.good[b]) distance = Math.max(distance, gap(home, z))
    }
    clusters[b] = found.length
  }
  const good = all.reduce((s, answer) => s + answer.good.filter(Boolean).length, 0)
  return { alignment: meanOf(cosines), distance, clusters, converged: good / (batch * all.length), solves: all.length }
}

function report(detail: PathIndependenceDetail): Report<PathIndependenceDetail> {
  const several = detail.clusters.filter((n) => n > 1).length
  const n = detail.clusters.length
  const verdict = several > 0 ? 'fails' : detail.converged < 0.99 ? 'unknown' : 'holds'
  return {
    kind: 'report',
    property: 'path-independence',
    verdict,
    evidence: 'observation',
    value: detail.alignment,
    statement:
      several > 0
        ? `The answer depends on the start: ${several} of ${n} inputs have several equilibria (up to ${Math.max(...detail.clusters)}; alignment ${short(detail.alignment)}).`
        : `All ${detail.solves} starts that converged led to one equilibrium per input (alignment ${short(detail.alignment)}, largest relative distance ${short(detail.distance)}, ${short(100 * detail.converged)} % converged).`,
    assumptions: ['Only the starts tried; basins that none of them lies in are not seen.'],
    sources: ['anil2022'],
    detail,
  }
}
