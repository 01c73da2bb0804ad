import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { checkMatrix, checkPairs, checkSolver, seeded } from './families-properties.ts'
import { families } from './families-table.ts'

/* A thousand draws of each are in the slow lane. */
const AFFINE = ['spectral', 'aol', 'cayley', 'rowSum', 'perron', 'circularConvolution', 'logNorm']

for (const entry of families)
  describe(`the family ${entry.name}`, () => {
    test('the guarantee holds for random weights and pairs, and nothing is left behind', () => {
      const before = tf.memory().numTensors
      for (let draw = 0; draw < 25; draw++) checkPairs(entry, seeded(entry.name, draw))
      expect(tf.memory().numTensors).toBe(before)
    })
    test.runIf(AFFINE.includes(entry.name))('the float32 matrix that is used has the norm that is certified', () => {
      for (let draw = 0; draw < 25; draw++) checkMatrix(entry, seeded(`${entry.name} matrix`, draw))
    })
    test('its solver converges from random starts', () => {
      for (let draw = 0; draw < 6; draw++) checkSolver(entry, seeded(`${entry.name} solver`, draw))
    })
  })
