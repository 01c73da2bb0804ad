import * as tf from '@tensorflow/tfjs-core'
import { expect } from 'vitest'
import type { TensorTree } from '@equilibria/spec'
import type { Layer } from '@equilibria/operators'
import { jvp } from '@equilibria/tensor'

/** Flat float64 values by name. */
export type Values = Readonly<Record<string, Float64Array>>

/** Numbers in (−1, 1) that look random and are the same everywhere; none is near 0, where ReLU has its kink. */
export function numbers(count: number, seed: number): Float64Array {
  let state = (seed + 1) * 2654435761
  return Float64Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0
    const value = state / 2 ** 31 - 1
    return Math.fround(Math.sign(value) * (0.05 + 0.95 * Math.abs(value)))
  })
}
export const tensor = (shape: readonly number[], seed: number): tf.Tensor =>
  tf.tensor(
    Float32Array.from(
      numbers(
        shape.reduce((a, b) => a * b, 1),
        seed,
      ),
    ),
    [...shape],
  )
export const values = (t: tf.Tensor): Float64Array => Float64Array.from(t.dataSync())

/** Gives every variable (biases start at 0, gains at 1) values of no symmetry. */
export function shake(layer: { readonly variables: Readonly<Record<string, tf.Variable>> }, seed = 7): void {
  tf.tidy(() =>
    Object.values(layer.variables).forEach((v, i) =>
      v.assign(tf.mul(tensor(v.shape, seed + 31 * i), 0.9) as tf.Tensor),
    ),
  )
}

const apart = (a: Float64Array, b: Float64Array): number => {
  expect(a.length).toBe(b.length)
  let most = 0
  // a NaN is an infinite distance
  for (let i = 0; i < a.length; i++)
    most = Math.max(most, Number.isNaN(a[i]! - b[i]!) ? Infinity : Math.abs(a[i]! - b[i]!))
  return most
}
const size = (a: Float64Array): number => a.reduce((most, v) => Math.max(most, Math.abs(v)), 0)

/**
 * The layer against a plain reference in float64: its values; the gradients of `⟨c, f⟩` in every input and variable;
 * Jacobian–vector products; second derivatives in the input, and mixed with the variables (what a Jacobian penalty needs):
 * all against central differences of the reference (right to 1e-8). The layer works in float32: roundings of 6e-8 over sums of
 * some hundred terms and quotients of differences, so 1e-5 of the largest entry for values and 5e-5 for gradients.
 */
export function checkLayer<I extends TensorTree>(
  layer: Layer<I>,
  inputs: Readonly<Record<string, tf.Tensor>>,
  build: (x: Readonly<Record<string, tf.Tensor>>) => I,
  reference: (x: Values, w: Values) => Float64Array,
): void {
  tf.tidy(() => {
    const before = tf.memory().numTensors
    const x = Object.fromEntries(Object.entries(inputs).map(([k, t]) => [k, values(t)]))
    const w = Object.fromEntries(Object.entries(layer.variables).map(([k, t]) => [k, values(t)]))
    const y = reference(x, w)
    tf.tidy(() => {
      const got = layer.bind()(build(inputs))
      expect(apart(values(got), y)).toBeLessThan(1e-5 * (1 + size(y)))
    })
    const c = numbers(y.length, 99)
    const loss = (given: Readonly<Record<string, tf.Tensor>>): tf.Scalar => {
      const out = layer.bind()(build(given))
      return tf.sum(tf.mul(out, tf.tensor(Float32Array.from(c), out.shape)))
    }
    const difference = (of: Record<string, Float64Array>, name: string): Float64Array => {
      const h = 1e-5
      const own = of[name]!
      return own.map((value, i) => {
        const at = (v: number): number => {
          own[i] = v
          const out = reference(x, w).reduce((s, e, j) => s + c[j]! * e, 0)
          own[i] = value
          return out
        }
        return (at(value + h) - at(value - h)) / (2 * h)
      })
    }
    const compare = (name: string, got: tf.Tensor, want: Float64Array): void =>
      expect(apart(values(got), want), `gradient in ${name}`).toBeLessThan(5e-5 * (1 + size(want)))
    const names = Object.keys(inputs)
    tf.tidy(() => {
      const pulled = tf.grads((...given: tf.Tensor[]) => loss(Object.fromEntries(names.map((n, i) => [n, given[i]!]))))(
        Object.values(inputs),
      )
      names.forEach((name, i) => compare(`input ${name}`, pulled[i]!, difference(x, name)))
    })
    const trained = Object.entries(layer.variables)
    if (trained.length)
      tf.tidy(() => {
        const { grads } = tf.variableGrads(
          () => loss(inputs),
          trained.map(([, v]) => v),
        )
        trained.forEach(([name, v]) => compare(`variable ${name}`, grads[v.name]!, difference(w, name)))
      })
    tf.tidy(() => {
      const [name] = names as [string]
      const at = inputs[name]!
      const one = (given: tf.Tensor): Readonly<Record<string, tf.Tensor>> => ({ ...inputs, [name]: given })
      const v = tensor(at.shape, 17)
      const along = jvp((given: tf.Tensor) => layer.bind()(build(one(given))), at, v)
      const moved = (of: Float64Array, direction: Float64Array, h: number): (() => void) => {
        const kept = of.slice()
        direction.forEach((d, i) => (of[i]! += h * d))
        return () => of.set(kept)
      }
      const value = (steps: readonly (readonly [Float64Array, Float64Array, number])[]): Float64Array => {
        const undo = steps.map(([of, direction, h]) => moved(of, direction, h))
        const out = reference(x, w)
        undo.toReversed().forEach((back) => back())
        return out
      }
      const [own, d] = [x[name]!, values(v)]
      const [ahead, behind] = [value([[own, d, 1e-5]]), value([[own, d, -1e-5]])]
      const want = ahead.map((e, i) => (e - behind[i]!) / 2e-5)
      expect(apart(values(along), want), 'jvp').toBeLessThan(5e-5 * (1 + size(want)))

      // ⟨c, f²⟩/2, so that linear layers and biases have second derivatives as well
      const half = (e: Float64Array): number => e.reduce((a, out, i) => a + (c[i]! * out ** 2) / 2, 0)
      const scalar = (steps: Parameters<typeof value>[0]): number => half(value(steps))
      const h = 1e-4
      const squared = (given: tf.Tensor): tf.Scalar => {
        const out = layer.bind()(build(one(given)))
        return tf.sum(
          tf.mul(
            tf.square(out),
            tf.tensor(
              Float32Array.from(c, (e) => e / 2),
              out.shape,
            ),
          ),
        )
      }
      const slope = (given: tf.Tensor): tf.Scalar => tf.sum(tf.mul(tf.grad(squared)(given), v))
      const second = (scalar([[own, d, h]]) - 2 * half(y) + scalar([[own, d, -h]])) / h ** 2
      // Sums over all outputs, of either sign: float32 roundings relative to the sum of their sizes.
      const room = 1e-5 * (1 + y.length) * (1 + size(y)) ** 2
      const curvature = values(tf.mul(tf.grad(slope)(at), v)).reduce((a, b) => a + b, 0)
      expect(Math.abs(curvature - second), 'curvature').toBeLessThan(room + 1e-4 * Math.abs(second))
      if (trained.length) {
        const { grads } = tf.variableGrads(
          () => slope(at),
          trained.map(([, t]) => t),
        )
        for (const [key, variable] of trained) {
          const u = values(tensor(variable.shape, 23))
          const corner = (a: number, b: number): number =>
            scalar([
              [own, d, a],
              [w[key]!, u, b],
            ])
          const mixed = (corner(h, h) - corner(h, -h) - corner(-h, h) + corner(-h, -h)) / (4 * h ** 2)
          const got = values(grads[variable.name]!).reduce((s, g, i) => s + g * u[i]!, 0)
          expect(Math.abs(got - mixed), `mixed with ${key}`).toBeLessThan(room + 1e-4 * Math.abs(mixed))
        }
      }
    })
    expect(tf.memory().numTensors).toBe(before)
  })
}

/** Ratios of distances over random pairs, near and far, never exceed the bound. */
export function neverBroken(bound: number, map: (x: tf.Tensor) => tf.Tensor, shape: readonly number[]): void {
  tf.tidy(() => {
    for (const [seed, radius] of [
      [1, 1],
      [2, 0.1],
      [3, 5],
    ] as const) {
      const a = tensor(shape, seed)
      const b = tf.add(a, tf.mul(tensor(shape, seed + 50), radius))
      const length = (t: tf.Tensor): number => Math.hypot(...t.dataSync())
      // float32 roundings of the two values: 1e-4 of the quotient at these radii
      expect(length(tf.sub(map(a), map(b))) / length(tf.sub(a, b))).toBeLessThanOrEqual(bound * (1 + 1e-4))
    }
  })
}

/** `‖M‖₂` from below, by power iteration on `MᵀM`, `M` the linear part of `map`. */
export function powerNorm(map: (x: tf.Tensor) => tf.Tensor, shape: readonly number[], steps = 60): number {
  return tf.tidy(() => {
    const origin = map(tf.zeros([...shape]))
    const linear = (x: tf.Tensor): tf.Tensor => tf.sub(map(x), origin)
    let v = tensor(shape, 5)
    let norm = 0
    for (let i = 0; i < steps; i++) {
      const u = linear(tf.div(v, tf.norm(v)))
      norm = Math.hypot(...u.dataSync())
      v = tf.grad((x: tf.Tensor) => tf.sum(tf.mul(linear(x), u)))(v)
    }
    return norm
  })
}
