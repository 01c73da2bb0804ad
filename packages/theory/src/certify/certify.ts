import type { Report } from '@equilibria/spec'
import { requireRange } from '@equilibria/core'
import { EquilibriaError } from '@equilibria/tensor'
import { build, inverse } from '../dense/matrix.ts'
import { short } from '../words.ts'
import { above, below, difference, inside, magnitude, point, product, type Span, sum } from './interval.ts'
import type { Box, IntervalSystem } from './system.ts'

export interface CertifyOptions {
  /** Largest radius of the box tried around the centre, per entry. Default `1`. */
  readonly radius?: number
}

/** What was proved. */
export interface CertifyDetail {
  readonly method: 'banach' | 'krawczyk' | null
  /** The box in which there is exactly one equilibrium; empty without a certificate. */
  readonly unique: readonly (readonly [number, number])[]
  /** A smaller box that contains it. */
  readonly enclosure: readonly (readonly [number, number])[]
  /** `Banach`: the contraction modulus in the ∞-norm on the box; else `NaN`. */
  readonly modulus: number
  /** Interval evaluations of `G` or of its Jacobian. */
  readonly evaluations: number
}

/**
 * A proof that there is exactly one equilibrium in a box around `centre`, in interval arithmetic with outward rounding in
 * float64.
 *
 * `banach`: on `B = {‖z − c‖_∞ ≤ r}`, `μ ≥ sup_B ‖J‖_∞`, and `‖G(c) − c‖_∞ ≤ (1 − μ) r`: `G` maps `B` into itself and
 * contracts there. `krawczyk`: with `f(z) = z − G(z)`, `Y ≈ f′(c)⁻¹` and
 * `K = c − Y f(c) + (I − Y f′(X))(X − c)`, `K` strictly inside `X` proves it for maps that need not contract.
 *
 * Value: how far the centre is from the equilibrium at most, in the ∞-norm; `Infinity` without a proof. `unknown` says
 * nothing: there may be one, none or many. It holds for the `G` that is given here, not for its float32 run.
 *
 * @cost at most 8 radii each for Banach (an interval value, a Jacobian) and for Krawczyk (a Jacobian, one inverse and an
 * `n × n` interval product), `O(n³)` on the host: for `n` up to a few hundred
 * @throws EquilibriaError `shape` when the centre does not fit the system; `option` on a radius that is not positive
 * @cite banach1922, krawczyk1969
 * @example
 * ```ts
 * import { certify, denseSystem } from '@equilibria/theory'
 *
 * const system = denseSystem({ weight: [[0.5]], offset: [0.3], activation: 'tanh' })
 * console.log(certify(system, [0.5]).statement) // Proved: exactly one equilibrium …
 * ```
 */
export function certify(
  system: IntervalSystem,
  centre: ArrayLike<number>,
  options: CertifyOptions = {},
): Report<CertifyDetail> {
  const { radius = 1 } = options
  requireRange('certify({ radius })', radius, Number.MIN_VALUE, Number.MAX_VALUE)
  if (centre.length !== system.size)
    throw new EquilibriaError(
      'shape',
      `The centre has ${centre.length} entries, the system ${system.size}.`,
      'Pass one number per entry of the state.',
    )
  const count = { evaluations: 0 }
  const counted: IntervalSystem = {
    size: system.size,
    value: (box) => (count.evaluations++, system.value(box)),
    jacobian: (box) => (count.evaluations++, system.jacobian(box)),
  }
  const c = Array.from(centre)
  const found = c.every(Number.isFinite) ? (banach(counted, c, radius) ?? krawczyk(counted, c, radius)) : undefined
  return report(found, c, count.evaluations)
}

interface Found {
  readonly method: 'banach' | 'krawczyk'
  readonly unique: Box
  readonly enclosure: Box
  readonly modulus: number
}

const boxAround = (c: readonly number[], r: ArrayLike<number>): Span[] =>
  c.map((x, i) => [below(x - r[i]!), above(x + r[i]!)])

/** `c − G(c)`, enclosed. */
const defect = (system: IntervalSystem, c: readonly number[]): Span[] => {
  const at = system.value(c.map(point))
  return c.map((x, i) => difference(point(x), at[i]!))
}

function banach(system: IntervalSystem, c: readonly number[], most: number): Found | undefined {
  const residual = defect(system, c).reduce((worst, d) => Math.max(worst, magnitude(d)), 0)
  if (!Number.isFinite(residual)) return undefined
  let r = Math.max(residual, 1e-300) * 1.5
  for (let attempt = 0; attempt < 8 && r <= most; attempt++) {
    const box = boxAround(
      c,
      c.map(() => r),
    )
    const j = system.jacobian(box)
    let modulus = 0
    for (let i = 0; i < system.size; i++) {
      let row = 0
      for (let k = 0; k < system.size; k++) row = above(row + magnitude(j[i * system.size + k]!))
      modulus = Math.max(modulus, row)
    }
    if (!(modulus < 1)) return undefined
    const room = below(1 - modulus)
    // G maps the ball of radius r into itself; on the box, which is a hair larger, at most one equilibrium has room.
    if (room > 0 && residual <= below(room * r)) {
      const error = above(residual / room)
      return {
        method: 'banach',
        unique: box,
        enclosure: boxAround(
          c,
          c.map(() => error),
        ),
        modulus,
      }
    }
    r = Math.max((residual / room) * 1.01, r * 1.5)
  }
  return undefined
}

function krawczyk(system: IntervalSystem, c: readonly number[], most: number): Found | undefined {
  const n = system.size
  const here = system.jacobian(c.map(point))
  const y = inverse(build(n, n, (i, j) => (i === j ? 1 : 0) - (here[i * n + j]![0] + here[i * n + j]![1]) / 2))
  if (!y?.data.every(Number.isFinite)) return undefined
  const f = defect(system, c)
  const step = c.map((_, i) => {
    let total: Span = [0, 0]
    for (let j = 0; j < n; j++) total = sum(total, product(point(y.data[i * n + j]!), f[j]!))
    return total
  })
  const scale = Math.max(...c.map(Math.abs), 1e-300)
  let r = step.map((s) => 1.2 * magnitude(s) + 1e-15 * scale)
  for (let attempt = 0; attempt < 8; attempt++) {
    if (!r.every((x) => x <= most)) return undefined
    const box = boxAround(c, r)
    const j = system.jacobian(box)
    const image = c.map((x, i): Span => {
      let total = difference(point(x), step[i]!)
      for (let k = 0; k < n; k++) {
        // (I − Y f′(X))_{ik}, with f′ = I − J.
        let entry: Span = point(i === k ? 1 : 0)
        for (let m = 0; m < n; m++) {
          const slope = difference(point(m === k ? 1 : 0), j[m * n + k]!)
          entry = difference(entry, product(point(y.data[i * n + m]!), slope))
        }
        total = sum(total, product(entry, difference(box[k]!, point(c[k]!))))
      }
      return total
    })
    if (image.every((k, i) => inside(k, box[i]!)))
      return { method: 'krawczyk', unique: box, enclosure: image, modulus: Number.NaN }
    r = r.map((x, i) => 1.5 * Math.max(x, magnitude(difference(image[i]!, point(c[i]!)))))
  }
  return undefined
}

function report(found: Found | undefined, c: readonly number[], evaluations: number): Report<CertifyDetail> {
  const value = found
    ? found.enclosure.reduce((worst, span, i) => Math.max(worst, magnitude(difference(span, point(c[i]!)))), 0)
    : Number.POSITIVE_INFINITY
  return {
    kind: 'report',
    property: 'equilibrium-exists',
    verdict: found ? 'holds' : 'unknown',
    evidence: 'proof',
    value,
    statement: found
      ? `Proved: exactly one equilibrium lies in the box, within ${short(above(value * (1 + 1e-3)))} of the state given (${found.method === 'banach' ? `Banach, modulus ${short(found.modulus)} in the ∞-norm` : 'Krawczyk'}).`
      : 'Nothing was proved: neither Banach’s nor Krawczyk’s test succeeded on a box around the state given.',
    assumptions: [
      'G is what the interval system encloses, with exact weights; a float32 run of it differs by its own rounding.',
      'tanh and exp of this JavaScript engine are good to four units in the last place.',
    ],
    sources: ['banach1922', 'krawczyk1969'],
    detail: {
      method: found?.method ?? null,
      unique: found?.unique ?? [],
      enclosure: found?.enclosure ?? [],
      modulus: found?.modulus ?? Number.NaN,
      evaluations,
    },
  }
}
