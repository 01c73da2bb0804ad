import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import type { LinearSolver, Operator, Solver } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import {
  type CertifiedOperator,
  contractingRen,
  gradientStep,
  inputConvex,
  lben,
  monotone,
  monotoneConvolution,
} from '@equilibria/operators'
import { peacemanRachford } from '@equilibria/solvers'
import { cg, gmres } from '@equilibria/solvers/linear'

/* A small task for each family, by Adam and implicit gradients; the guarantee is that of the weights it ends with. */

interface Lesson {
  readonly x: tf.Tensor
  readonly y: tf.Tensor
  readonly adjoint: Solver | LinearSolver
  readonly rate: number
  readonly steps: number
}

/** Mean squared errors before and after. */
function train<S extends tf.Tensor>(
  operator: CertifiedOperator<S, S>,
  { x, y, adjoint, rate, steps }: Lesson,
): readonly [before: number, after: number] {
  const layer = equilibrium(operator as unknown as Operator<tf.Tensor, tf.Tensor>, {
    solver: operator.solver(),
    gradient: implicit({ solver: adjoint, tolerance: 1e-4, maxSteps: 300 }),
    tolerance: 1e-4,
    maxSteps: 500,
  })
  const optimiser = tf.train.adam(rate)
  const loss = (): tf.Scalar => {
    const { state, stats } = layer.solve(x)
    expect(stats.perSample.status.every((s) => s === 'converged' || s === 'floor')).toBe(true)
    return tf.mean(tf.square(tf.sub(state, y)))
  }
  const errors: number[] = []
  for (let k = 0; k <= steps; k++)
    tf.tidy(() => {
      if (k === 0 || k === steps) errors.push(loss().dataSync()[0]!)
      if (k < steps) optimiser.minimize(loss, false, Object.values(operator.variables))
    })
  optimiser.dispose()
  return errors as [number, number]
}

/** `fn` in a tidy, and nothing left. */
function leakless(fn: () => void): void {
  const before = tf.memory().numTensors
  tf.tidy(() => {
    fn()
  })
  expect(tf.memory().numTensors).toBe(before)
}

/** Smooth inputs in `[−1, 1]²`, and a target that is not linear in them. */
const plane = () => {
  const x = tf.tensor2d(Array.from({ length: 24 }, (_, i) => [Math.sin(1.7 * i), Math.cos(2.9 * i + 1)]))
  const [a, b] = tf.split(x, 2, 1) as [tf.Tensor2D, tf.Tensor2D]
  const y = tf.concat([tf.abs(a), tf.relu(tf.sub(a, b)), tf.mul(a, b)], 1)
  return {
    x,
    y: tf.pad(y, [
      [0, 0],
      [0, 1],
    ]),
  }
}

test('monotone', () =>
  leakless(() => {
    const operator = monotone({ size: 4, inputs: 2, modulus: 0.2, activation: 'relu', seed: 1 })
    const adjoint = peacemanRachford()
    const [before, after] = train(operator, { ...plane(), adjoint, rate: 0.03, steps: 40 })
    expect(after).toBeLessThan(0.5 * before)
    // W is off by 2⁻²⁴ times a few dozen.
    expect(operator.certificate.modulusNow!()).toBeGreaterThanOrEqual(0.2 - 1e-5)
    operator.dispose()
  }))

test('LBEN with a Lipschitz bound', () =>
  leakless(() => {
    const operator = lben({ size: 4, inputs: 2, margin: 0.2, lipschitz: 4, activation: 'tanh', seed: 1 })
    const data = plane()
    const [before, after] = train(operator, { ...data, adjoint: peacemanRachford(), rate: 0.03, steps: 60 })
    expect(after).toBeLessThan(0.6 * before)
    const { certificate, readoutLipschitz } = operator
    expect(certificate.modulusNow!()).toBeGreaterThanOrEqual(certificate.modulus - 1e-5)
    // Every pair of inputs, up to the error of the solves: residual 1e-5 times (1 + L)/m of about 100.
    const z = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 2000 }).solve(data.x).state
    const gaps = (t: tf.Tensor2D) => {
      const rows = t.shape[0]
      const difference = tf.sub(tf.reshape(t, [rows, 1, -1]), tf.reshape(t, [1, rows, -1]))
      return tf.norm(difference, 2, 2).dataSync()
    }
    const [dz, dx] = [gaps(z), gaps(data.x)]
    dz.forEach((d, i) => expect(d).toBeLessThanOrEqual(readoutLipschitz! * dx[i]! + 2e-3))
    operator.dispose()
  }))

test('monotone convolution: undo a circular blur', () =>
  leakless(() => {
    const operator = monotoneConvolution({
      height: 6,
      width: 6,
      channels: 1,
      inputs: 1,
      activation: 'identity',
      seed: 2,
    })
    const y = tf.tensor4d(
      Array.from({ length: 4 * 36 }, (_, i) => Math.sin(i * i)),
      [4, 6, 6, 1],
    )
    const shift = (t: tf.Tensor4D): tf.Tensor4D =>
      tf.concat([tf.slice(t, [0, 0, 1, 0], [-1, -1, 5, -1]), tf.slice(t, [0, 0, 0, 0], [-1, -1, 1, -1])], 2)
    const x = tf.add(tf.mul(y, 0.6), tf.mul(shift(y), 0.4)) as tf.Tensor4D
    const [before, after] = train(operator, { x, y, adjoint: peacemanRachford(), rate: 0.05, steps: 30 })
    expect(after).toBeLessThan(0.3 * before)
    expect(operator.certificate.modulusNow!()).toBeGreaterThanOrEqual(0.5 - 1e-5)
    operator.dispose()
  }))

test('contracting REN', () =>
  leakless(() => {
    const operator = contractingRen({ size: 4, inputs: 2, neurons: 5, rate: 0.8, seed: 3 })
    const data = plane()
    const [before, after] = train(operator, { ...data, adjoint: gmres(), rate: 0.03, steps: 40 })
    expect(after).toBeLessThan(0.5 * before)
    const metric = operator.certificate.metric!()
    const { apply } = operator.bind(data.x)
    const [a, b] = [tf.zeros([24, 4]), tf.mul(data.y, 3)] as [tf.Tensor2D, tf.Tensor2D]
    const norms = (t: tf.Tensor): number[] =>
      (t.arraySync() as number[][]).map((v) =>
        Math.sqrt(v.reduce((s, vi, i) => s + vi * v.reduce((r, vj, j) => r + metric[i * 4 + j]! * vj, 0), 0)),
      )
    const [into, out] = [norms(tf.sub(a, b)), norms(tf.sub(apply(a), apply(b)))]
    // float32 roundings of a step, times the condition of the metric: well below 1e-3 of the sizes here.
    out.forEach((d, i) => expect(d).toBeLessThanOrEqual(0.8 * into[i]! * (1 + 1e-3) + 1e-4))
    operator.dispose()
  }))

/** Piecewise constant signals, and the same with noise. */
const signals = (size: number) => {
  const clean = Array.from({ length: 24 }, (_, b) =>
    Array.from({ length: size }, (_, i) => (i < 2 + (b % (size - 3)) ? Math.sin(b) : Math.cos(2 * b))),
  )
  const noisy = clean.map((row, b) => row.map((v, i) => v + 0.4 * Math.sin(37 * b + 101 * i + (b * i) ** 2)))
  return { x: tf.tensor2d(noisy), y: tf.tensor2d(clean) }
}

test('gradient-step denoiser', () =>
  leakless(() => {
    const operator = gradientStep({ size: 8, hidden: 24, smoothness: 0.95, pull: 0.3, seed: 4 })
    const data = signals(8)
    const noise = tf.mean(tf.square(tf.sub(data.x, data.y))).dataSync()[0]!
    const [, after] = train(operator, { ...data, adjoint: cg(), rate: 0.03, steps: 60 })
    expect(after).toBeLessThan(0.9 * noise)
    expect(operator.gradientLipschitz()).toBeLessThanOrEqual(0.95 * (1 + 1e-5))
    operator.dispose()
  }))

test('input-convex denoiser', () =>
  leakless(() => {
    const operator = inputConvex({ size: 8, hidden: [16, 8], seed: 5 })
    const data = signals(8)
    const noise = tf.mean(tf.square(tf.sub(data.x, data.y))).dataSync()[0]!
    const [, after] = train(operator, { ...data, adjoint: cg(), rate: 0.03, steps: 60 })
    expect(after).toBeLessThan(0.9 * noise)
    // Nonexpansive and contracting still, on the data: roundings of 2⁻²⁴ times a few dozen terms of size 1.
    const state = operator.bind(data.x).apply(data.y) as tf.Tensor2D
    const other = operator.bind(data.x).apply(tf.neg(data.y)) as tf.Tensor2D
    const [into, out] = [tf.norm(tf.mul(data.y, 2), 2, 1).dataSync(), tf.norm(tf.sub(state, other), 2, 1).dataSync()]
    out.forEach((d, i) => expect(d).toBeLessThanOrEqual(operator.certificate.modulus * into[i]! + 2e-5))
    operator.dispose()
  }))
