const dot = (a: Float64Array, b: Float64Array): number => {
  let s = 0
  for (let i = 0; i < a.length; i++) s += a[i]! * b[i]!
  return s
}

/**
 * Conjugate gradients on the normal equations: the shortest `x` that minimises `‖B x − b‖² + shift ‖x‖²`, in float64.
 * One product with `B` and one with `Bᵀ` per step; ends when the gradient has fallen by `1e-15`.
 */
export function leastSquares(
  apply: (x: Float64Array) => Float64Array,
  transposed: (v: Float64Array) => Float64Array,
  b: Float64Array,
  { steps, shift = 0 }: { readonly steps: number; readonly shift?: number },
): Float64Array {
  const rest = Float64Array.from(b)
  let g = transposed(rest)
  const x = new Float64Array(g.length)
  const p = Float64Array.from(g)
  let gg = dot(g, g)
  const goal = 1e-30 * gg
  for (let k = 0; k < steps && gg > goal; k++) {
    const q = apply(p)
    const curvature = dot(q, q) + shift * dot(p, p)
    if (!(curvature > 0)) break
    const alpha = gg / curvature
    for (let i = 0; i < x.length; i++) x[i]! += alpha * p[i]!
    for (let i = 0; i < rest.length; i++) rest[i]! -= alpha * q[i]!
    g = transposed(rest)
    for (let i = 0; i < x.length; i++) g[i]! -= shift * x[i]!
    const next = dot(g, g)
    for (let i = 0; i < p.length; i++) p[i] = g[i]! + (next / gg) * p[i]!
    gg = next
  }
  return x
}
