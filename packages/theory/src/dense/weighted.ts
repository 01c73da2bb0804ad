import { absolute, build, denseSpectralRadius, frobenius, type Matrix, multiply, norm2, transpose } from './matrix.ts'

/** A norm in which a matrix shrinks: `‖v‖ = ‖diag(w) v‖₂`, or `√(vᵀPv)`. */
export type ContractiveNorm =
  | { readonly kind: 'diagonal'; readonly modulus: number; readonly weights: Float64Array }
  | { readonly kind: 'quadratic'; readonly modulus: number; readonly metric: Matrix }

/** `‖D A D⁻¹‖₂`, `D = diag(weights)`: the norm of `A` where vectors are measured as `‖D v‖₂`. To rounding. */
export const weightedNorm = (a: Matrix, weights: ArrayLike<number>): number =>
  norm2(build(a.rows, a.rows, (i, j) => (weights[i]! * a.data[i * a.rows + j]!) / weights[j]!))

/**
 * A norm in which `A` is a contraction, if `ρ(A) < 1`; `undefined` if not.
 *
 * Diagonal weights first: Perron's, `√(uᵢ/vᵢ)` of the left and right vectors of `|A| + δ‖A‖`, and Osborne's, which balance
 * row and column norms with every entry kept above `δ‖A‖` (without that floor the weights of a triangular matrix run
 * away). The mildest `δ` whose modulus is at most `(1 + ρ)/2` is taken, else the best of all. Where no such `D` does,
 * the solution of `P = I + γ⁻² AᵀPA`, `γ = (1 + ρ)/2`, always does, with modulus at most `γ`.
 *
 * Cost: some dozens of products of `n × n` matrices and symmetric eigenvalue problems, on the host. @cite osborne1960
 */
export function contractiveNorm(a: Matrix): ContractiveNorm | undefined {
  const rho = denseSpectralRadius(a)
  if (!(rho < 1)) return undefined
  const goal = (1 + rho) / 2
  let best: ContractiveNorm | undefined
  for (const floor of [1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
    for (const weights of [perron(a, floor), osborne(a, floor)]) {
      const modulus = weightedNorm(a, weights)
      if (modulus < (best?.modulus ?? 1)) best = { kind: 'diagonal', modulus, weights }
      if (modulus <= goal) return best
    }
  return best ?? quadratic(a, goal)
}

function perron(a: Matrix, floor: number): Float64Array {
  const n = a.rows
  const least = floor * frobenius(a)
  const positive = build(n, n, (i, j) => Math.abs(a.data[i * n + j]!) + least)
  const [right, left] = [positive, transpose(positive)].map((m) => {
    let v = new Float64Array(n).fill(1)
    for (let k = 0; k < 200; k++) {
      const w = new Float64Array(n)
      for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) w[i]! += m.data[i * n + j]! * v[j]!
      const most = Math.max(...w)
      v = w.map((x) => x / most)
    }
    return v
  }) as [Float64Array, Float64Array]
  return unitWeights(left.map((u, i) => Math.sqrt(u / right[i]!)))
}

function osborne(a: Matrix, floor: number): Float64Array {
  const n = a.rows
  const least = (floor * frobenius(a)) ** 2
  const entries = absolute(a).data
  const d = new Float64Array(n).fill(1)
  for (let sweep = 0; sweep < 30; sweep++)
    for (let i = 0; i < n; i++) {
      let [row, column] = [0, 0]
      for (let j = 0; j < n; j++) {
        if (j === i) continue
        const ratio = (d[i]! / d[j]!) ** 2
        row += (entries[i * n + j]! ** 2 + least) * ratio
        column += (entries[j * n + i]! ** 2 + least) / ratio
      }
      if (row > 0 && column > 0) d[i]! *= (column / row) ** 0.25
    }
  return unitWeights(d)
}

/** The smallest is 1. */
const unitWeights = (d: Float64Array): Float64Array => {
  const least = Math.min(...d)
  return d.map((x) => x / least)
}

function quadratic(a: Matrix, gamma: number): ContractiveNorm | undefined {
  let power: Matrix = { ...a, data: a.data.map((x) => x / gamma) }
  let p = build(a.rows, a.rows, (i, j) => (i === j ? 1 : 0))
  // P₂ₖ = Pₖ + (Aᵀ)ᵏ Pₖ Aᵏ: 2²⁰ terms of the series.
  for (let k = 0; k < 20; k++) {
    const more = multiply(multiply(transpose(power), p), power)
    p = { ...p, data: p.data.map((x, i) => x + more.data[i]!) }
    power = multiply(power, power)
  }
  return p.data.every(Number.isFinite) ? { kind: 'quadratic', modulus: gamma, metric: p } : undefined
}
