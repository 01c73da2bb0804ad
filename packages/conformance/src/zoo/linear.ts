import * as tf from '@tensorflow/tfjs-core'
import { parameter, type ZooProblem, zooProblem } from './problem.ts'

/** `z = a z + b`, a modulus per sample. Answer `b / (1 − a)`. */
export const affine = (): ZooProblem => {
  const parameters = [
    [0.1, 1, -2],
    [0.5, 3, 0.5],
    [0.7, -0.3, 2.5],
    [0.9, 0.1, -0.2],
  ]
  return zooProblem({
    name: 'affine',
    summary: 'Scalar contractions of modulus 0.1 to 0.9.',
    source: 'b / (1 − a)',
    radius: 0.9,
    picard: 'contractive',
    parameters,
    answers: parameters.map(([a, ...b]) => b.map((v) => v / (1 - a!))),
    resolvent: 10,
    lipschitz: 0.9,
    apply: (z, x) => tf.add(tf.mul(z, parameter(x, 0)), tf.slice(x, [0, 1], [-1, 2])),
  })
}

/** `z = A z + x` with a `2 × 2` matrix, and the inverse written out. */
function twoByTwo(
  A: readonly (readonly [number, number])[],
  parts: Omit<Parameters<typeof zooProblem>[0], 'answers' | 'apply'>,
): ZooProblem {
  const [[a, b], [c, d]] = A as [[number, number], [number, number]]
  const det = (1 - a) * (1 - d) - b * c
  return zooProblem({
    ...parts,
    answers: parts.parameters.map(([p, q]) => [((1 - d) * p! + b * q!) / det, (c * p! + (1 - a) * q!) / det]),
    apply: (z, x) =>
      tf.add(
        tf.matMul(
          z,
          tf.tensor2d([
            [a, c],
            [b, d],
          ]),
        ),
        x,
      ), // rows are samples: z Aᵀ
  })
}

/** Spectral radius 0.9, 2-norm 10: the residual grows 38.7-fold before it falls. Truth case `affine_nonnormal_jordan`. */
export const jordan = (): ZooProblem =>
  twoByTwo(
    [
      [0.9, 10],
      [0, 0.9],
    ],
    {
      name: 'jordan',
      summary: 'A non-normal contraction: transient growth that must not be taken for divergence.',
      source: '(I − A)⁻¹ x',
      radius: 0.9,
      picard: 'converges',
      parameters: [
        [1, 1],
        [-2, 0.01],
      ],
      resolvent: 1000,
    },
  )

/** A rotation by 60° that shrinks by 0.95: a complex pair. Truth case `affine_rotation_scaling`. */
export const rotation = (): ZooProblem => {
  const [r, t] = [0.95, Math.PI / 3]
  return twoByTwo(
    [
      [r * Math.cos(t), -r * Math.sin(t)],
      [r * Math.sin(t), r * Math.cos(t)],
    ],
    {
      name: 'rotation',
      summary: 'A complex pair of eigenvalues: 0.95 e^{±iπ/3}.',
      source: '(I − A)⁻¹ x',
      radius: 0.95,
      picard: 'contractive',
      parameters: [
        [1, 0],
        [-0.5, 2],
      ],
      resolvent: 1.1, // 1 / min |1 − λ| of a normal matrix
      lipschitz: 0.95,
    },
  )
}

/** Eigenvalues −3 and 0.5: Picard diverges, and there is one answer. Truth case `affine_expansive`. */
export const expansive = (): ZooProblem =>
  twoByTwo(
    [
      [-0.76, -1.68],
      [-1.68, -1.74],
    ],
    {
      name: 'expansive',
      summary: 'An expansive map with a unique fixed point.',
      source: '(I − A)⁻¹ x',
      radius: 3,
      picard: 'fails',
      parameters: [
        [1, 2],
        [-1, 0.3],
      ],
      resolvent: 2,
    },
  )

/** `z = x − 5 z`, one implicit Euler step of a stiff equation. Truth case `implicit_euler_stiff`. */
export const implicitEuler = (): ZooProblem =>
  zooProblem({
    name: 'implicit-euler',
    summary: 'A stiff step: multiplier −5.',
    source: 'x / 6',
    radius: 5,
    picard: 'fails',
    parameters: [[1], [-2], [0.1]],
    answers: [[1 / 6], [-1 / 3], [0.1 / 6]],
    resolvent: 1,
    apply: (z, x) => tf.sub(x, tf.mul(z, 5)),
  })
