/** `P A = L U` of one `n × n` matrix, rows in a row-major float64 array; solves `A x = b` and, transposed, `Aᵀ x = b`. */
export interface Lu {
  /** Pivots that were nothing but rounding; their components are set to 0. */
  readonly singular: number
  solve(right: ArrayLike<number>): Float64Array
}

/** A pivot below this part of the largest one is rounding of the float32 data. */
const DEFECT = 1e-7

/** LU factors with partial pivoting, in float64; `a` is overwritten. `O(n³)` once, `O(n²)` per solve. */
export function factor(a: Float64Array, n: number): Lu {
  const order = Array.from({ length: n }, (_, i) => i)
  let largest = 0
  for (let k = 0; k < n; k++) {
    let p = k
    for (let i = k + 1; i < n; i++) if (Math.abs(a[i * n + k]!) > Math.abs(a[p * n + k]!)) p = i
    if (p !== k) {
      for (let j = 0; j < n; j++) [a[k * n + j], a[p * n + j]] = [a[p * n + j]!, a[k * n + j]!]
      ;[order[k], order[p]] = [order[p]!, order[k]!]
    }
    const pivot = a[k * n + k]!
    largest = Math.max(largest, Math.abs(pivot))
    if (pivot === 0) continue
    for (let i = k + 1; i < n; i++) {
      const l = (a[i * n + k]! /= pivot)
      if (l !== 0) for (let j = k + 1; j < n; j++) a[i * n + j]! -= l * a[k * n + j]!
    }
  }
  const usable = Array.from({ length: n }, (_, k) => !(Math.abs(a[k * n + k]!) <= DEFECT * largest))
  return {
    singular: usable.filter((x) => !x).length,
    solve(right) {
      const x = Float64Array.from(order, (i) => right[i]!)
      for (let i = 1; i < n; i++) for (let j = 0; j < i; j++) x[i]! -= a[i * n + j]! * x[j]!
      for (let i = n - 1; i >= 0; i--) {
        for (let j = i + 1; j < n; j++) x[i]! -= a[i * n + j]! * x[j]!
        x[i] = usable[i] ? x[i]! / a[i * n + i]! : 0
      }
      return x
    },
  }
}
