import { figure } from '../format.ts'

/** From values to `[0, 1]`, with the ticks to draw. */
export interface Scale {
  at(value: number): number
  readonly ticks: readonly { readonly value: number; readonly label: string }[]
  readonly log: boolean
}

/** Ticks at 1, 2 or 5 times a power of ten; the domain is widened to them unless `tight`. */
export function linearScale(low: number, high: number, wanted = 5, tight = false): Scale {
  const [from, to] = low === high ? [low - (Math.abs(low) || 1) / 2, high + (Math.abs(high) || 1) / 2] : [low, high]
  const rough = (to - from) / wanted
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * [1, 2, 5, 10].find((m) => m * power >= rough * 0.999)!
  const [down, up] = tight ? [Math.ceil, Math.floor] : [Math.floor, Math.ceil]
  const nudge = tight ? -1e-9 : 1e-9
  const [first, last] = [down(from / step + nudge), up(to / step - nudge)]
  const [start, end] = tight ? [from, to] : [first * step, last * step]
  const ticks = Array.from({ length: last - first + 1 }, (_, i) => Number(((first + i) * step).toPrecision(12)))
  return {
    at: (value) => (value - start) / (end - start),
    ticks: ticks.map((value) => ({ value, label: figure(value, 4) })),
    log: false,
  }
}

/** Decades; with fewer than two of them also 2 and 5 times each. The domain is widened to ticks. */
export function logScale(low: number, high: number, wanted = 6): Scale {
  const [bottom, top] = [Math.floor(Math.log10(low) + 1e-9), Math.ceil(Math.log10(high) - 1e-9)]
  const span = Math.log10(high) - Math.log10(low)
  const factors = span < 2.2 ? [1, 2, 5] : [1]
  const every = Math.max(1, Math.ceil((top - bottom) / wanted))
  const all: number[] = []
  for (let e = bottom - 1; e <= top + 1; e++)
    for (const f of factors) if (factors.length > 1 || (e - bottom) % every === 0) all.push(f * 10 ** e)
  const from = all.findLast((v) => v <= low * (1 + 1e-9)) ?? low
  const to = all.find((v) => v >= high * (1 - 1e-9) && v > from) ?? high
  const [a, b] = [Math.log10(from), Math.log10(to)]
  return {
    at: (value) => (Math.log10(value) - a) / (b - a),
    ticks: all
      .filter((v) => v >= from * (1 - 1e-9) && v <= to * (1 + 1e-9))
      .map((value) => ({ value, label: powerLabel(value) })),
    log: true,
  }
}

/**
 * Depths: a tick at every one measured, logarithmic when they span a factor of 8 or more. A depth of 0 has no logarithm
 * and stands one octave before the first.
 */
export function depthScale(depths: readonly number[]): Scale {
  const sorted = [...new Set(depths)].sort((a, b) => a - b)
  const [first = 1, last = 1] = [sorted.find((t) => t > 0), sorted.at(-1)]
  const log = last / first >= 8
  const place = (t: number): number => (log ? Math.log2(t > 0 ? t : first / 2) : t)
  const [a, b] = [place(sorted[0] ?? 1), place(last)]
  return {
    at: (value) => (b === a ? 0.5 : (place(value) - a) / (b - a)),
    ticks: sorted.map((value) => ({ value, label: String(value) })),
    log,
  }
}

const SUPERSCRIPTS = ['⁰', '¹', '²', '³', '⁴', '⁵', '⁶', '⁷', '⁸', '⁹'] as const

/** `0.01`, `500`, and beyond that `10⁻⁵` or `2·10⁻⁵`. */
export function powerLabel(value: number): string {
  if (value >= 0.00999 && value < 9999) return String(Number(value.toPrecision(3)))
  const exponent = Math.floor(Math.log10(value) + 1e-9)
  const factor = Math.round(value / 10 ** exponent)
  const digits = [...String(Math.abs(exponent))].map((d) => SUPERSCRIPTS[Number(d)]).join('')
  return `${factor === 1 ? '' : `${factor}·`}10${exponent < 0 ? '⁻' : ''}${digits}`
}
