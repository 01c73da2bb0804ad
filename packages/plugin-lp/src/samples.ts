import type { Sample } from '@equilibria/spec'
import * as tf from '@tensorflow/tfjs-core'
import { toInput } from './data/to-input.ts'
import type { LpInput } from './graph/input.ts'
import { pdhgStep, type PdhgStepState } from './operators/pdhg-step.ts'
import { readMps } from './read/mps.ts'

const mix = `NAME mix
ROWS
 N cost
 L labour
 L wood
 E total
COLUMNS
 chairs cost -3 labour 1
 chairs wood 2 total 1
 tables cost -5 labour 4
 tables wood 1 total 1
 idle total 1
RHS
 RHS labour 12 wood 10
 RHS total 8
ENDATA
`

/** A product mix of two goods, solved by hand: 4 chairs and 2 tables, both resources used up, 2 places idle. */
export const productMix: Sample<PdhgStepState, LpInput> = {
  summary: 'A product mix: 4 chairs and 2 tables use up labour and wood.',
  operator: () => pdhgStep(),
  input: () => toInput([readMps(mix)]),
  // Bases: labour x + 4 t = 12, wood 2 x + t = 10; prices from −3 = λ₁ + 2 λ₂, −5 = 4 λ₁ + λ₂.
  expected: () => ({ y: tf.tensor2d([[4, 2, 2]]), dual: tf.tensor2d([[-1, -1, 0]]) }),
  differentiable: false,
}
