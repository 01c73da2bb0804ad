import { test } from 'vitest'
import { drawGradientStep, drawInputConvex } from './denoiser-draws.ts'

test('gradient-step: 1 000 draws', () => drawGradientStep(1000, 301))
test('input-convex: 1 000 draws', () => drawInputConvex(1000, 302))
