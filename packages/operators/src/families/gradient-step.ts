import * as tf from '@tensorflow/tfjs-core'
import { requireRange, requireWhole } from '@equilibria/core'
import { picard } from '@equilibria/solvers'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { spectralBound } from '../parameters/spectral-bound.ts'
import { createVariables } from '../parameters/variables.ts'

/** Sizes, constants, start and seed of a `gradientStep` denoiser. */
export interface GradientStepOptions {
  /** Entries of a signal. */
  readonly size: number
  /** Hidden units of `N`. */
  readonly hidden: number
  /** `κ` in `(0, 1)`: bound on `Lip(∇g)`, whatever the weights. Default `0.9`. */
  readonly smoothness?: number
  /** `t` in `(0, 1]`: how strongly the equilibrium is pulled to the input. Default `0.5`. */
  readonly pull?: number
  /** Steepness `s` of `tanh(s·)`: the scale `1/s` of signals at which the denoiser bends. Default `1`. */
  readonly steepness?: number
  /** Default `0`. */
  readonly seed?: number
}

/** A gradient-step denoiser, alone and as a plug-and-play equilibrium. */
export interface GradientStepOperator extends CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  /** `D(x) = x − ∇g(x)`, `[batch, size]`; differentiable. */
  denoise(x: tf.Tensor2D): tf.Tensor2D
  /** `g(x) = ½‖x − N(x)‖²` per row, `[batch]`. */
  potential(x: tf.Tensor2D): tf.Tensor1D
  /** Rigorous upper bound on `Lip(∇g)` at the present weights, float64; at most `smoothness` up to float32 rounding. */
  gradientLipschitz(): number
}

/**
 * Gradient-step denoiser `D = I − ∇g`, `g(x) = ½‖x − N(x)‖²`, and the plug-and-play equilibrium
 * `z = D((1 − t) z + t x)`: proximal gradient descent on `½‖z − x‖²` with `D` in place of the proximal map.
 *
 * `Lip(∇g) ≤ κ < 1` by construction, so that `D` is the gradient of a strongly convex function and the proximal map of a
 * (weakly convex) one. That takes a network whose residual `x − N(x)` is bounded: here `N(x) = x − tanh(s(x K + b)) V`
 * with `‖K‖₂ ≤ 1` (AOL) and `V` scaled so that `s²(1 + c)‖VVᵀ‖_∞ ≤ κ`, `c = max|tanh″| = 4/(3√3)`; then
 * `−cκ/(1 + c) I ⪯ ∇²g ⪯ κ I`. For a deep `N` without such a bound, as in the literature, `∇²g` grows with `x − N(x)`, can
 * only be penalised on data, and proves nothing: that is not offered here.
 *
 * The equilibrium is a contraction of modulus `(1 − t)(1 + cκ/(1 + c))`, with a symmetric Jacobian: conjugate gradients
 * may solve its adjoint. All are `[batch, size]`. Not for removing strong noise: one bounded hidden layer is a mild
 * denoiser.
 *
 * @cost per bind 2 products `[hidden, size] × [size, hidden]`; per evaluation 4 products `[batch, ·] × [size, hidden]`; no
 * stored vectors beside the solver's
 * @throws EquilibriaError `option` on sizes below 1, `κ` outside `(0, 1)`, a steepness that is not positive, or a pull too weak
 * for a contraction; `shape` on an input that is not `[batch, size]`
 * @cite hurault2022, hurault2022prox, prach2022
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { gradientStep } from '@equilibria/operators'
 *
 * const operator = gradientStep({ size: 8, hidden: 16, seed: 1 })
 * const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 100 })
 * console.log(layer.solve(tf.ones([2, 8])).status, operator.gradientLipschitz() < 1) // converged true
 * operator.dispose()
 * ```
 */
export function gradientStep(options: GradientStepOptions): GradientStepOperator {
  const { size, hidden, smoothness: kappa = 0.9, pull = 0.5, steepness: s = 1, seed = 0 } = options
  requireWhole('gradientStep({ size })', size, 1)
  requireWhole('gradientStep({ hidden })', hidden, 1)
  requireRange('gradientStep({ smoothness })', kappa, Number.MIN_VALUE, 1 - 2 ** -24)
  requireRange('gradientStep({ pull })', pull, 0, 1)
  requireRange('gradientStep({ steepness })', s, 1e-6, 1e6)
  const modulus = (1 - pull) * (1 + (BEND * kappa) / (1 + BEND))
  if (!(modulus < 1))
    throw new EquilibriaError(
      'option',
      `gradientStep({ pull: ${pull}, smoothness: ${kappa} }) is no contraction: its modulus would be ${modulus}.`,
      `Pass a pull above ${1 - 1 / (1 + (BEND * kappa) / (1 + BEND))}, or a smaller smoothness.`,
    )
  const variables = createVariables(
    {
      K: { shape: [size, hidden], deviation: 1 },
      bias: { shape: [hidden], value: 0 },
      V: { shape: [hidden, size], deviation: 1 / Math.sqrt(size) },
    },
    seed,
  )
  const { K, bias, V } = variables
  /** `s K` with `‖K‖₂ ≤ 1`, and `V` within its bound; on the tape when one is recording. */
  const weights = () => {
    const [k, v] = [K as unknown as tf.Tensor2D, V as unknown as tf.Tensor2D]
    // Almost-orthogonal columns: KᵀK ⪯ I, exactly, by Gershgorin's argument. The tiny number only makes it smaller.
    const overlap = tf.sum(tf.abs(tf.matMul(tf.transpose(k), k)), 0)
    const normal = tf.mul(k, tf.rsqrt(tf.add(overlap, TINY))) as tf.Tensor2D
    const reach = tf.max(tf.sum(tf.abs(tf.matMul(v, tf.transpose(v))), 1)) // ‖VVᵀ‖_∞
    const scale = tf.sqrt(tf.div(kappa, tf.add(tf.mul(reach, s * s * (1 + BEND)), kappa)))
    return { K: tf.mul(normal, s) as tf.Tensor2D, V: tf.mul(v, scale) as tf.Tensor2D }
  }
  type Weights = ReturnType<typeof weights>
  const residual = (x: tf.Tensor, at: Weights) => {
    const h = tf.tanh(tf.add(tf.matMul(x as tf.Tensor2D, at.K), bias))
    return { h, r: tf.matMul(h as tf.Tensor2D, at.V) }
  }
  const denoiserAt =
    (at: Weights) =>
    (x: tf.Tensor): tf.Tensor2D => {
      const { h, r } = residual(x, at)
      const slope = tf.sub(1, tf.square(h))
      const back = tf.mul(tf.matMul(r, tf.transpose(at.V)), slope) as tf.Tensor2D
      return tf.sub(x, tf.matMul(back, tf.transpose(at.K)))
    }
  const check = (x: tf.Tensor2D): tf.Tensor2D => {
    if (x.rank === 2 && x.shape[1] === size) return x
    throw new EquilibriaError('shape', `gradientStep() was given a tensor (${x.shape}).`, `Pass [batch, ${size}].`)
  }
  /** Upper bounds on the largest and on minus the smallest eigenvalue of `∇²g`, at the weights as they run. */
  const curvature = (): { readonly above: number; readonly below: number } =>
    scoped(() => {
      const at = weights()
      const v = at.V.dataSync()
      const k = spectralBound(at.K.dataSync(), size, hidden)
      let overlap = 0
      for (let i = 0; i < hidden; i++) {
        let sum = 0
        for (let j = 0; j < hidden; j++) {
          let inner = 0
          for (let c = 0; c < size; c++) inner += Math.abs(v[i * size + c]! * v[j * size + c]!)
          // The size of the inner product, and of its rounding.
          let value = 0
          for (let c = 0; c < size; c++) value += v[i * size + c]! * v[j * size + c]!
          sum += Math.abs(value) + inner * size * 2 ** -52
        }
        overlap = Math.max(overlap, sum * (1 + hidden * 2 ** -52))
      }
      const below = k * k * BEND * overlap * (1 + 1e-14)
      return { above: (k * spectralBound(v, hidden, size)) ** 2 * (1 + 1e-14) + below, below }
    })
  const modulusNow = () => (1 - pull) * (1 + curvature().below) * (1 + 1e-15)
  return {
    kind: 'operator',
    spec: 1,
    name: 'gradient-step',
    // ∂G/∂z = (1 − t)(I − ∇²g), symmetric.
    traits: { lipschitz: modulus, monotone: 1 - modulus, symmetric: true },
    bind(x) {
      check(x)
      const denoise = denoiserAt(weights())
      const pulled = tf.mul(x, pull)
      return { initial: () => tf.clone(x), apply: (z) => denoise(tf.add(tf.mul(z, 1 - pull), pulled)) }
    },
    variables,
    denoise: (x) => tf.tidy(() => denoiserAt(weights())(check(x))),
    potential: (x) => tf.tidy(() => tf.mul(tf.sum(tf.square(residual(check(x), weights()).r), 1), 0.5) as tf.Tensor1D),
    gradientLipschitz: () => curvature().above,
    certificate: {
      property: 'contraction',
      norm: '2',
      modulus,
      modulusNow,
      solutionLipschitz() {
        const bent = 1 + curvature().below
        return ((pull * bent) / (1 - (1 - pull) * bent)) * (1 + 1e-14)
      },
      statement: `∇g is ${kappa}-Lipschitz for every value of the weights: D is a proximal map, and the equilibrium a contraction of modulus ${modulus}.`,
      assumptions: [
        'weights are normalised in exact arithmetic; modulusNow() is about the weights as rounded to float32',
      ],
      sources: ['hurault2022', 'hurault2022prox', 'prach2022'],
    },
    solver: () => picard(),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}

/** `max |tanh″| = 4 / (3√3)`, rounded up. */
const BEND = 0.7698003589195012
const TINY = 1e-20
