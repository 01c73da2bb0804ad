import * as tf from '@tensorflow/tfjs-core'
import { add, EquilibriaError, leaves, offTape, rebuild, scale, sub } from '@equilibria/tensor'
import type { Memory, Problem, Solver, Vector } from '@equilibria/spec'
import { rowNorm } from '../rows.ts'
import { wrapped } from './inherit.ts'

export interface SafeguardOptions {
  /** `D`: a residual above `D` times the largest of the last few is out of hand. Default `10`. */
  readonly factor?: number
  /** How many residuals are "the last few"; until there are as many, `factor` judges nothing. Default `6`. */
  readonly window?: number
  /** A residual above this many times the best is out of hand, however slowly it got there. Default `1e3`. */
  readonly limit?: number
  /** `β` of the Picard step that follows; halved at every return to the same state. Default `0.5`. */
  readonly damping?: number
}
/** What is remembered beside the wrapped method's own memory. */
export interface SafeguardMemory {
  readonly [key: string]: Memory
  /** Memories of the wrapped method; every row lives in one of them. More than one only after a restart of some rows. */
  readonly groups: readonly Memory[]
  /** Per row: which group, `β` of the next return, `‖r‖` of the best state, and the last norms. */
  readonly log: tf.Tensor2D
  readonly bestZ: Vector
  readonly bestR: Vector
}
const [GROUP, BETA, BEST, PAST] = [0, 1, 2, 3]

/**
 * Any method with a way back: a row whose residual gets out of hand returns to its best state `z_b`, takes one damped
 * Picard step from there, `z_b + β r_b`, and starts the method anew (`init`), while the other rows go on undisturbed.
 *
 * Out of hand: above `factor` times the largest of the last `window` residuals, or above `limit` times the best. The same
 * happens, from where it is, to a row whose proposal is not finite. Growth within these bounds is left alone, because good
 * methods grow before they converge on non-normal maps. Safe is not convergent: where neither the method nor damped Picard steps work,
 * the row ends with its budget.
 *
 * A row that starts anew gets a memory of its own age beside the first one, on one evaluation of `G` where the method calls `G`
 * at its state only. Memories that have come to look alike (same shapes and plain numbers) are merged, and those without rows
 * dropped. Methods that count
 * their steps (Chebyshev's, and Broyden's under Li and Fukushima's search) keep one for every step at which some row started anew.
 *
 * States are `[batch, size]`; judging and restarting are per row.
 *
 * @cost what `solver` costs, 2 stored vectors and one read-back of `window + 5` numbers per row
 * @throws EquilibriaError on a `factor` or `limit` below 1, a `window` below 1 or a `damping` outside `(0, 1]`
 * @cite zhang2020
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { aitken, safeguarded } from '@equilibria/solvers'
 *
 * const cosine = defineOperator({ name: 'cosine', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z) => tf.cos(z) })
 * const { status } = equilibrium(cosine, { solver: safeguarded(aitken()) }).solve(tf.ones([1, 1]))
 * console.log(status) // converged
 * ```
 */
export function safeguarded(
  solver: Solver,
  { factor = 10, window = 6, limit = 1e3, damping = 0.5 }: SafeguardOptions = {},
): Solver {
  if (!(factor >= 1) || !(limit >= 1) || !Number.isInteger(window) || window < 1 || !(damping > 0 && damping <= 1))
    throw new EquilibriaError(
      'option',
      `safeguarded(${solver.name}, { factor: ${factor}, window: ${window}, limit: ${limit}, damping: ${damping} }) is not usable.`,
      'Pass a factor ≥ 1, a whole window ≥ 1, a limit ≥ 1 and 0 < damping ≤ 1.',
    )
  const width = PAST + window
  const start = (problem: Problem, z: Vector, groups: readonly Memory[]): SafeguardMemory => {
    const row = Array.from({ length: width }, (_, i) =>
      i >= BEST ? Number.POSITIVE_INFINITY : i === BETA ? damping : 0,
    )
    const log = tf.tensor2d(Array.from({ length: problem.batch }, () => row))
    return { groups, log, bestZ: z, bestR: tf.zerosLike(z) }
  }
  return wrapped(solver, (name) => `safeguarded(${name})`, wrap)

  function wrap(solver: Solver): Solver {
    const guarded: Pick<Solver<SafeguardMemory>, 'init' | 'step' | 'resume'> = {
      init: (problem, z) => start(problem, z, [solver.init(problem, z)]),
      step(problem, z, memory) {
        const value = problem.apply(z)
        const r = sub(value, z)
        const once: Problem = { ...problem, apply: (u) => (u === z ? value : problem.apply(u)) }
        const steps = memory.groups.map((own) => solver.step(once, z, own))
        const { batch } = problem
        let host: Float32Array | undefined
        if (steps.length > 1) host = memory.log.dataSync() as Float32Array
        let next = steps[0]!.next
        for (let g = 1; g < steps.length; g++)
          next = choose(
            rowsWhere(batch, (b) => host![b * width + GROUP] === g),
            steps[g]!.next,
            next,
          )

        const { log, returned, stranded, improved } = offTape(() => judge(r, next, memory.log, batch))
        const bestZ = choose(improved, z, memory.bestZ)
        const bestR = choose(improved, r, memory.bestR)
        let groups: readonly Memory[] = steps.map((s) => s.memory)
        if (returned.includes(true) || stranded.includes(true)) {
          const beta = tf.tensor2d(
            Array.from({ length: batch }, (_, b) => log[b * width + BETA]!),
            [batch, 1],
          )
          next = choose(returned, add(bestZ, scale(bestR, beta)), choose(stranded, add(z, scale(r, beta)), next))
          for (let b = 0; b < batch; b++)
            if (returned[b] || stranded[b]) {
              log[b * width + GROUP] = groups.length
              log[b * width + BETA] = Math.max(log[b * width + BETA]! / 2, 1 / 64)
            }
          groups = [...groups, solver.init(problem, next)]
        }
        if (groups.length > 1) groups = tidyGroups(groups, log, batch)
        return { next, residual: r, memory: { groups, log: tf.tensor2d(log, [batch, width]), bestZ, bestR } }
      },
      ...(solver.resume
        ? {
            resume: (problem, z, { groups }) =>
              // Rows may sit in any of the memories; the first is as good a guess as the others for a new problem.
              start(problem, z, [solver.resume!(problem, z, groups[0]!)]),
          }
        : {}),
    }
    return guarded as unknown as Solver
  }

  /** Updates the log (but for groups and `β` of rows that start anew), and says what becomes of each row. */
  function judge(r: Vector, next: Vector, past: tf.Tensor2D, batch: number) {
    const read = tf.tidy(() =>
      tf.concat([rowNorm(r), tf.sum(tf.mul(next, 0), 1, true), past], 1).dataSync(),
    ) as Float32Array
    const log = new Float32Array(batch * width)
    const flags = () => Array.from({ length: batch }, () => false)
    const [returned, stranded, improved] = [flags(), flags(), flags()]
    for (let b = 0; b < batch; b++) {
      const [norm, proposal, ...row] = read.subarray(b * (width + 2), (b + 1) * (width + 2)) as unknown as number[]
      const best = row[BEST]!
      const worst = Math.max(...row.slice(PAST))
      if (norm! < best) {
        improved[b] = true
        row[BEST] = norm!
        row[BETA] = damping
      }
      // NaN is left to the driver, which ends such a row.
      returned[b] = norm! > factor * worst || norm! > limit * best
      stranded[b] = !returned[b] && !Number.isFinite(proposal)
      const seen = returned[b] ? row.slice(PAST).fill(Number.POSITIVE_INFINITY) : [norm!, ...row.slice(PAST, -1)]
      log.set([row[GROUP]!, row[BETA]!, row[BEST]!, ...seen], b * width)
    }
    return { log, returned, stranded, improved }
  }

  /** Drops memories without rows, and merges those that look alike; rewrites the group numbers. */
  function tidyGroups(groups: readonly Memory[], log: Float32Array, batch: number): readonly Memory[] {
    const kept: Memory[] = []
    groups.forEach((memory, g) => {
      const mine = rowsWhere(batch, (b) => log[b * width + GROUP] === g)
      if (!mine.includes(true)) return
      const shape = signature(memory)
      const twin = kept.findIndex((other) => signature(other) === shape)
      if (twin >= 0) {
        const [old, own] = [leaves(kept[twin]!), leaves(memory)]
        kept[twin] = rebuild(
          memory,
          own.map((leaf, i) => choose(mine, leaf, old[i]!)),
        )
      } else kept.push(memory)
      const id = twin >= 0 ? twin : kept.length - 1
      mine.forEach((m, b) => {
        if (m) log[b * width + GROUP] = -1 - id // negative: settled
      })
    })
    for (let b = 0; b < batch; b++) log[b * width + GROUP] = -1 - log[b * width + GROUP]!
    return kept
  }
}

const rowsWhere = (batch: number, test: (b: number) => boolean): boolean[] =>
  Array.from({ length: batch }, (_, b) => test(b))

/** Row by row, `a` where `mask`, else `b`; of any rank. */
function choose<T extends tf.Tensor>(mask: readonly boolean[], a: T, b: T): T {
  if (mask.every(Boolean)) return a
  if (!mask.includes(true)) return b
  const shape = [mask.length, ...a.shape.slice(1).map(() => 1)]
  return tf.where(tf.tensor(mask.map(Number), shape, 'bool'), a, b) as T
}

/** Structure, shapes and plain numbers of a memory: equal ones can be mixed row by row. */
const signature = (memory: Memory): string =>
  JSON.stringify(memory, (_, node: unknown) => (node instanceof tf.Tensor ? `tensor(${node.shape})` : node))
