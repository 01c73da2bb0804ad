import { expect, test } from 'vitest'
import { drawRen } from './ren-draws.ts'

test('contracting REN: 1 000 draws', () => {
  expect(drawRen(1000, 201)).toBe(1000)
})
