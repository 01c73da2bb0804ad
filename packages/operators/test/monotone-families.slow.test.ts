import { test } from 'vitest'
import { drawConvolution, drawLben, drawMonotone } from './monotone-draws.ts'

test('monotone: 1 000 draws', () => drawMonotone(1000, 101))
test('LBEN: 1 000 draws', () => drawLben(1000, 102))
test('convolutional: 1 000 draws', () => drawConvolution(1000, 103))
