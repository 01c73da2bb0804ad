import * as tf from '@tensorflow/tfjs-core'
import type { Kernels, Vector } from '@equilibria/spec'
import { column, sub } from '@equilibria/tensor'
import type { Linear } from './products.ts'

/**
 * `min ‖f − A d‖² + damping · ‖d‖²` with `A = I − J`, row by row, by conjugate gradients on the normal equations, from
 * `d = 0`; stopped early, `d` still descends. Returns `d`, `A d`, both for the caller's scope.
 *
 * @cost one `jvp` and one `vjp` per iteration, and one `vjp` to begin; 5 stored vectors
 */
export function cgls(
  { residual: f, jvp }: Linear,
  vjp: (u: Vector) => Vector,
  kernels: Kernels,
  damping: readonly number[],
  { tolerance, iterations }: { readonly tolerance: number; readonly iterations: number },
): { readonly d: Vector; readonly ad: Vector } {
  const batch = f.shape[0]
  let [d, ad]: Vector[] = [tf.zerosLike(f), tf.zerosLike(f)]
  let s = sub(f, vjp(f)) // Aᵀ (f − A d) − damping d
  let p = s
  let gamma = kernels.norms(s, s).slice(0, batch)
  const goal = gamma.map((g) => tolerance * g)
  const open = Array.from(gamma, (g) => g > 0 && g < Infinity)
  for (let k = 0; k < iterations && open.some(Boolean); k++) {
    const q = sub(p, jvp(p))
    const norms = kernels.norms(q, p)
    const alpha = Array.from({ length: batch }, (_, b) => {
      // ‖q‖² + damping ‖p‖², in units of ‖s‖² so that nothing overflows
      const curvature = (norms[b]! / gamma[b]!) ** 2 + damping[b]! * (norms[batch + b]! / gamma[b]!) ** 2
      return open[b] && curvature > 0 && Number.isFinite(curvature) ? 1 / curvature : 0
    })
    const step = column(alpha)
    const mask = tf.greater(step, 0)
    const add = (a: Vector, b: Vector) => tf.where(mask, tf.add(a, tf.mul(b, step)), a) as Vector
    d = add(d!, p)
    ad = add(ad!, q)
    // The gradient afresh rather than by recurrence: the same cost, and float32 does not drift.
    const r = sub(f, ad)
    s = sub(sub(r, vjp(r)), tf.mul(d, column(damping))) as Vector
    const next = kernels.norms(s, s).slice(0, batch)
    const beta = Array.from(next, (g, b) => (open[b] && Number.isFinite(g) ? (g / gamma[b]!) ** 2 : 0))
    next.forEach((g, b) => {
      if (!(g > goal[b]!) || alpha[b] === 0) open[b] = false
    })
    p = tf.add(s, tf.mul(p, column(beta))) as Vector
    gamma = next
  }
  return { d: d!, ad: ad! }
}
