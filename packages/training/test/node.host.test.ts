import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type FitProgress, progressLine } from '@equilibria/training'
import { checkpointFile, loadCheckpoint, progressPrinter, writeFileAtomically } from '@equilibria/training/node'

describe('files', () => {
  let folder = ''
  beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), 'equilibria-files-'))))
  afterEach(() => rmSync(folder, { recursive: true }))

  test('a file is replaced whole, and nothing else is left in the folder', async () => {
    const path = join(folder, 'a')
    await writeFileAtomically(path, Uint8Array.of(1, 2, 3))
    await Promise.all([5, 6].map((n) => writeFileAtomically(path, new Uint8Array(1000).fill(n))))
    expect(new Set(readFileSync(path)).size).toBe(1)
    expect(readdirSync(folder)).toEqual(['a'])
  })

  test('a write that fails leaves the old file and no other', async () => {
    const path = join(folder, 'a')
    mkdirSync(path)
    writeFileSync(join(path, 'inside'), 'x')
    await expect(writeFileAtomically(path, Uint8Array.of(1))).rejects.toThrow(`${path} could not be written`)
    expect(readdirSync(folder)).toEqual(['a'])
    await expect(writeFileAtomically(join(folder, 'no', 'b'), Uint8Array.of(1))).rejects.toThrow('could not be written')
  })

  test('a store says "nothing yet" and "not readable" apart; loading names the file', async () => {
    const path = join(folder, 'c.safetensors')
    expect(await checkpointFile(path).load()).toBeUndefined()
    await expect(checkpointFile(folder).load()).rejects.toThrow(`${folder} could not be read`)
    await expect(loadCheckpoint(path)).rejects.toThrow(`${path} could not be read`)
    writeFileSync(path, 'no checkpoint at all')
    await expect(loadCheckpoint(path)).rejects.toThrow(`${path}: bytes 0 to 8 announce`)
  })
})

const progress: FitProgress = {
  step: 120,
  steps: 600,
  epoch: 2,
  epochs: 10,
  loss: 0.12344,
  learningRate: 1e-3,
  gradientNorm: 1,
  gradientMax: 1,
  skipped: 0,
  skippedSteps: 0,
  validation: { step: 100, loss: 0.1301, metrics: { error: 0.5 } },
  best: { step: 80, value: 0.1287, monitor: 'loss' },
  elapsedMs: 25_000,
  remainingMs: 100_000,
}

describe('progress line', () => {
  test('says where we are, in one line', () => {
    expect(progressLine(progress, { width: 120, label: 'gnn' })).toBe(
      'gnn 120/600 [####................] epoch 2/10  loss 0.1234  val 0.1301 (best 0.1287)  ETA 1:40',
    )
  })
  test('fits any width, and the bar goes first', () => {
    for (let width = 1; width < 130; width++) {
      const line = progressLine(progress, { width, label: 'gnn' })
      expect(line.length).toBeLessThanOrEqual(width)
      expect(line).not.toContain('\n')
    }
    expect(progressLine(progress, { width: 76 })).toContain('ETA 1:40')
  })
  test('shows trouble, the monitored metric, the end, and numbers that are not finite', () => {
    const best = { step: 1, value: 0.4, monitor: 'error' }
    expect(progressLine({ ...progress, best, skippedSteps: 3, status: 'max-steps' }, { width: 200 })).toContain(
      'error 0.5000 (best 0.4000)  skipped 3  max-steps',
    )
    expect(progressLine({ ...progress, step: 600, elapsedMs: 7_384_000 }, { width: 200 })).toContain('took 2:03:04')
    expect(progressLine({ ...progress, loss: NaN, remainingMs: Infinity }, { width: 200 })).toContain('loss NaN')
  })
  test('colours only on demand', () => {
    expect(progressLine(progress)).not.toContain('\u001b')
    expect(progressLine(progress, { color: true })).toContain('\u001b[36m120/600\u001b[0m')
  })
})

describe('progress printer', () => {
  const collect = (isTTY: boolean) => {
    const written: string[] = []
    return { written, stream: { isTTY, columns: 100, write: (text: string) => written.push(text) } }
  }
  afterEach(() => vi.unstubAllEnvs())
  test('redraws one line on a terminal', () => {
    vi.stubEnv('NO_COLOR', '')
    vi.stubEnv('TERM', 'xterm')
    const { written, stream } = collect(true)
    const printer = progressPrinter({ stream })
    printer.report(progress)
    printer.report({ ...progress, step: 121 }) // too soon
    printer.report({ ...progress, step: 600 }) // the last one always
    printer.end()
    printer.end()
    expect(written).toHaveLength(3)
    expect(written[0]!.startsWith('\r\u001b[2K\u001b[36m120/')).toBe(true)
    expect(written[2]).toBe('\n')
  })
  test('prints no colours under NO_COLOR', () => {
    vi.stubEnv('NO_COLOR', '1')
    const { written, stream } = collect(true)
    progressPrinter({ stream }).report(progress)
    expect(written.join('').startsWith('\r\u001b[2K120/')).toBe(true)
  })
  test('prints whole plain lines elsewhere', () => {
    const { written, stream } = collect(false)
    const printer = progressPrinter({ stream, every: 1e6 })
    for (const step of [1, 2, 3, 600]) printer.report({ ...progress, step })
    printer.end()
    expect(written).toHaveLength(2)
    for (const line of written) expect(line).toMatch(/^\d+\/600[ -~]*\n$/)
  })
})
