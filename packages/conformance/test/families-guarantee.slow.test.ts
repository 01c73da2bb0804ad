import { describe, test } from 'vitest'
import { checkMatrix, checkPairs, checkSolver, seeded } from './families-properties.ts'
import { families } from './families-table.ts'

const AFFINE = ['spectral', 'aol', 'cayley', 'rowSum', 'perron', 'circularConvolution', 'logNorm']

for (const entry of families)
  describe(`the family ${entry.name}`, () => {
    test('1 000 draws, four pairs each: the guarantee is never broken', () => {
      for (let draw = 0; draw < 1000; draw++) checkPairs(entry, seeded(entry.name, 1000 + draw))
    })
    test.runIf(AFFINE.includes(entry.name))('1 000 draws: the norm of the matrix that is used', () => {
      for (let draw = 0; draw < 1000; draw++) checkMatrix(entry, seeded(`${entry.name} matrix`, 1000 + draw))
    })
    test('1 000 draws: its solver converges from random starts', () => {
      for (let draw = 0; draw < 1000; draw++) checkSolver(entry, seeded(`${entry.name} solver`, 1000 + draw))
    })
  })
