import type { StudyProgress } from './options.ts'

/** Counts work in units decided beforehand, reports it, gives way to the event loop, and notices an abort. */
export interface Pacer {
  /** `work` units of `stage` are done. */
  done(stage: string, work: number): Promise<void>
}

export function pacer(
  total: number,
  options: {
    readonly onProgress?: ((progress: StudyProgress) => void) | undefined
    readonly signal?: AbortSignal | undefined
  },
): Pacer {
  const began = performance.now()
  let finished = 0
  options.signal?.throwIfAborted()
  return {
    async done(stage, work) {
      finished += work
      const elapsedMs = performance.now() - began
      const fraction = Math.min(1, finished / total)
      const remainingMs = fraction > 0 ? (elapsedMs * (1 - fraction)) / fraction : undefined
      options.onProgress?.({ stage, fraction, elapsedMs, remainingMs })
      await new Promise<void>((resolve) => setTimeout(resolve, 0))
      options.signal?.throwIfAborted()
    },
  }
}
