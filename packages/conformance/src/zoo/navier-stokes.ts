import * as tf from '@tensorflow/tfjs-core'
import { gaussian, matrix, type Matrix, product, transpose } from './host.ts'
import { type ZooProblem, zooProblem } from './problem.ts'

/**
 * A real Fourier basis on `n` points of the circle, orthonormal rows: constant, cosines and sines of wave number up to
 * `⌊n/3⌋` (the 2/3 rule keeps products of two such functions free of aliasing), with the wave number of each row.
 */
function fourier(n: number): { readonly basis: number[][]; readonly wave: number[]; readonly derivative: number[][] } {
  const cut = Math.floor(n / 3)
  const wave = [0, ...Array.from({ length: 2 * cut }, (_, i) => (i >> 1) + 1)]
  const basis = wave.map((k, row) =>
    Array.from({ length: n }, (_, i) => {
      const angle = (2 * Math.PI * k * i) / n
      return k === 0 ? Math.sqrt(1 / n) : Math.sqrt(2 / n) * (row % 2 === 1 ? Math.cos(angle) : Math.sin(angle))
    }),
  )
  // d/dx cos kx = −k sin kx, d/dx sin kx = k cos kx, in coefficients.
  const turn = matrix(wave.length, wave.length, (i, j) =>
    wave[i] !== wave[j] || i === j ? 0 : i % 2 === 1 ? wave[i]! : -wave[i]!,
  )
  return { basis, wave, derivative: product(transpose(basis), product(turn, basis)) }
}

const around = (left: Matrix, field: Matrix, right: Matrix): number[][] => product(product(left, field), right)

/**
 * Steady incompressible flow on a torus, `u·∇w = ν Δw − μ w + curl F`, as the fixed point of
 * `w = (ν k² + μ)⁻¹ (curl F − u·∇w)`, with `w = ∂v/∂x − ∂u/∂y`, `−Δψ = w`, `u = (∂ψ/∂y, −∂ψ/∂x)`, zero means,
 * Fourier modes up to `⌊n/3⌋`. Fields are `[n, n]`, axis 0 is `x`, axis 1 is `y`; state and parameters `[batch, n²]`.
 *
 * With `ν = 0.1`, no drag and a force of root mean square 0.05 the Reynolds number is 4 to 10, the steady flow is
 * unique, and this map is expansive: Picard diverges.
 */
export function flow(
  n: number,
  nu: number,
  drag: number,
): {
  /** `curl F` of a vorticity that shall be steady. */
  curlForce(w: Matrix): number[][]
  /** `∂F₂/∂x − ∂F₁/∂y` of a force with two components. */
  curl(first: Matrix, second: Matrix): number[][]
  /** `√mean |F|²` over both components, of the divergence-free `F` with this curl. */
  forceSize(curl: Matrix): number
  constants(): tf.Tensor2D[]
  apply(w: tf.Tensor2D, curl: tf.Tensor2D, constants: readonly tf.Tensor2D[]): tf.Tensor2D
} {
  const { basis, wave, derivative } = fourier(n)
  const back = transpose(basis)
  const m = wave.length
  const square = (i: number, j: number) => wave[i]! ** 2 + wave[j]! ** 2
  const inverse = (f: (k2: number) => number) => matrix(m, m, (i, j) => (square(i, j) === 0 ? 0 : 1 / f(square(i, j))))
  const overLaplace = inverse((k2) => k2)
  const overViscous = inverse((k2) => nu * k2 + drag)
  const weigh = (a: Matrix, b: Matrix) => a.map((row, i) => row.map((v, j) => v * b[i]![j]!))
  return {
    curlForce(w) {
      const psi = around(back, weigh(around(basis, w, back), overLaplace), basis)
      const dy = transpose(derivative)
      const advection = matrix(n, n, () => 0)
      const [u, v, wx, wy] = [product(psi, dy), product(derivative, psi), product(derivative, w), product(w, dy)]
      advection.forEach((row, i) => row.forEach((_, j) => (row[j] = u[i]![j]! * wx[i]![j]! - v[i]![j]! * wy[i]![j]!)))
      const hat = around(basis, w, back)
      const transported = around(basis, advection, back)
      const total = matrix(m, m, (i, j) => transported[i]![j]! + (nu * square(i, j) + drag) * hat[i]![j]!)
      total[0]![0] = 0
      return around(back, total, basis)
    },
    curl(first, second) {
      const dy = product(first, transpose(derivative))
      return product(derivative, second).map((row, i) => row.map((v, j) => v - dy[i]![j]!))
    },
    // F = (∂/∂y, −∂/∂x) of a potential whose −Δ is the curl, so |F|² sums |curl|²/k² over the modes.
    forceSize(curl) {
      const hat = around(basis, curl, back)
      let sum = 0
      hat.forEach((row, i) => row.forEach((c, j) => (sum += c * c * overLaplace[i]![j]!)))
      return Math.sqrt(sum / (2 * n * n))
    },
    constants: () => [
      tf.tensor2d(back), // right factor: to coefficients along the last axis
      tf.tensor2d(basis), // right factor: back to points
      tf.tensor2d(transpose(derivative)),
      tf.tensor2d(overLaplace),
      tf.tensor2d(overViscous),
    ],
    apply(w, curl, [toModes, toPoints, slope, laplace, viscous]) {
      const batch = w.shape[0]
      // A product along the last axis, then a transposition: twice gives both axes, in the order they came.
      const turn = (t: tf.Tensor3D, by: tf.Tensor2D): tf.Tensor3D => {
        const [, rows, columns] = t.shape
        const wide = tf.matMul(tf.reshape(t, [batch * rows, columns]) as tf.Tensor2D, by)
        return tf.transpose(tf.reshape(wide, [batch, rows, by.shape[1]]), [0, 2, 1]) as tf.Tensor3D
      }
      const both = (t: tf.Tensor3D, by: tf.Tensor2D) => turn(turn(t, by), by)
      const alongY = (t: tf.Tensor3D): tf.Tensor3D =>
        tf.reshape(tf.matMul(tf.reshape(t, [batch * n, n]) as tf.Tensor2D, slope!), [batch, n, n])
      const alongX = (t: tf.Tensor3D): tf.Tensor3D => tf.transpose(turn(tf.transpose(t, [0, 2, 1]), slope!), [0, 1, 2])
      const field = tf.reshape(w, [batch, n, n]) as tf.Tensor3D
      const psi = both(tf.mul(both(field, toModes!), laplace!), toPoints!)
      const advection = tf.sub(tf.mul(alongY(psi), alongX(field)), tf.mul(alongX(psi), alongY(field)))
      const right = tf.sub(tf.reshape(curl, [batch, n, n]) as tf.Tensor3D, advection) as tf.Tensor3D
      return tf.reshape(both(tf.mul(both(right, toModes!), viscous!), toPoints!), [batch, n * n])
    },
  }
}

/**
 * The steady flow above on `32²` points with `ν = 0.1`. The vorticity is chosen and the force follows from it, so the
 * answer is exact; it has the size of the set that the data pack calls regime B (Reynolds number 5.7): modes fall off as `e^{−|k|}` and the force
 * has root mean square 0.05.
 */
export function navierStokes(n = 32): ZooProblem {
  const map = flow(n, 0.1, 0)
  const { basis, wave } = fourier(n)
  const random = gaussian(41)
  const hat = wave.map((p) => wave.map((q) => (p + q === 0 ? 0 : random() * Math.exp(-Math.hypot(p, q)))))
  const shape = around(transpose(basis), hat, basis)
  const scaled = (s: number) => shape.map((row) => row.map((v) => v * s))
  // The force grows with the flow: bisection on its size.
  let [low, high] = [0, 1000]
  for (let k = 0; k < 60; k++) {
    const middle = (low + high) / 2
    if (map.forceSize(map.curlForce(scaled(middle))) < 0.05) low = middle
    else high = middle
  }
  const w = scaled(low)
  return zooProblem({
    name: 'navier-stokes',
    summary: 'Steady two-dimensional flow on a torus, Reynolds number 5.7.',
    source: 'manufactured: the force that this flow needs',
    // Of the Jacobian at the answer, formed column by column in float64 (by Fourier transforms, apart from this code).
    radius: 1.2885,
    picard: 'fails',
    parameters: [map.curlForce(w).flat()],
    answers: [w.flat()],
    resolvent: 3.99, // the same
    constants: map.constants,
    apply: map.apply,
  })
}
