/** Colour only where a person looks: a terminal, and no NO_COLOR. */
const colours = (stream: NodeJS.WriteStream): boolean =>
  stream.isTTY === true && !process.env['NO_COLOR'] && process.env['TERM'] !== 'dumb'

const paint =
  (code: number) =>
  (text: string, stream: NodeJS.WriteStream = process.stdout) =>
    colours(stream) ? `\u001b[${code}m${text}\u001b[0m` : text

export const bold = paint(1)
export const dim = paint(2)
export const red = paint(31)
export const green = paint(32)

/** Results go to stdout; everything a person reads meanwhile goes to stderr, so that output pipes. */
export const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}
export const print = (text: string): void => {
  process.stdout.write(`${text}\n`)
}

/** Width of the terminal, or 100 columns for a pipe. */
export const width = (): number => process.stderr.columns ?? 100
