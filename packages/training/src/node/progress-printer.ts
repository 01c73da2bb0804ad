import type { FitProgress } from '../fit/progress.ts'
import { progressLine } from '../progress/line.ts'

/** What is needed of `process.stderr`. */
export interface ProgressStream {
  readonly isTTY?: boolean
  readonly columns?: number
  write(text: string): unknown
}

/** Writes the progress of `fit` to a stream. */
export interface ProgressPrinter {
  /** Give this to `fit` as `onProgress`. */
  readonly report: (progress: FitProgress) => void
  /** Ends the line. */
  end(): void
}

/**
 * Shows progress: on a terminal one line that is redrawn at most ten times a second, elsewhere a plain line every
 * `every` milliseconds. No colours when `NO_COLOR` is set or the stream is no terminal.
 */
export function progressPrinter(
  options: { readonly stream?: ProgressStream; readonly label?: string; readonly every?: number } = {},
): ProgressPrinter {
  const { stream = process.stderr, label, every = 10_000 } = options
  const terminal = stream.isTTY === true
  const color = terminal && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'
  let last = -Infinity
  let open = false
  return {
    report(progress) {
      const now = performance.now()
      if (progress.step < progress.steps && now - last < (terminal ? 100 : every)) return
      last = now
      const width = terminal ? (stream.columns ?? 80) - 1 : 200
      const line = progressLine(progress, { width, color, ...(label === undefined ? {} : { label }) })
      stream.write(terminal ? `\r\u001b[2K${line}` : `${line}\n`)
      open = terminal
    },
    end() {
      if (open) stream.write('\n')
      open = false
    },
  }
}
