import * as tf from '@tensorflow/tfjs-core'
import type { LpInput } from '../../src/graph/input.ts'

/** Uniform numbers in (−1, 1) from a seed (a linear congruential generator: enough for test data). */
export function numbers(seed: number): () => number {
  let state = (seed * 2654435761 + 12345) >>> 0
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 31 - 1
}

/** Random programs on the host: every sample its own sparsity pattern, no edge twice. */
export interface HostPrograms {
  readonly batch: number
  readonly m: number
  readonly n: number
  readonly edges: number
  readonly c: readonly number[]
  readonly lower: readonly number[]
  readonly upper: readonly number[]
  readonly b: readonly number[]
  readonly equality: readonly number[]
  readonly index: readonly number[]
  readonly values: readonly number[]
}

export function randomPrograms(batch: number, m: number, n: number, edges: number, seed: number): HostPrograms {
  const r = numbers(seed)
  const list = (count: number, f: () => number) => Array.from({ length: count }, f)
  const lower = list(batch * n, () => -2 + r())
  const index = list(batch, () => 0).flatMap(() => {
    const cells = Array.from({ length: m * n }, (_, i) => [r(), i] as const).sort((p, q) => p[0] - q[0])
    return cells.slice(0, edges).flatMap(([, i]) => [Math.floor(i / n), i % n])
  })
  return {
    batch,
    m,
    n,
    edges,
    c: list(batch * n, r),
    lower,
    upper: lower.map((l) => l + 2 + r()),
    b: list(batch * m, r),
    equality: list(batch * m, () => (r() > 0.4 ? 1 : 0)),
    index,
    values: list(batch * edges, () => 1.5 * r()),
  }
}

export const toTensors = (p: HostPrograms): LpInput => ({
  c: tf.tensor2d([...p.c], [p.batch, p.n]),
  lower: tf.tensor2d([...p.lower], [p.batch, p.n]),
  upper: tf.tensor2d([...p.upper], [p.batch, p.n]),
  b: tf.tensor2d([...p.b], [p.batch, p.m]),
  equality: tf.tensor2d([...p.equality], [p.batch, p.m]),
  edgeIndex: tf.tensor3d([...p.index], [p.batch, p.edges, 2], 'int32'),
  edgeValue: tf.tensor2d([...p.values], [p.batch, p.edges]),
})

/** The same programs with constraints and variables renamed: new constraint `rows[i]` is old `i`, and so on. */
export function renamed(p: HostPrograms, rows: readonly number[], columns: readonly number[]): HostPrograms {
  const move = (list: readonly number[], size: number, to: readonly number[]) => {
    const out = [...list]
    list.forEach((v, i) => (out[i - (i % size) + to[i % size]!] = v))
    return out
  }
  return {
    ...p,
    c: move(p.c, p.n, columns),
    lower: move(p.lower, p.n, columns),
    upper: move(p.upper, p.n, columns),
    b: move(p.b, p.m, rows),
    equality: move(p.equality, p.m, rows),
    index: p.index.map((v, i) => (i % 2 === 0 ? rows[v]! : columns[v]!)),
  }
}

/** The same programs with `more` rows `0 ≤ 0`, variables fixed at 0, and edges of value 0. */
export function padded(p: HostPrograms, more: number): HostPrograms {
  const grow = (list: readonly number[], size: number, extra: readonly number[]) =>
    Array.from({ length: p.batch }, (_, k) => [...list.slice(k * size, (k + 1) * size), ...extra]).flat()
  const zeros = new Array<number>(more).fill(0)
  return {
    batch: p.batch,
    m: p.m + more,
    n: p.n + more,
    edges: p.edges + more,
    c: grow(p.c, p.n, zeros),
    lower: grow(p.lower, p.n, zeros),
    upper: grow(p.upper, p.n, zeros),
    b: grow(p.b, p.m, zeros),
    equality: grow(p.equality, p.m, zeros),
    index: grow(
      p.index,
      2 * p.edges,
      zeros.flatMap(() => [0, 0]),
    ),
    values: grow(p.values, p.edges, zeros),
  }
}

export const one = (p: HostPrograms, k: number): HostPrograms => {
  const row = (list: readonly number[], size: number) => list.slice(k * size, (k + 1) * size)
  return {
    ...p,
    batch: 1,
    c: row(p.c, p.n),
    lower: row(p.lower, p.n),
    upper: row(p.upper, p.n),
    b: row(p.b, p.m),
    equality: row(p.equality, p.m),
    index: row(p.index, 2 * p.edges),
    values: row(p.values, p.edges),
  }
}
