import * as tf from '@tensorflow/tfjs-core'
import {
  gaussian,
  identityMinus,
  matrix,
  orthonormal,
  product,
  resolventNorm,
  solveDense,
  times,
  transpose,
} from './host.ts'
import type { Matrix } from './host.ts'
import { type ZooProblem, zooProblem } from './problem.ts'

const size = 64

/** `z = A z + x` with one right-hand side of normal numbers. */
function affine(
  name: string,
  summary: string,
  source: string,
  radius: number,
  A: Matrix,
  seed: number,
  answer?: (x: number[]) => number[],
): ZooProblem {
  const random = gaussian(seed)
  const x = A.map(random)
  const normal = answer !== undefined
  return zooProblem({
    name,
    summary,
    source,
    radius,
    picard: normal ? 'contractive' : 'converges',
    parameters: [x],
    answers: [answer ? answer(x) : solveDense(identityMinus(A), x)],
    resolvent: normal ? 1 / (1 - radius) : resolventNorm(A),
    // log(1e-7 / ‖x‖) / log ρ: 160 at ρ = 0.9, 1700 at 0.99; and the transient of a matrix that is not normal
    maxSteps: radius > 0.95 ? 4000 : 400,
    ...(normal ? { lipschitz: radius } : {}),
    constants: () => [tf.tensor2d(transpose(A))], // rows are samples: z Aᵀ
    apply: (z, b, [At]) => tf.add(tf.matMul(z, At!), b),
  })
}

/**
 * `z = A z + x`, `A = Q Λ Qᵀ` with 64 eigenvalues evenly on `[−ρ, ρ]` and a random orthogonal `Q`. Answer
 * `Q (I − Λ)⁻¹ Qᵀ x`.
 */
export function affineSymmetric(radius: number): ZooProblem {
  const random = gaussian(11)
  const Q = orthonormal(matrix(size, size, random))
  const eigenvalues = Array.from({ length: size }, (_, i) => radius * ((2 * i) / (size - 1) - 1))
  const A = product(
    Q,
    transpose(Q).map((row, i) => row.map((v) => v * eigenvalues[i]!)),
  )
  return affine(
    `affine-symmetric-${radius}`,
    `A symmetric affine map of 64 unknowns, eigenvalues evenly between ±${radius}.`,
    'Q (I − Λ)⁻¹ Qᵀ x',
    radius,
    A,
    12,
    (x) =>
      times(
        Q,
        times(transpose(Q), x).map((v, i) => v / (1 - eigenvalues[i]!)),
      ),
  )
}

/**
 * `z = A z + x`, `A = Q T Qᵀ`: `T` has 32 blocks `r · rotation(θ)` on its diagonal (`r` evenly up to `ρ`, `θ` evenly in
 * `(0, π)`) and normal numbers of deviation `1/16` above it, so that `ρ` is known and `A` is not normal.
 */
export function affineNonsymmetric(radius: number): ZooProblem {
  const random = gaussian(13)
  const Q = orthonormal(matrix(size, size, random))
  const pairs = size / 2
  const T = matrix(size, size, (i, j) => {
    const [p, q] = [Math.floor(i / 2), Math.floor(j / 2)]
    if (p < q) return random() / 16
    if (p > q) return 0
    // Moduli and angles are paired by a stride prime to 32, so that large moduli meet every angle.
    const r = (radius * (p + 1)) / pairs
    const angle = (Math.PI * (((p * 13) % pairs) + 0.5)) / pairs
    return i === j ? r * Math.cos(angle) : (i < j ? -1 : 1) * r * Math.sin(angle)
  })
  return affine(
    `affine-nonsymmetric-${radius}`,
    `A non-normal affine map of 64 unknowns, complex pairs of modulus up to ${radius}.`,
    'Gaussian elimination in float64',
    radius,
    product(Q, product(T, transpose(Q))),
    14,
  )
}
