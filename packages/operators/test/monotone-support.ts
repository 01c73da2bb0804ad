import * as tf from '@tensorflow/tfjs-core'
import type { Solution, TensorTree } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import type { CertifiedOperator } from '@equilibria/operators'
import { expect } from 'vitest'

/** Unit roundoff of float32. */
export const U = 2 ** -24

/** Standard normal numbers (mulberry32, Box–Muller). */
export function normal(seed: number): () => number {
  let state = seed >>> 0
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
  return () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform())
}

/** A scale between `low` and `high`, evenly in its logarithm, from one normal number squashed. */
export const spreadScale = (random: () => number, low: number, high: number): number => {
  const t = 1 / (1 + Math.exp(-1.7 * random())) // close to uniform
  return low * (high / low) ** t
}

export function tensor(random: () => number, shape: readonly number[], scale = 1): tf.Tensor {
  const size = shape.reduce((a, b) => a * b, 1)
  return tf.tensor(
    Float32Array.from({ length: size }, () => scale * random()),
    [...shape],
  )
}

/** New values for every variable, each at a scale of its own. */
export function redraw(
  operator: Pick<CertifiedOperator, 'variables'>,
  random: () => number,
  low: number,
  high: number,
): void {
  for (const variable of Object.values(operator.variables))
    tf.tidy(() => variable.assign(tensor(random, variable.shape, spreadScale(random, low, high))))
}

export const frobenius = (values: ArrayLike<number>): number =>
  Math.sqrt(Array.from(values).reduce((s, x) => s + x * x, 0))
export const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a).reduce((s, x, i) => s + x * b[i]!, 0)
export const minus = (a: ArrayLike<number>, b: ArrayLike<number>): number[] => Array.from(a, (x, i) => x - b[i]!)

/** The rows of a `[batch, …]` tensor as float64 arrays. */
export function rows(t: tf.Tensor): number[][] {
  const data = Array.from(t.dataSync())
  const size = data.length / t.shape[0]!
  return Array.from({ length: t.shape[0]! }, (_, i) => data.slice(i * size, (i + 1) * size))
}

/**
 * Solves from random starts with the solver the family asks for, and insists that every row ends well. `floor`: residuals
 * that rounding may leave, relative; a row that ends there without having reached the tolerance is well as well.
 */
export function solveFromAnywhere<S extends tf.Tensor, X extends TensorTree>(
  operator: CertifiedOperator<S, X>,
  x: X,
  random: () => number,
  { maxSteps = 5000, tolerance = 1e-5, spread = 3, floor = 0 } = {},
): Solution<S> {
  const like = operator.bind(x).initial()
  const solution = equilibrium(operator, { solver: operator.solver(), maxSteps, tolerance }).solve(x, {
    initial: tensor(random, like.shape, spread) as S,
  })
  const { status, residual } = solution.stats.perSample
  status.forEach((s, i) => {
    const well = s === 'converged' || s === 'floor' || residual[i]! <= floor
    expect(well, `${operator.name}: ${s} after ${solution.stats.steps} steps, residual ${residual[i]}`).toBe(true)
  })
  return solution
}

/** `‖G(z, x) − z‖₂` per row. */
export function residuals<S extends tf.Tensor, X extends TensorTree>(
  operator: CertifiedOperator<S, X>,
  x: X,
  z: S,
): number[] {
  return rows(tf.sub(operator.bind(x).apply(z) as tf.Tensor, z)).map(frobenius)
}

/** Nothing is left behind by a solve, by one that is aborted, or by one that throws; dispose() frees the rest. */
export function checkLeaks<S extends tf.Tensor, X extends tf.Tensor>(
  make: () => CertifiedOperator<S, X>,
  x: () => X,
  wrong: () => X,
): void {
  const empty = tf.memory().numTensors
  const operator = make()
  const held = tf.memory().numTensors
  const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 20 })
  tf.tidy(() => void layer.solve(x()))
  const aborted = new AbortController()
  aborted.abort()
  tf.tidy(() => {
    expect(layer.solve(x(), { signal: aborted.signal }).status).toBe('aborted')
  })
  tf.tidy(() => {
    expect(() => layer.solve(wrong())).toThrow('was given a tensor')
  })
  operator.certificate.modulusNow?.()
  operator.certificate.solutionLipschitz?.()
  operator.certificate.weights?.()
  operator.certificate.metric?.()
  expect(tf.memory().numTensors).toBe(held)
  operator.dispose()
  expect(tf.memory().numTensors).toBe(empty)
}
