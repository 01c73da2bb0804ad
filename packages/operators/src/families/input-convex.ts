import * as tf from '@tensorflow/tfjs-core'
import { requireRange, requireWhole } from '@equilibria/core'
import { picard } from '@equilibria/solvers'
import { EquilibriaError } from '@equilibria/tensor'
import type { CertifiedOperator } from '../certificate.ts'
import { createVariables } from '../parameters/variables.ts'

/** Sizes, constants, start and seed of an `inputConvex` operator. */
export interface InputConvexOptions {
  /** Entries of a signal. */
  readonly size: number
  /** Units of each hidden layer, one or more layers. */
  readonly hidden: readonly number[]
  /** `β > 0`: the gradient of the learnt part of `f` is `β`-Lipschitz, whatever the weights. Default `4`. */
  readonly smoothness?: number
  /** `α > 0`: weight of `½‖z − x‖²`. Default `1`. */
  readonly convexity?: number
  /** Default `0`. */
  readonly seed?: number
}

/** An input-convex gradient map, with its function. */
export interface InputConvexOperator extends CertifiedOperator<tf.Tensor2D, tf.Tensor2D> {
  /** The learnt convex function per row, `[batch]`, without the term `α/2 ‖z − x‖²`; differentiable. */
  potential(z: tf.Tensor2D): tf.Tensor1D
}

/**
 * Gradient descent on an input-convex network: `T(z) = z − η(∇f(z) + α(z − x))`, `η = 2/(2α + β)`, whose equilibrium is
 * `argmin f(z) + α/2 ‖z − x‖²`: a learnt proximal map of `x`.
 *
 * `f = β/(β + B) · h_L w`, `h_{l+1} = softplus(h_l W_l + z K_l + b_l)`, `W_l`, `w ≥ 0` (softplus of free weights): convex,
 * as a nondecreasing convex function of convex ones. `B` bounds `Lip(∇(h_L w))`, from the Schatten-4 norms of the
 * matrices, so that `0 ⪯ ∇²f ⪯ β I` for every value of the weights. `T` is then a contraction of modulus `β/(2α + β)`,
 * with a symmetric Jacobian, and `x ↦ z*` is nonexpansive.
 *
 * All are `[batch, size]`. Every equilibrium map here is the proximal map of a convex function: for denoisers that sharpen
 * (nonconvex priors) see `gradientStep`.
 *
 * @cost per bind 2 products per layer; per evaluation 4 products per layer; 1 stored activation per layer
 * @throws EquilibriaError `option` on sizes below 1, no hidden layer, constants that are not positive; `shape` on an input
 * that is not `[batch, size]`
 * @cite amos2017, nesterov2018
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import { equilibrium } from '@equilibria/core'
 * import { inputConvex } from '@equilibria/operators'
 *
 * const operator = inputConvex({ size: 8, hidden: [16, 16], seed: 1 })
 * const layer = equilibrium(operator, { solver: operator.solver(), tolerance: 1e-5, maxSteps: 100 })
 * console.log(layer.solve(tf.ones([2, 8])).status, operator.certificate.modulus) // converged 0.666…
 * operator.dispose()
 * ```
 */
export function inputConvex(options: InputConvexOptions): InputConvexOperator {
  const { size, hidden, smoothness: beta = 4, convexity: alpha = 1, seed = 0 } = options
  requireWhole('inputConvex({ size })', size, 1)
  requireWhole('inputConvex({ hidden }) layers', hidden.length, 1)
  hidden.forEach((units) => requireWhole('inputConvex({ hidden })', units, 1))
  requireRange('inputConvex({ smoothness })', beta, 1e-6, 1e6)
  requireRange('inputConvex({ convexity })', alpha, 1e-6, 1e6)
  const eta = 2 / (2 * alpha + beta)
  const modulus = (beta / (2 * alpha + beta)) * (1 + 2 ** -52)
  const depth = hidden.length
  const variables = createVariables(
    Object.fromEntries([
      ...hidden.flatMap((units, l) => [
        [`K${l}`, { shape: [size, units], deviation: 1 / Math.sqrt(size) }] as const,
        [`b${l}`, { shape: [units], deviation: 0.5 }] as const,
        // softplus(−ln units) ≈ 1/units: layers that average.
        ...(l > 0 ? [[`W${l}`, { shape: [hidden[l - 1]!, units], value: -Math.log(hidden[l - 1]!) }] as const] : []),
      ]),
      ['w', { shape: [hidden[depth - 1]!], value: 0 }] as const,
    ]),
    seed,
  )
  const of = (name: string): tf.Tensor2D => variables[name]! as unknown as tf.Tensor2D

  /** Weights with their signs, and the factor that keeps the curvature within `β`; on the tape when one is recording. */
  const weights = () => {
    const K = hidden.map((_, l) => of(`K${l}`))
    const W = hidden.slice(1).map((_, l): tf.Tensor2D => tf.softplus(of(`W${l + 1}`)))
    const w = tf.softplus(variables['w']!) as tf.Tensor1D
    // Slopes of softplus lie in (0, 1), its second derivative in (0, ¼]. `reach[l]`: Lipschitz constant of the
    // pre-activation of layer l; `pull`: bound on ∂f/∂h of layer l, entry by entry.
    const reach: tf.Tensor[] = []
    K.forEach((k, l) => reach.push(l === 0 ? norm(k) : tf.add(tf.mul(norm(W[l - 1]!), reach[l - 1]!), norm(k))))
    let pull: tf.Tensor2D = tf.reshape(w, [1, -1])
    let bound: tf.Tensor = tf.scalar(0)
    for (let l = depth - 1; l >= 0; l--) {
      bound = tf.add(bound, tf.mul(tf.mul(tf.max(pull), 0.25), tf.square(reach[l]!)))
      if (l > 0) pull = tf.matMul(pull, tf.transpose(W[l - 1]!))
    }
    return { K, W, w, factor: tf.div(beta, tf.add(bound, beta)) }
  }
  type Weights = ReturnType<typeof weights>
  const activations = ({ K, W }: Weights, z: tf.Tensor): tf.Tensor2D[] => {
    const all: tf.Tensor2D[] = []
    K.forEach((k, l) => {
      const own = tf.add(tf.matMul(z as tf.Tensor2D, k), variables[`b${l}`]!) as tf.Tensor2D
      all.push(l === 0 ? own : tf.add(own, tf.matMul(tf.softplus(all[l - 1]!), W[l - 1]!)))
    })
    return all
  }
  const gradient = (at: Weights, z: tf.Tensor): tf.Tensor => {
    const levels = activations(at, z)
    let back = tf.mul(tf.sigmoid(levels[depth - 1]!), at.w) as tf.Tensor2D
    let sum = tf.matMul(back, tf.transpose(at.K[depth - 1]!))
    for (let l = depth - 2; l >= 0; l--) {
      back = tf.mul(tf.matMul(back, tf.transpose(at.W[l]!)), tf.sigmoid(levels[l]!))
      sum = tf.add(sum, tf.matMul(back, tf.transpose(at.K[l]!)))
    }
    return tf.mul(sum, at.factor)
  }
  const check = (x: tf.Tensor2D): tf.Tensor2D => {
    if (x.rank === 2 && x.shape[1] === size) return x
    throw new EquilibriaError('shape', `inputConvex() was given a tensor (${x.shape}).`, `Pass [batch, ${size}].`)
  }
  return {
    kind: 'operator',
    spec: 1,
    name: 'input-convex',
    // I − ∂G/∂z = η(∇²f + α I).
    traits: { lipschitz: modulus, monotone: eta * alpha * (1 - 2 ** -52), symmetric: true },
    bind(x) {
      const at = weights()
      const pulled = tf.mul(check(x), eta * alpha)
      return {
        initial: () => tf.clone(x),
        apply: (z) => tf.add(tf.sub(tf.mul(z, 1 - eta * alpha), tf.mul(gradient(at, z), eta)), pulled),
      }
    },
    variables,
    potential: (z) =>
      tf.tidy(() => {
        const at = weights()
        const top = tf.softplus(activations(at, check(z))[depth - 1]!)
        return tf.mul(tf.sum(tf.mul(top, at.w), 1), at.factor) as tf.Tensor1D
      }),
    certificate: {
      property: 'contraction',
      norm: '2',
      modulus,
      solutionLipschitz: () => 1,
      statement: `f is convex and ∇f ${beta}-Lipschitz for every value of the weights: gradient steps contract by ${modulus}, to a proximal map of the input.`,
      assumptions: ['weights are normalised in exact arithmetic'],
      sources: ['amos2017', 'nesterov2018'],
    },
    solver: () => picard(),
    dispose: () => tf.dispose(Object.values(variables)),
  }
}

/** `(tr (AᵀA)²)^{1/4} ≥ ‖A‖₂`: a norm as well, and smooth away from 0. */
function norm(a: tf.Tensor2D): tf.Tensor {
  const [rows, columns] = a.shape
  const gram = rows > columns ? tf.matMul(tf.transpose(a), a) : tf.matMul(a, tf.transpose(a))
  return tf.pow(tf.add(tf.sum(tf.square(gram)), TINY), 0.25)
}
const TINY = 1e-30
