/** Quantile `p > 1/2` of Student's t with `degrees` degrees of freedom, by bisection on its distribution function. */
export function studentQuantile(p: number, degrees: number): number {
  let low = 0
  let high = 1
  while (upperTail(high, degrees) > 1 - p && high < 1e12) high *= 2
  for (let i = 0; i < 100; i++) {
    const middle = (low + high) / 2
    if (upperTail(middle, degrees) > 1 - p) low = middle
    else high = middle
  }
  return (low + high) / 2
}

/** `P(T > t)` for `t ≥ 0`: half the regularised incomplete beta function at `ν/(ν + t²)`. */
const upperTail = (t: number, degrees: number): number => beta(degrees / (degrees + t * t), degrees / 2, 0.5) / 2

/** Regularised incomplete beta function `I_x(a, b)`, by its continued fraction (modified Lentz). */
function beta(x: number, a: number, b: number): number {
  if (x <= 0) return 0
  if (x >= 1) return 1
  if (x > (a + 1) / (a + b + 2)) return 1 - beta(1 - x, b, a)
  const front = Math.exp(logGamma(a + b) - logGamma(a) - logGamma(b) + a * Math.log(x) + b * Math.log1p(-x)) / a
  const tiny = 1e-300
  let c = 1
  let d = 1 / nonZero(1 - ((a + b) * x) / (a + 1), tiny)
  let fraction = d
  for (let m = 1; m < 300; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / nonZero(1 + even * d, tiny)
    c = nonZero(1 + even / c, tiny)
    fraction *= c * d
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / nonZero(1 + odd * d, tiny)
    c = nonZero(1 + odd / c, tiny)
    fraction *= c * d
    if (Math.abs(c * d - 1) < 1e-14) break
  }
  return front * fraction
}

const nonZero = (value: number, tiny: number): number => (Math.abs(value) < tiny ? tiny : value)

/** `ln Γ(x)` for `x > 0`: Stirling's series after shifting the argument beyond 8. */
function logGamma(x: number): number {
  let shift = 0
  let y = x
  while (y < 8) shift += Math.log(y++)
  const inverse = 1 / (y * y)
  const series = (1 / 12 - inverse * (1 / 360 - inverse * (1 / 1260 - inverse * (1 / 1680 - inverse / 1188)))) / y
  return (y - 0.5) * Math.log(y) - y + Math.log(2 * Math.PI) / 2 + series - shift
}
