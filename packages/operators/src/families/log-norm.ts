import * as tf from '@tensorflow/tfjs-core'
import type { Solver } from '@equilibria/spec'
import { picard } from '@equilibria/solvers'
import { EquilibriaError } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { type FamilyActivation, type FamilyActivationName, componentwise } from '../parameters/activations.ts'
import { affineFamily, type AffineOptions, weightedSolution } from '../parameters/affine-family.ts'

export interface LogNormOptions extends AffineOptions {
  /** `γ < 1`, of any sign: bound on the logarithmic norm. Default `0.9`. */
  readonly modulus?: number
  /** `σ`, increasing, 1-Lipschitz, acting on each entry by itself. Default `'tanh'`. */
  readonly activation?: FamilyActivationName | FamilyActivation
}

/**
 * NEMON: `G(z, x) = σ(z W + x U + b)` with logarithmic norm `μ(A) = maxᵢ (Aᵢᵢ + Σ_{j≠i} wᵢ |Aᵢⱼ| / wⱼ) ≤ γ < 1`, `A = Wᵀ`. One
 * equilibrium, whatever the weights are; the spectral radius of `A` may be far above 1.
 *
 * `A = D⁻¹TD − diag(|T|1) + γI`, `D = diag(w)`, `w = exp(8 tanh(d / 8))`, with free `T` and `d`: every `A` with `μ(A) ≤ γ` in
 * some norm with such weights.
 * Picard may diverge; `solver()` averages, `z ← (1 − α) z + α G(z)` with `α = 1 / (1 − minᵢ Aᵢᵢ⁻)`, read off the weights at the
 * start of each solve: a contraction by `1 − α (1 − γ⁺)` in `maxᵢ wᵢ|zᵢ|` (`certificate.rateNow()`).
 *
 * `z` is `[batch, size]`, `x` `[batch, inputs]`. When not to use it: with weights of size `K` the solve takes some `K` steps;
 * regularise `T`, or accelerate by `anderson({ mixing: α })`, for which there is no proof.
 *
 * @cost 1 product of `[batch, size]` by `[size, size]` per evaluation; one pass over the weight per solve
 * @throws EquilibriaError `option` on sizes that are not whole numbers ≥ 1, a modulus that is not a number below 1, a negative
 * gain, an activation that is not increasing and 1-Lipschitz entry by entry; `shape` when the input is not `[batch, inputs]`
 * @cite jafarpour2021
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { logNorm } from '@equilibria/operators'
 *
 * const family = logNorm({ size: 8, inputs: 2, modulus: 0, activation: 'relu' })
 * const { status } = equilibrium(family, { solver: family.solver(), maxSteps: 200 }).solve(tf.ones([4, 2]))
 * console.log(status, family.certificate.rateNow?.()) // converged …, the factor per step
 * family.dispose()
 * ```
 */
export function logNorm(options: LogNormOptions): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  const { modulus = 0.9, size } = options
  if (!(modulus < 1 && modulus > Number.NEGATIVE_INFINITY))
    throw new EquilibriaError('option', `logNorm({ modulus: ${modulus} }) is out of range.`, 'Pass a number below 1.')
  const activation = componentwise('logNorm', options.activation ?? 'tanh', true)
  if (activation.lipschitz > 1)
    throw new EquilibriaError(
      'option',
      `logNorm() cannot use "${activation.name}", whose slope reaches ${activation.lipschitz}.`,
      "Pass one with slopes in [0, 1], such as 'relu'.",
    )
  // The diagonal pays for the roundings of a row: a sum of n terms, two quotients, their products.
  const above = 1 + (size + 16) * 2 ** -23
  const limit = modulus - (1 + Math.abs(modulus)) * 2 ** -22
  return affineFamily<{ scale: tf.Variable }>({
    name: 'logNorm',
    options,
    extra: { scale: { shape: [size], value: 0 } },
    // Transposed throughout: entry [j, i] acts from j on i.
    matrix: ({ weight, scale }) => {
      const free = tf.mul(weight, tf.sub(1, tf.eye(size)))
      const [from, into] = [tf.reshape(exponent(scale), [size, 1]), tf.reshape(exponent(scale), [1, size])]
      const row = tf.sum(tf.abs(weight), 0)
      const own = tf.sum(tf.mul(weight, tf.eye(size)), 0)
      const diagonal = tf.add(tf.sub(own, tf.mul(row, above)), limit)
      return tf.add(tf.mul(free, tf.exp(tf.sub(from, into))), tf.mul(tf.eye(size), diagonal)) as tf.Tensor2D
    },
    finish: (sum) => activation.apply(sum),
    certificate: ({ input, scale }, used) => {
      const weights = () => Float64Array.from(scale.dataSync(), (d) => Math.exp(REACH * Math.tanh(d / REACH)))
      const now = () => Math.min(modulus, logarithmic(used(), weights()))
      return {
        property: 'one-sided',
        norm: 'weighted-inf',
        modulus,
        modulusNow: now,
        rateNow: () => 1 - step(used(), size) * (1 - Math.max(0, now())) + 2 ** -50,
        weights,
        solutionLipschitz: () => weightedSolution(input, activation.lipschitz, Math.max(0, now()), weights()),
        statement: `The logarithmic norm of A is at most ${modulus} in a weighted maximum norm, for all weights: one equilibrium, which averaged steps find.`,
        assumptions: [`${activation.name} is increasing and 1-Lipschitz in each entry`, 'the weights are finite'],
        sources: ['jafarpour2021'],
      }
    },
    solver: (_, used) => averaged(() => step(used(), size)),
  })
}

/** `d`, kept within `±8`: weights of the norm whose ratios stay below `e¹⁶` for every value of the variable. */
const exponent = (scale: tf.Variable): tf.Tensor => tf.mul(tf.tanh(tf.div(scale, REACH)), REACH)
const REACH = 8

/** `maxᵢ (Aᵢᵢ + Σ_{j≠i} wᵢ |Aᵢⱼ| / wⱼ)`, `A` the transpose of what is given, rounded up. */
function logarithmic(values: Float32Array, w: Float64Array): number {
  const n = w.length
  let largest = Number.NEGATIVE_INFINITY
  for (let i = 0; i < n; i++) {
    let [sum, size] = [values[i * n + i]!, Math.abs(values[i * n + i]!)]
    for (let j = 0; j < n; j++) {
      if (j === i) continue
      const term = (w[i]! * Math.abs(values[j * n + i]!)) / w[j]!
      sum += term
      size += term
    }
    const above = sum + size * (n + 4) * 2 ** -52
    if (!(above <= largest)) largest = above
  }
  return largest
}

/** `α = 1 / (1 − minᵢ Aᵢᵢ⁻)`, the largest step that leaves no negative entry on the diagonal. */
function step(values: Float32Array, n: number): number {
  let least = 0
  for (let i = 0; i < n; i++) least = Math.min(least, values[i * n + i]!)
  const alpha = 1 / (1 - least)
  // Weights that are not finite end as statuses of the solve, whatever the step.
  return alpha > 0 ? alpha : 1
}

/** `picard({ damping })` with a damping of its own for every solve. */
function averaged(damping: () => number): Solver {
  const solver: Solver<number> = {
    kind: 'solver',
    spec: 1,
    name: 'averaged picard',
    init: () => damping(),
    step: (problem, z, alpha) => ({ ...picard({ damping: alpha }).step(problem, z, null), memory: alpha }),
  }
  return solver as unknown as Solver
}
