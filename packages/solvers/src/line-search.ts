import * as tf from '@tensorflow/tfjs-core'

/** What a line search knows of one trial, each `[batch, 1]`. */
export interface Trial {
  /** `‖g(z + αd)‖₂`. */
  readonly norm: tf.Tensor2D
  /** `‖g(z)‖₂`, at the point the step starts from. */
  readonly base: tf.Tensor2D
  /** `α` in `(0, 1]`. */
  readonly alpha: tf.Tensor2D
  /** The number of steps so far, from 1; 0 where `counts` is false. */
  readonly step: number
}

/** Decides whether a quasi-Newton step was short enough. Every trial costs one evaluation, which is one step. */
export interface LineSearch {
  readonly name: string
  /** 1 where the trial is taken, else 0; `[batch, 1]`. */
  accepts(trial: Trial): tf.Tensor2D
  /** How often a step is halved before it is taken anyway and the memory of its row is dropped. */
  readonly halvings: number
  /** `false`: `step` is not looked at, and need not be remembered. */
  readonly counts?: boolean
}

/** A comparison as 0 and 1; false where something is NaN. */
const truth = (is: tf.Tensor): tf.Tensor2D => tf.cast(is, 'float32') as tf.Tensor2D

/**
 * Armijo's rule on `‖g‖²`: `‖g(z + αd)‖² ≤ (1 − 2cα) ‖g(z)‖²`, halving `α` at most `halvings` times. Monotone: a step of
 * a quasi-Newton method need not be one of descent, and is then cut for nothing; prefer `liFukushima()`.
 *
 * @cite dennis1996
 */
export const armijo = ({ decrease = 1e-4, halvings = 6 }: Partial<ArmijoOptions> = {}): LineSearch => ({
  name: 'armijo',
  counts: false,
  halvings,
  accepts: ({ norm, base, alpha }) =>
    truth(tf.lessEqual(norm, tf.mul(base, tf.sqrt(tf.sub(1, tf.mul(alpha, 2 * decrease)))))),
})
export interface ArmijoOptions {
  /** `c` in `(0, ½)`. Default `1e-4`. */
  readonly decrease: number
  /** Default `6`. */
  readonly halvings: number
}

/**
 * The derivative-free rule of Li and Fukushima, in relative terms: `‖g(z + αd)‖ ≤ (1 + ηₖ − σα²) ‖g(z)‖` with
 * `ηₖ = k⁻²`, whose sum is finite: norms may grow, but by a bounded factor in all. The step `d` need not be one of
 * descent, which is what a Broyden step cannot promise.
 *
 * @cite li2000
 */
export const liFukushima = ({ decrease = 1e-3, halvings = 6 }: Partial<LiFukushimaOptions> = {}): LineSearch => ({
  name: 'li-fukushima',
  halvings,
  accepts: ({ norm, base, alpha, step }) =>
    truth(tf.lessEqual(norm, tf.mul(base, tf.sub(1 + step ** -2, tf.mul(tf.square(alpha), decrease))))),
})
export interface LiFukushimaOptions {
  /** `σ` in `(0, 1)`. Default `1e-3`. */
  readonly decrease: number
  /** Default `6`. */
  readonly halvings: number
}
