import { test } from 'vitest'
import { drawRen } from './ren-draws.ts'

test('contracting REN: 1 000 draws', () => drawRen(1000, 201))
