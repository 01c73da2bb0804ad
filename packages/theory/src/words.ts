/** The largest; NaN if any is. */
export const worst = (values: Float64Array): number =>
  values.reduce((a, b) => (b <= a ? a : b), Number.NEGATIVE_INFINITY)

/** Four digits, for sentences. */
export const short = (value: number): string => String(Number(value.toPrecision(4)))
