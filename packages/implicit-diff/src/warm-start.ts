import * as tf from '@tensorflow/tfjs-core'
import type { Vector } from '@equilibria/spec'
import { EquilibriaError, column, rowDot, scale, scoped } from '@equilibria/tensor'

/** Adjoints of earlier training steps, for the next to start from. Owned by the caller. */
export interface AdjointMemory {
  /**
   * Which samples the next solve is about, one name per row: they are found again in any order and batch. Without it,
   * rows are samples by their position. Until the next call; `undefined` returns to positions.
   */
  select(samples: readonly (string | number)[] | undefined): void
  /** A start for `(I − Jᵀ) u = v`, `[batch, size]`, owned by the caller's scope; `undefined` where nothing is known. */
  recall(v: Vector): Vector | undefined
  /** Keep `u`, found for `v`, in the rows marked. Both are borrowed. */
  remember(u: Vector, v: Vector, rows: readonly boolean[]): void
  /** Forget everything. */
  dispose(): void
}

/** One sample: its adjoint, and the cotangent it answered. */
interface Kept {
  readonly u: Float32Array
  readonly v: Float32Array
}

/**
 * A memory of adjoints for `implicit({ warmStart })`.
 *
 * Parameters change little from one training step to the next, and so does `u = (I − Jᵀ)⁻¹ v`. The next solve starts at
 * `c u` of the last, per sample, with `c = ⟨v, v'⟩ / ⟨v', v'⟩` for the cotangent `v'` that it answered: the shrinking of a
 * loss is followed, and a cotangent that has nothing to do with the last one gives `c ≈ 0`, a cold start. The answer is
 * the same, to the tolerance; only the number of products changes.
 *
 * Samples are rows by position, or by name with `select()`. Adjoints of batches of another size, of samples not seen
 * before, and those that failed start cold. Not for data seen once: nothing is saved then.
 *
 * @cost no product; the rows live on the host, 8 bytes per entry and sample: one read-back and one upload per backward pass
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson } from '@equilibria/solvers'
 * import { gmres } from '@equilibria/solvers/linear'
 * import { adjointMemory, implicit } from '@equilibria/implicit-diff'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const warmStart = adjointMemory()
 * const layer = equilibrium(half, { solver: anderson(), gradient: implicit({ solver: gmres(), warmStart }) })
 * for (const samples of [['a', 'b'], ['b', 'a']]) {
 *   warmStart.select(samples)
 *   tf.grad((x) => tf.sum(layer.solve(x as tf.Tensor2D, { onBackward: ({ steps }) => console.log(steps) }).state))(tf.ones([2, 2]))
 * } // 2, then 1: the second time the start is the answer, and one product finds that out
 * warmStart.dispose()
 * ```
 */
export function adjointMemory(): AdjointMemory {
  const kept = new Map<string, Kept>()
  let selected: readonly (string | number)[] | undefined
  const keys = (batch: number, size: number): readonly string[] => {
    if (selected && selected.length !== batch)
      throw new EquilibriaError(
        'option',
        `adjointMemory().select() named ${selected.length} samples; the batch has ${batch}.`,
        'Call select() with one name per row before every solve, or select(undefined).',
      )
    return Array.from({ length: batch }, (_, b) =>
      selected ? `${typeof selected[b]} ${selected[b]}` : `${b} of ${batch}, ${size}`,
    )
  }
  return {
    select: (samples) => (selected = samples && [...samples]),
    recall(v) {
      const [batch, size] = v.shape
      const found = keys(batch, size).map((key) => kept.get(key))
      if (found.every((k) => k?.u.length !== size)) return undefined
      const rows = (part: 'u' | 'v') => {
        const all = new Float32Array(batch * size)
        found.forEach((k, b) => k && k.u.length === size && all.set(k[part], b * size))
        return tf.tensor2d(all, [batch, size])
      }
      return scoped(() => {
        const past = rows('v')
        const [dots, squares] = [rowDot(v, past), rowDot(past, past)]
        const along = dots.map((d, b) => d / squares[b]!)
        return scale(rows('u'), column(along.map((c) => (Number.isFinite(c) ? c : 0))))
      })
    },
    remember(u, v, rows) {
      const [batch, size] = v.shape
      const [us, vs] = [u.dataSync() as Float32Array, v.dataSync() as Float32Array]
      keys(batch, size).forEach((key, b) => {
        const part = (all: Float32Array) => all.slice(b * size, (b + 1) * size)
        if (rows[b]) kept.set(key, { u: part(us), v: part(vs) })
        else kept.delete(key)
      })
    },
    dispose: () => kept.clear(),
  }
}
