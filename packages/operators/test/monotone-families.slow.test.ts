import { expect, test } from 'vitest'
import { drawConvolution, drawLben, drawMonotone } from './monotone-draws.ts'

test('monotone: 1 000 draws', () => {
  expect(drawMonotone(1000, 101)).toBe(1000)
})
test('LBEN: 1 000 draws', () => {
  expect(drawLben(1000, 102)).toBe(1000)
})
test('convolutional: 1 000 draws', () => {
  expect(drawConvolution(1000, 103)).toBe(1000)
})
