/** One line on stderr that is overwritten on a terminal; on a pipe, a plain line every ten seconds. */
export function liveLine(stream: NodeJS.WriteStream = process.stderr): {
  readonly width: number
  update(text: string): void
  end(): void
} {
  const live = stream.isTTY === true
  let shown = Number.NEGATIVE_INFINITY
  let last = ''
  let pending = false // the newest text has not been shown
  return {
    width: Math.max(40, (stream.columns ?? 100) - 1),
    update(text) {
      last = text
      pending = true
      const now = performance.now()
      if (now - shown < (live ? 100 : 10_000)) return
      shown = now
      pending = false
      stream.write(live ? `\r\u001b[2K${text}` : `${text}\n`)
    },
    end() {
      if (last === '') return
      if (live) stream.write(`\r\u001b[2K${last}\n`)
      else if (pending) stream.write(`${last}\n`)
      last = ''
      shown = Number.NEGATIVE_INFINITY // what comes next is something else, and is shown at once
    },
  }
}
