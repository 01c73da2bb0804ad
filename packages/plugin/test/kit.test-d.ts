import type * as tf from '@tensorflow/tfjs-core'
import { expectTypeOf } from 'vitest'
import type { Operator, Task } from '@equilibria/spec'
import { referenceBackend } from '@equilibria/core'
import { createKit, definePlugin } from '@equilibria/plugin'
import { halves, quarters, type HalfOptions } from './halves.ts'

/* Checked by tsc; never run. */
const kit = createKit({ plugins: [halves, quarters], backend: referenceBackend })

expectTypeOf<keyof typeof kit.operators>().toEqualTypeOf<'halves/half' | 'quarters/quarter'>()
expectTypeOf<keyof typeof kit.tasks>().toEqualTypeOf<'halves/double'>()
expectTypeOf(kit.operators['halves/half']).parameter(0).toEqualTypeOf<HalfOptions | undefined>()
expectTypeOf(kit.operators['halves/half']()).toEqualTypeOf<Operator<tf.Tensor2D, tf.Tensor2D>>()
expectTypeOf(kit.tasks['halves/double']()).toEqualTypeOf<Task<tf.Tensor2D, tf.Tensor2D>>()
expectTypeOf(halves.name).toEqualTypeOf<'halves'>()

// @ts-expect-error no such task
export const missing = kit.tasks['halves/triple']
// @ts-expect-error no such option
export const wrong = kit.operators['halves/half']({ divisor: 2 })
export const odd = (): unknown =>
  // @ts-expect-error a part is one of five
  definePlugin({ ...halves, parts: { operator: {} } })
