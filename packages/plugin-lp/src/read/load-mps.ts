import { fileError } from './fail.ts'
import { type MpsOptions, type MpsProgram, readMps } from './mps.ts'

/** Unpacked sizes beyond this are refused: a few kilobytes can announce gigabytes. */
const LARGEST = 2 ** 29

/**
 * Like `readMps`, and opens gzipped bytes first, with the `DecompressionStream` of browsers and Node.
 * @throws `file`, also for damaged gzip data and for more than 512 MiB of text.
 */
export async function loadMps(bytes: Uint8Array, options: MpsOptions = {}): Promise<MpsProgram> {
  const gzipped = bytes[0] === 0x1f && bytes[1] === 0x8b
  return readMps(gzipped ? await gunzip(bytes, options.name ?? 'program.mps.gz') : bytes, options)
}

/** What the decompressor says, where it says something. */
const reason = (error: unknown): string => (error instanceof Error && error.message !== '' ? `: ${error.message}` : '')

async function gunzip(bytes: Uint8Array, file: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const stream = new Blob([Uint8Array.from(bytes)]).stream().pipeThrough(new DecompressionStream('gzip'))
  const reader = stream.getReader()
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      size += part.value.length
      if (size > LARGEST) break
      chunks.push(part.value)
    }
  } catch (error) {
    throw fileError({ file }, `the gzip data is damaged or cut short${reason(error)}`, 'Fetch the file again.', error)
  }
  if (size > LARGEST) {
    await reader.cancel().catch(() => undefined)
    throw fileError({ file }, `the file unpacks to more than ${LARGEST} bytes`, 'Such a program does not fit here.')
  }
  const text = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    text.set(chunk, at)
    at += chunk.length
  }
  return text
}
