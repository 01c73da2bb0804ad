import { expect, test } from 'vitest'
import { drawGradientStep, drawInputConvex } from './denoiser-draws.ts'

test('gradient-step: 1 000 draws', () => {
  expect(drawGradientStep(1000, 301)).toBe(1000)
})
test('input-convex: 1 000 draws', () => {
  expect(drawInputConvex(1000, 302)).toBe(1000)
})
