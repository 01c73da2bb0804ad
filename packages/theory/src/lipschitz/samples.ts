/** What was measured, before it is aggregated. Plain numbers; parts of one data set can be joined. */
export interface LipschitzSamples {
  readonly method: 'ascent' | 'perturbations' | 'power'
  readonly steps: readonly number[]
  /** Names of the perturbations; empty for `power` and `ascent`. */
  readonly perturbations: readonly string[]
  readonly radius: number | null
  readonly repeats: number
  /** `values[t][sample]`: output change over input change, one per perturbation and repeat; one singular value for `power`. */
  readonly values: readonly (readonly Float64Array[])[]
  /** `residuals[t][sample]`; empty where the map reports none. */
  readonly residuals: readonly (readonly number[])[]
  /** `floors[t][sample]`: the ratio that rounding `y` to float32 shows alone, `√2 · 2⁻²⁴ · ‖y_t‖ / ‖δx‖`; 0 for `power`. */
  readonly floors: readonly (readonly number[])[]
  /** `power`: largest relative change in the last power step, over depths and samples. */
  readonly change: number | null
}

/**
 * The same measurement on more samples. All parts must have been measured the same way.
 * @throws RangeError without a part
 */
export function joinSamples(parts: readonly LipschitzSamples[]): LipschitzSamples {
  const [first] = parts
  if (first === undefined) throw new RangeError('joinSamples() needs at least one part.')
  const join = <T>(pick: (part: LipschitzSamples) => readonly (readonly T[])[]): T[][] =>
    first.steps.map((_, t) => parts.flatMap((part) => pick(part)[t]!))
  return {
    ...first,
    values: join((part) => part.values),
    residuals: join((part) => part.residuals),
    floors: join((part) => part.floors),
    change: parts.reduce<number | null>(
      (worst, p) => (p.change === null ? worst : Math.max(worst ?? 0, p.change)),
      null,
    ),
  }
}
