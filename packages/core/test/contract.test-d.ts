// The contract, from the side of people who implement it: what a solver, a rule, a task may and may not be.
import type * as tf from '@tensorflow/tfjs-core'
import { expectTypeOf } from 'vitest'
import type {
  Analyzer,
  Loose,
  Memory,
  Model,
  Plugin,
  Report,
  Solver,
  Status,
  Step,
  StopRule,
  Task,
  TensorTree,
  Vector,
} from '@equilibria/spec'

// ---- trees ----
expectTypeOf<tf.Tensor4D>().toExtend<TensorTree>()
expectTypeOf<{ a: tf.Tensor2D; b: readonly [tf.Tensor1D, { c: tf.Scalar }] }>().toExtend<TensorTree>()
expectTypeOf<{ a: number }>().not.toExtend<TensorTree>()
expectTypeOf<string>().not.toExtend<TensorTree>()
// Ranks are forgotten in results, structure is not.
expectTypeOf<Loose<tf.Tensor2D>>().toEqualTypeOf<tf.Tensor>()
expectTypeOf<Loose<{ a: tf.Tensor2D }>>().toEqualTypeOf<{ readonly a: tf.Tensor }>()
expectTypeOf<{ a: tf.Tensor }>().toExtend<Loose<{ a: tf.Tensor2D }>>()
expectTypeOf<{ b: tf.Tensor }>().not.toExtend<Loose<{ a: tf.Tensor2D }>>()

// ---- solvers ----
const plain = {
  kind: 'solver',
  spec: 1,
  name: 'plain',
  init: () => null,
  step: (problem, z) => ({ next: problem.apply(z), residual: z, memory: null }),
} satisfies Solver<null>
expectTypeOf(plain.step).parameter(1).toEqualTypeOf<Vector>()
// A solver with its own memory can be handed to whoever takes any solver.
expectTypeOf<Solver<null>>().toExtend<Solver>()
expectTypeOf<{ history: tf.Tensor2D[]; count: number }>().toExtend<Memory>()
expectTypeOf<{ history: string }>().not.toExtend<Memory>()
expectTypeOf<Step<null>['residual']>().toEqualTypeOf<Vector>()

// ---- stop rules ----
expectTypeOf<ReturnType<ReturnType<StopRule['start']>>>().toEqualTypeOf<Status | undefined>()
// @ts-expect-error not a status
const invented: Status = 'done'
void invented

// ---- reports carry their claim ----
expectTypeOf<Report['evidence']>().toEqualTypeOf<'proof' | 'bound' | 'estimate' | 'observation'>()
expectTypeOf<ReturnType<Analyzer<{ steps: number }>['analyze']>['detail']>().toEqualTypeOf<{ steps: number }>()

// ---- tasks and plugins ----
type Toy = Task<{ b: tf.Tensor2D }, tf.Tensor2D>
expectTypeOf<Parameters<Toy['loss']>>().toEqualTypeOf<
  [prediction: tf.Tensor2D, target: tf.Tensor2D, input: { b: tf.Tensor2D }]
>()
expectTypeOf<ReturnType<NonNullable<Toy['models'][string]>>>().toEqualTypeOf<Model<{ b: tf.Tensor2D }, tf.Tensor2D>>()
const plugin = {
  kind: 'plugin',
  spec: 1,
  name: 'toy',
  version: '1.0.0',
  summary: 'A plugin.',
  parts: { solvers: { plain: () => plain } },
  samples: {},
} as const satisfies Plugin
expectTypeOf(plugin.name).toEqualTypeOf<'toy'>()
// @ts-expect-error a solver does not belong among the gradients
const misplaced: Plugin = { ...plugin, parts: { gradients: { plain: () => plain } } }
void misplaced
