import { main } from '../src/main.ts'

export interface Ran {
  readonly code: number
  readonly out: string
  readonly err: string
}

/** Runs one command line in this process; what it prints is caught, not shown. */
export async function run(...args: readonly string[]): Promise<Ran> {
  const caught = { out: '', err: '' }
  const [out, err] = [process.stdout.write, process.stderr.write]
  process.stdout.write = (chunk: unknown) => ((caught.out += String(chunk)), true)
  process.stderr.write = (chunk: unknown) => ((caught.err += String(chunk)), true)
  try {
    const code = await main(args)
    return { code, ...caught }
  } finally {
    process.stdout.write = out
    process.stderr.write = err
  }
}
