import type { ExitRule, TensorTree } from '@equilibria/spec'
import { requireRange, requireWhole } from '../validate.ts'
import { type Decoded, watch } from './output-change.ts'

/* Rules on logits: `decode` gives `[rows, classes]`. */

function softmax(logits: Float32Array): Float64Array {
  const top = logits.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)
  const e = Float64Array.from(logits, (v) => Math.exp(v - top))
  const sum = e.reduce((a, b) => a + b, 0)
  return e.map((v) => v / sum)
}
const entropy = (p: Float64Array): number => p.reduce((s, q) => (q > 0 ? s - q * Math.log(q) : s), 0)
const argmax = (v: ArrayLike<number>): number => {
  let best = 0
  for (let i = 1; i < v.length; i++) if (v[i]! > v[best]!) best = i
  return best
}

/**
 * Leaves when the best logit beats the runner-up by `margin`.
 *
 * @throws EquilibriaError `option` when the margin is not a number ≥ 0
 */
export const decisionMargin = <S extends TensorTree>({
  decode,
  margin,
}: Decoded<S> & { readonly margin: number }): ExitRule<S> => {
  requireRange('decisionMargin({ margin })', margin, 0)
  return watch(`margin≥${margin}`, decode, () => (now) => {
    const [first, second] = Array.from(now).sort((a, b) => b - a)
    return first !== undefined && second !== undefined && first - second >= margin
  })
}

/**
 * Leaves when the entropy of the softmax moved by less than `tolerance` nats.
 *
 * @throws EquilibriaError `option` when the tolerance is not a number ≥ 0
 */
export const entropyChange = <S extends TensorTree>({
  decode,
  tolerance = 1e-3,
}: Decoded<S> & { readonly tolerance?: number }): ExitRule<S> => {
  requireRange('entropyChange({ tolerance })', tolerance, 0)
  return watch(
    `entropy-change<${tolerance}`,
    decode,
    () => (now, before) =>
      before !== undefined && Math.abs(entropy(softmax(now)) - entropy(softmax(before))) < tolerance,
  )
}

/**
 * Leaves when `KL(p_{t−1} ‖ p_t) < tolerance` nats; before the first answer `p` is uniform.
 *
 * @throws EquilibriaError `option` when the tolerance is not a number ≥ 0
 */
export const klChange = <S extends TensorTree>({
  decode,
  tolerance = 1e-3,
}: Decoded<S> & { readonly tolerance?: number }): ExitRule<S> => {
  requireRange('klChange({ tolerance })', tolerance, 0)
  return watch(`kl<${tolerance}`, decode, () => (now, before) => {
    const q = softmax(now)
    const p = before ? softmax(before) : new Float64Array(now.length).fill(1 / now.length)
    return p.reduce((s, v, i) => (v > 0 ? s + v * Math.log(v / q[i]!) : s), 0) < tolerance
  })
}

/**
 * Leaves when the best class has been the same for `times` answers in a row.
 *
 * @throws EquilibriaError `option` when `times` is not a whole number ≥ 1
 */
export const argmaxStability = <S extends TensorTree>({
  decode,
  times = 5,
}: Decoded<S> & { readonly times?: number }): ExitRule<S> => {
  requireWhole('argmaxStability({ times })', times, 1)
  return watch(`argmax×${times}`, decode, (batch) => {
    const run = new Int32Array(batch)
    return (now, before, sample) => {
      run[sample] = before !== undefined && argmax(now) === argmax(before) ? run[sample]! + 1 : 1
      return run[sample]! >= times
    }
  })
}
