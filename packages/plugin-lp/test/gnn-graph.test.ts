import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { bipartite, edgeDot, sparseProduct } from '@equilibria/plugin-lp'
import { affine, clip, stack } from '../src/models/dense.ts'
import { numbers, randomPrograms, toTensors } from './support/programs.ts'

const [batch, m, n, edges, d] = [3, 4, 6, 9, 2]
const programs = randomPrograms(batch, m, n, edges, 1)
const draw = (seed: number, shape: [number, number]) =>
  tf.tensor2d(Float32Array.from({ length: shape[0] * shape[1] }, numbers(seed)), shape)
/** Float32 sums of fewer than 10 terms of order 1: some ulps of 6e-8. */
const ROUNDING = 2e-6
const distance = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!

/** The matrices as dense blocks, on the host. */
function dense(values: ArrayLike<number>): number[][][] {
  const a = Array.from({ length: batch }, () => Array.from({ length: m }, () => new Array<number>(n).fill(0)))
  for (let e = 0; e < batch * edges; e++)
    a[Math.floor(e / edges)]![programs.index[2 * e]!]![programs.index[2 * e + 1]!]! += values[e]!
  return a
}

describe('sparse products', () => {
  test('agree with dense ones, both ways', () => {
    tf.tidy(() => {
      const x = toTensors(programs)
      const graph = bipartite(x)
      const a = dense(programs.values)
      const q = draw(2, [d, batch * n])
      const p = draw(3, [d, batch * m])
      const [qs, ps] = [q.arraySync(), p.arraySync()]
      const up = Array.from({ length: d }, (_, c) =>
        a.flatMap((block, s) => block.map((row) => row.reduce((sum, v, j) => sum + v * qs[c]![s * n + j]!, 0))),
      )
      const down = Array.from({ length: d }, (_, c) =>
        a.flatMap((block, s) =>
          Array.from({ length: n }, (__, j) => block.reduce((sum, row, i) => sum + row[j]! * ps[c]![s * m + i]!, 0)),
        ),
      )
      expect(distance(sparseProduct(graph, x.edgeValue, q, 'constraints'), tf.tensor2d(up))).toBeLessThan(ROUNDING)
      expect(distance(sparseProduct(graph, x.edgeValue, p, 'variables'), tf.tensor2d(down))).toBeLessThan(ROUNDING)
    })
  })

  test('first and second derivatives, in the values and in x', () => {
    // f(v, x) = Σ w ∘ (A(v) x)² is quadratic in v and in x, so central differences are exact but for rounding:
    // values of order 10, steps of 1e-1, float32: about 10 · 6e-8 / 1e-1 ≈ 1e-5 per difference, times the sums.
    tf.tidy(() => {
      const x = toTensors(programs)
      const graph = bipartite(x)
      const w = draw(5, [d, batch * m])
      const q = draw(6, [d, batch * n])
      const f = (v: tf.Tensor, s: tf.Tensor) =>
        tf.sum(tf.mul(w, tf.square(sparseProduct(graph, v, s, 'constraints')))) as tf.Scalar
      const [dv, ds] = [draw(7, [batch, edges]), draw(8, [d, batch * n])]
      const both = (v: tf.Tensor, s: tf.Tensor) => tf.grads(f)([v, s]) as [tf.Tensor, tf.Tensor]
      const along = (v: tf.Tensor, s: tf.Tensor) => {
        const [gv, gs] = both(v, s)
        return tf.add(tf.sum(tf.mul(gv, dv)), tf.sum(tf.mul(gs, ds))) as tf.Scalar
      }
      const h = 0.1
      const shift = (k: number) => [tf.add(x.edgeValue, tf.mul(dv, k * h)), tf.add(q, tf.mul(ds, k * h))] as const
      const value = (k: number) => f(...shift(k)).dataSync()[0]!
      // fourth order: f is a polynomial of degree 4 along a line in both
      const slope = (8 * (value(1) - value(-1)) - (value(2) - value(-2))) / (12 * h)
      expect(along(x.edgeValue, q).dataSync()[0]!).toBeCloseTo(slope, 3)

      const [hv, hs] = tf.grads(along)([x.edgeValue, q]) as [tf.Tensor, tf.Tensor]
      const second = tf.add(tf.sum(tf.mul(hv, dv)), tf.sum(tf.mul(hs, ds))).dataSync()[0]!
      const slopeAt = (k: number) => along(...shift(k)).dataSync()[0]!
      const curvature = (8 * (slopeAt(1) - slopeAt(-1)) - (slopeAt(2) - slopeAt(-2))) / (12 * h)
      expect(second).toBeCloseTo(curvature, 2)
      expect(Math.abs(curvature)).toBeGreaterThan(0.1) // the comparison says something
    })
  })

  test('edgeDot is the transpose of the product in its values', () => {
    tf.tidy(() => {
      const x = toTensors(programs)
      const graph = bipartite(x)
      const [p, q] = [draw(9, [d, batch * m]), draw(10, [d, batch * n])]
      const left = tf.sum(tf.mul(p, sparseProduct(graph, x.edgeValue, q, 'constraints'))).dataSync()[0]!
      const right = tf.sum(tf.mul(x.edgeValue, edgeDot(graph, p, q))).dataSync()[0]!
      expect(left).toBeCloseTo(right, 4)
    })
  })

  test('an edge to nowhere is named', () => {
    const bad = { ...programs, index: programs.index.map((v, i) => (i === 2 * edges + 5 ? n : v)) }
    const before = tf.memory().numTensors
    tf.tidy(() => {
      expect(() => bipartite(toTensors(bad))).toThrow(/Edge 2 of sample 1 joins constraint \d and variable 6/)
    })
    expect(tf.memory().numTensors).toBe(before)
  })
})

test('dense layers, stacks and clips have the gradients of the plain operations', () => {
  tf.tidy(() => {
    const [w, b, x, y] = [draw(11, [3, 5]), tf.tensor1d([0.1, -0.2, 0.3]), draw(12, [2, 7]), draw(13, [3, 7])]
    const ours = (w_: tf.Tensor, b_: tf.Tensor, x_: tf.Tensor, y_: tf.Tensor) =>
      tf.sum(tf.square(clip(affine(w_, b_, stack([x_, y_])), 0.8)))
    const plain = (w_: tf.Tensor, b_: tf.Tensor, x_: tf.Tensor, y_: tf.Tensor) =>
      tf.sum(
        tf.square(
          tf.clipByValue(
            tf.add(tf.matMul(w_ as tf.Tensor2D, tf.concat([x_, y_], 0) as tf.Tensor2D), tf.reshape(b_, [3, 1])),
            -0.8,
            0.8,
          ),
        ),
      )
    const [a, c] = [tf.grads(ours)([w, b, x, y]), tf.grads(plain)([w, b, x, y])]
    a.forEach((g, i) => expect(distance(g, c[i]!)).toBeLessThan(1e-5)) // sums of 21 terms of order 1
  })
})
