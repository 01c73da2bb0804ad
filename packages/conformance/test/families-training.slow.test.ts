import { expect, test } from 'vitest'
import { families } from './families-table.ts'
import { trained } from './families-training.ts'

for (const entry of families)
  test(`${entry.name}: a hundred steps of training halve the loss and keep the guarantee`, () => {
    const { before, after } = trained(entry, 100)
    expect(after).toBeLessThan(before / 2)
  })
