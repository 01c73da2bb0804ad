import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { readCheckpoint } from '@equilibria/training'

const script = fileURLToPath(new URL('kill-child.ts', import.meta.url))

/** Runs the child; kills it with SIGKILL when it reports the step `killAt`. */
function run(backend: string, file: string, resume: boolean, killAt = Infinity) {
  return new Promise<{ signal: string | null; output: string; seen: number[] }>((resolve, reject) => {
    const child = spawn(process.execPath, [
      '--conditions=@equilibria/source',
      '--no-warnings',
      script,
      backend,
      file,
      resume ? 'yes' : 'no',
    ])
    let [output, messages] = ['', '']
    const seen = () => [...messages.matchAll(/step (\d+)\n/g)].map(([, n]) => Number(n))
    child.stdout.on('data', (data: Buffer) => (output += data.toString()))
    child.stderr.on('data', (data: Buffer) => {
      messages += data.toString()
      if (seen().some((step) => step >= killAt)) child.kill('SIGKILL')
    })
    child.on('error', reject)
    child.on('close', (code, signal) =>
      code === 0 || signal ? resolve({ signal, output, seen: seen() }) : reject(new Error(messages)),
    )
  })
}

test.each(['cpu', 'wasm'])('on %s, training killed twice and resumed equals training never killed', async (backend) => {
  const folder = mkdtempSync(join(tmpdir(), 'equilibria-kill-'))
  const path = (name: string) => join(folder, name)
  try {
    const whole = await run(backend, path('whole.safetensors'), false)
    const first = await run(backend, path('killed.safetensors'), false, 10)
    expect(first.signal).toBe('SIGKILL')
    // Whatever moment the kill came at, the file is a whole checkpoint.
    const at = readCheckpoint(readFileSync(path('killed.safetensors'))).training!.step
    expect(at).toBeGreaterThanOrEqual(6)
    expect(at).toBeLessThan(60)
    const second = await run(backend, path('killed.safetensors'), true, at + 8)
    expect(second.signal).toBe('SIGKILL')
    expect(second.seen[0]).toBe(at + 1)
    const last = await run(backend, path('killed.safetensors'), true)
    expect(last.seen[0]).toBeGreaterThan(at + 1)
    expect(JSON.parse(last.output)).toEqual(JSON.parse(whole.output))
    // The stop came after the kills, so the patience used up before them was remembered.
    expect(JSON.parse(whole.output)).toMatchObject({ status: 'stopped-early', steps: 48 })
    expect(
      readdirSync(folder)
        .filter((name) => !name.startsWith('.'))
        .sort(),
    ).toEqual(['killed.safetensors', 'whole.safetensors'])
  } finally {
    rmSync(folder, { recursive: true })
  }
})
