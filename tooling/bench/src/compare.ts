/** One comparison: two ways to do the same. Each call must free what it makes. */
export interface Bench {
  readonly name: string
  /** What is there today, or the alternative that was not taken. */
  readonly before: () => void
  readonly after: () => void
  /** Called, untimed, before every block of that side: to switch something global. */
  readonly prepare?: (side: 'before' | 'after') => void
}

export interface CompareOptions {
  /** Number of A B B A groups. Default `15`. */
  readonly pairs?: number
  /** Least duration of one block, in milliseconds. Default `8`. */
  readonly blockMs?: number
  /** A clock in milliseconds. Default `performance.now`. */
  readonly now?: () => number
}

export interface Measured {
  readonly name: string
  /** Median milliseconds per call. */
  readonly beforeMs: number
  readonly afterMs: number
  /** `before / after` of every A B B A group: above 1, `after` is faster. */
  readonly ratios: readonly number[]
}

/**
 * Time two functions against each other in short interleaved blocks, A B B A. What drifts slowly (clock speed, other
 * processes) hits both sides of a group alike, and a linear drift cancels, so each group gives one honest ratio.
 */
export function compare(bench: Bench, options: CompareOptions = {}): Measured {
  const { pairs = 15, blockMs = 8, now = () => performance.now() } = options
  const block = (side: 'before' | 'after', calls: number): number => {
    bench.prepare?.(side)
    const f = bench[side]
    const start = now()
    for (let i = 0; i < calls; i++) f()
    return (now() - start) / calls
  }
  const enough = (side: 'before' | 'after'): number => {
    let calls = 1
    while (block(side, calls) * calls < blockMs && calls < 1e6) calls *= 2 // warms up, too
    return calls
  }
  const a = enough('before')
  const b = enough('after')
  const times = Array.from({ length: pairs }, () => {
    const first = block('before', a)
    const after = block('after', b) + block('after', b)
    return { before: (first + block('before', a)) / 2, after: after / 2 }
  })
  return {
    name: bench.name,
    beforeMs: median(times.map((t) => t.before)),
    afterMs: median(times.map((t) => t.after)),
    ratios: times.map((t) => t.before / t.after),
  }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((x, y) => x - y)
  const half = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}

/** mulberry32: a report of the same figures must show the same interval. */
function randomFrom(seed: number): () => number {
  let s = seed
  return () => {
    s = (s + 0x6d2b79f5) | 0
    let t = Math.imul(s ^ (s >>> 15), 1 | s)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/**
 * Median ratio over all groups, and its 95 % bootstrap interval. Processes are resampled first, then groups inside
 * them: how the machine code turned out differs between processes more than between groups.
 */
export function summarize(processes: readonly (readonly number[])[], resamples = 2000): [number, number, number] {
  const random = randomFrom(1)
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
  const medians = Array.from({ length: resamples }, () =>
    median(
      processes.flatMap(() => {
        const one = pick(processes)
        return one.map(() => pick(one))
      }),
    ),
  ).sort((x, y) => x - y)
  const at = (q: number) => medians[Math.min(resamples - 1, Math.floor(q * resamples))]!
  return [median(processes.flat()), at(0.025), at(0.975)]
}
