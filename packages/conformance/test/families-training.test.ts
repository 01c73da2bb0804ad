import { expect, test } from 'vitest'
import { families } from './families-table.ts'
import { trained } from './families-training.ts'

/* A hundred steps of each are in the slow lane. */
for (const entry of families)
  test(`${entry.name}: a few steps of training lower the loss and keep the guarantee`, () => {
    const { before, after } = trained(entry, 6)
    expect(after).toBeLessThan(before)
  })
