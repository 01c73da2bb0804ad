import * as tf from '@tensorflow/tfjs-core'
import { scoped } from '@equilibria/tensor'
import { type CertifiedOperator, contractingRen } from '@equilibria/operators'
import { expect } from 'vitest'
import { minus, normal, redraw, rows, solveFromAnywhere, spreadScale, tensor } from './monotone-support.ts'

type Matrix = number[][]
const matrix = (t: tf.Tensor): Matrix => rows(t)
const transpose = (a: Matrix): Matrix => a[0]!.map((_, j) => a.map((row) => row[j]!))
const product = (a: Matrix, b: Matrix): Matrix => {
  const columns = transpose(b)
  return a.map((row) => columns.map((column) => row.reduce((s, x, k) => s + x * column[k]!, 0)))
}
const apply = (a: Matrix, v: readonly number[]): number[] => a.map((row) => row.reduce((s, x, k) => s + x * v[k]!, 0))

/** `a⁻¹ b` by Gaussian elimination with partial pivoting. */
function solve(a: Matrix, b: readonly number[]): number[] {
  const n = a.length
  const m = a.map((row, i) => [...row, b[i]!])
  for (let k = 0; k < n; k++) {
    let p = k
    for (let i = k; i < n; i++) if (Math.abs(m[i]![k]!) > Math.abs(m[p]![k]!)) p = i
    ;[m[k], m[p]] = [m[p]!, m[k]!]
    for (let i = k + 1; i < n; i++) {
      const f = m[i]![k]! / m[k]![k]!
      for (let j = k; j <= n; j++) m[i]![j]! -= f * m[k]![j]!
    }
  }
  const x = Array.from({ length: n }, () => 0)
  for (let i = n - 1; i >= 0; i--) {
    let sum = m[i]![n]!
    for (let j = i + 1; j < n; j++) sum -= m[i]![j]! * x[j]!
    x[i] = sum / m[i]![i]!
  }
  return x
}

interface Shape {
  readonly n: number
  readonly q: number
  readonly rate: number
  readonly margin: number
  readonly activation: 'tanh' | 'relu'
}

/** The network of the published formulas, columns acting, in float64: one step, and the metric of its contraction. */
export function reference(operator: Pick<CertifiedOperator, 'variables'>, { n, q, rate, margin, activation }: Shape) {
  const of = (name: string) => operator.variables[name]!
  const X = matrix(of('X'))
  const H = product(transpose(X), X).map((row, i) => row.map((v, j) => v + (i === j ? margin : 0)))
  const cut = (i: number, j: number): Matrix => {
    const [starts, sizes] = [
      [0, n, n + q],
      [n, q, n],
    ]
    return H.slice(starts[i]!, starts[i]! + sizes[i]!).map((row) => row.slice(starts[j]!, starts[j]! + sizes[j]!))
  }
  const [P, F, H22, H21, H32, H11] = [cut(2, 2), cut(2, 0), cut(1, 1), cut(1, 0), cut(2, 1), cut(0, 0)]
  const Y = matrix(of('Y'))
  const E = H11.map((row, i) => row.map((v, j) => 0.5 * (v + P[i]![j]! / rate ** 2 + Y[i]![j]! - Y[j]![i]!)))
  const [B2, D12] = [transpose(matrix(of('B2'))), transpose(matrix(of('D12')))]
  const [stateBias, neuronBias] = [Array.from(of('stateBias').dataSync()), Array.from(of('neuronBias').dataSync())]
  const sigma = activation === 'tanh' ? Math.tanh : (v: number) => Math.max(v, 0)
  const lambda = H22.map((row, i) => row[i]! / 2)
  const step = (x: readonly number[], u: readonly number[]): number[] => {
    const into = apply(D12, u)
    const w: number[] = []
    for (let i = 0; i < q; i++) {
      let level = into[i]! + neuronBias[i]!
      for (let j = 0; j < n; j++) level -= (H21[i]![j]! / lambda[i]!) * x[j]!
      for (let j = 0; j < i; j++) level -= (H22[i]![j]! / lambda[i]!) * w[j]!
      w.push(sigma(level))
    }
    const inner = apply(F, x).map((v, i) => v + apply(H32, w)[i]!)
    const moved = solve(E, inner)
    return moved.map((v, i) => v + apply(B2, u)[i]! + stateBias[i]!)
  }
  /** `√(vᵀ Eᵀ P⁻¹ E v)`. */
  const norm = (v: readonly number[]): number => {
    const e = apply(E, v)
    return Math.sqrt(
      Math.max(
        0,
        solve(P, e).reduce((s, x, i) => s + x * e[i]!, 0),
      ),
    )
  }
  return { step, norm }
}

/**
 * Random members of the contracting REN, random pairs of states. What float32 makes of one step is measured against the
 * same step in float64; the contraction may miss its rate by no more than that, and the float64 step by nothing.
 */
export function drawRen(count: number, seed: number): number {
  const random = normal(seed)
  for (let i = 0; i < count; i++) {
    const shape: Shape = {
      n: 1 + (i % 4),
      q: 1 + (i % 5),
      rate: [0.5, 0.9, 0.98][i % 3]!,
      margin: 0.05,
      activation: i % 2 === 0 ? 'tanh' : 'relu',
    }
    const { n, q, rate, margin, activation } = shape
    const inputs = 1 + (i % 3)
    const operator = contractingRen({ size: n, inputs, neurons: q, rate, margin, activation })
    scoped(() => {
      redraw(operator, random, 0.05, 2)
      const { step, norm } = reference(operator, shape)
      const u = tensor(random, [1, inputs], spreadScale(random, 0.1, 3)) as tf.Tensor2D
      const both = tf.concat([u, u]) as tf.Tensor2D
      const x = tensor(random, [2, n], spreadScale(random, 0.1, 10)) as tf.Tensor2D
      const [a, b] = rows(x)
      const [ua] = rows(u)
      const [ya, yb] = rows(operator.bind(both).apply(x) as tf.Tensor)
      const [ea, eb] = [step(a!, ua!), step(b!, ua!)]
      const before = norm(minus(a!, b!))
      // Roundings of the float64 reference: 1e-15 times its condition, at most about (5/margin)² here.
      expect(norm(minus(ea, eb)), `draw ${i}`).toBeLessThanOrEqual(before * rate * (1 + 1e-9))
      const off = [norm(minus(ya!, ea)), norm(minus(yb!, eb))]
      expect(norm(minus(ya!, yb!)), `draw ${i}`).toBeLessThanOrEqual(before * rate + off[0]! + off[1]!)
      // What is measured is rounding: 2⁻²⁴ times sizes, times the condition ‖H‖/ε of what is inverted.
      const size = 1 + Math.max(norm(a!), norm(b!), norm(ea), norm(eb))
      expect(Math.max(...off)).toBeLessThanOrEqual(2e-3 * size)
      // The metric that the certificate hands out is that one.
      const metric = operator.certificate.metric!()
      const gap = minus(a!, b!)
      let square = 0
      for (let r = 0; r < n; r++) for (let c = 0; c < n; c++) square += gap[r]! * metric[r * n + c]! * gap[c]!
      expect(Math.sqrt(square) / before).toBeCloseTo(1, 2)
      solveFromAnywhere(operator, both, random, { maxSteps: 5000, tolerance: 1e-5 })
    })
    operator.dispose()
  }
  return count
}
