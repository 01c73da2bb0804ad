import { say } from './terminal.ts'

/** What a signal throws into whoever waits for it. */
export const isAbort = (error: unknown): boolean => error instanceof Error && error.name === 'AbortError'

/** Runs with a signal that Ctrl-C fires; a second Ctrl-C ends the process the hard way. */
export async function interruptible<T>(run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const stop = new AbortController()
  const onInterrupt = (): void => {
    if (stop.signal.aborted) process.exit(130)
    say('\nstopping after this step (again: at once)')
    stop.abort()
  }
  process.on('SIGINT', onInterrupt)
  try {
    return await run(stop.signal)
  } finally {
    process.off('SIGINT', onInterrupt)
  }
}
