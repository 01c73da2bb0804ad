import { EquilibriaError } from '@equilibria/tensor'
import { csrFromTriplets } from '../program/csr.ts'
import type { LinearProgram } from '../program/program.ts'
import { type RandomStream, randomStream } from './random.ts'

/** Sizes of random programs; the defaults are those of the published experiment. */
export interface DrawOptions {
  /** Whole number from 0. */
  readonly seed: number
  /** `m`. Default `10`. */
  readonly constraints?: number
  /** `n`. Default `50`. */
  readonly variables?: number
  /** Distinct nonzeros of `A`. Default `100`. */
  readonly nonzeros?: number
  /** Probability that a row is an equality. Default `0.3`. */
  readonly equality?: number
}

/**
 * Draw number `index` of a seed, feasible or not (about half are):
 *
 * `c ~ 0.01 U(−1, 1)ⁿ`, `b ~ U(−1, 1)ᵐ`, `lower ≤ upper` sorted pairs of `N(0, 10²)`, distinct places of `A` with values
 * `N(0, 1)`, each row `=` with probability `equality` and `≤` otherwise. The same numbers on every machine.
 * @throws `option` for sizes that do not fit together.
 * @cite liu2026
 */
export function drawProgram(options: DrawOptions, index: number): LinearProgram {
  const { m, n, nonzeros, equality } = checkOptions(options)
  const random = randomStream(options.seed, index)
  const centred = (): number => 2 * random.uniform() - 1
  const c = Float64Array.from({ length: n }, () => 0.01 * centred())
  const rowUpper = Float64Array.from({ length: m }, centred)
  const rowLower = rowUpper.map((b) => (random.uniform() < equality ? b : -Infinity))
  const lower = new Float64Array(n)
  const upper = new Float64Array(n)
  for (let j = 0; j < n; j++) {
    const [a, b] = [10 * random.normal(), 10 * random.normal()]
    lower[j] = Math.min(a, b)
    upper[j] = Math.max(a, b)
  }
  const places = distinct(random, nonzeros, m * n)
  const matrix = csrFromTriplets({
    rows: m,
    columns: n,
    row: places.map((place) => Math.floor(place / n)),
    column: places.map((place) => place % n),
    value: Float64Array.from({ length: nonzeros }, () => random.normal()),
  })
  return { name: `random-${options.seed}-${index}`, c, offset: 0, matrix, rowLower, rowUpper, lower, upper }
}

function checkOptions(options: DrawOptions): { m: number; n: number; nonzeros: number; equality: number } {
  const { seed, constraints: m = 10, variables: n = 50, nonzeros = 100, equality = 0.3 } = options
  const whole = (name: string, value: number, most: number): void => {
    if (Number.isSafeInteger(value) && value >= 0 && value <= most) return
    throw new EquilibriaError(
      'option',
      `randomPrograms: ${name} is ${value}.`,
      `Give a whole number from 0 to ${most}.`,
    )
  }
  whole('seed', seed, Number.MAX_SAFE_INTEGER)
  whole('constraints', m, 1e6)
  whole('variables', n, 1e6)
  whole('nonzeros', nonzeros, Math.min(m * n, 1e8))
  if (!(equality >= 0 && equality <= 1)) {
    throw new EquilibriaError('option', `randomPrograms: equality is ${equality}.`, 'Give a probability, 0 to 1.')
  }
  return { m, n, nonzeros, equality }
}

/** `count` distinct whole numbers below `range`, every subset equally likely (Floyd's algorithm). */
function distinct(random: RandomStream, count: number, range: number): number[] {
  const chosen = new Set<number>()
  for (let top = range - count; top < range; top++) {
    const place = Math.floor(random.uniform() * (top + 1))
    chosen.add(chosen.has(place) ? top : place)
  }
  return [...chosen]
}
