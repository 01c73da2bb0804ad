import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { version } from '../src/version.ts'

test('checkpoints name the version of this package', async () => {
  const own = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  expect(version).toBe(own.version)
})
