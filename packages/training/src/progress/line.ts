import type { FitProgress } from '../fit/progress.ts'

export interface ProgressLineOptions {
  /** Columns; the line is cut to fit. Default `80`. */
  readonly width?: number
  /** ANSI colours. Default `false`. */
  readonly color?: boolean
  /** Printed first. */
  readonly label?: string
}

/** `7 s`, `3:05`, `2:03:05`. */
function clock(ms: number): string {
  if (!Number.isFinite(ms)) return '?'
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  const two = (n: number) => String(n).padStart(2, '0')
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`
}

const short = (value: number): string => {
  const size = Math.abs(value)
  if (!Number.isFinite(value) || value === 0) return String(value)
  return size >= 1e-3 && size < 1e4 ? value.toPrecision(4) : value.toExponential(2)
}

/**
 * One line about the state of training, such as
 * `gnn 120/600 [####................] epoch 2/10  loss 0.1234  val 0.1301 (best 0.1287)  ETA 1:40`.
 * A pure function: no line break, no cursor movement. The bar gives way first when the line is too long.
 */
export function progressLine(progress: FitProgress, options: ProgressLineOptions = {}): string {
  const { width = 80, color = false, label } = options
  const { step, steps, epoch, epochs, loss, validation, best, skippedSteps, status, remainingMs, elapsedMs } = progress
  const monitored = best && best.monitor !== 'loss' ? validation?.metrics[best.monitor] : validation?.loss
  const name = best && best.monitor !== 'loss' ? best.monitor : 'val'
  const done = step >= steps
  const facts = [
    `epoch ${epoch}/${epochs}`,
    `loss ${short(loss)}`,
    ...(monitored === undefined ? [] : [`${name} ${short(monitored)}${best ? ` (best ${short(best.value)})` : ''}`]),
    ...(skippedSteps > 0 ? [`skipped ${skippedSteps}`] : []),
    ...(status === undefined || status === 'converged' || status === 'floor' ? [] : [status]),
    done ? `took ${clock(elapsedMs)}` : `ETA ${clock(remainingMs)}`,
  ].join('  ')
  const head = `${label ? `${label} ` : ''}${step}/${steps}`
  const room = Math.min(20, width - head.length - facts.length - 4)
  const full = Math.floor((Math.min(step, steps) / steps) * room)
  const bar = room >= 5 ? ` [${'#'.repeat(full)}${'.'.repeat(room - full)}] ` : '  '
  const line = `${head}${bar}${facts}`
  const cut = line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line
  if (!color) return cut
  const code = skippedSteps > 0 ? 33 : done ? 32 : 36
  return `\u001b[${code}m${cut.slice(0, head.length)}\u001b[0m${cut.slice(head.length)}`
}
