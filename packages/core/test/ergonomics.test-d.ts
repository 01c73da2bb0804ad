// What must compile for a user of core without a cast or a type argument, and what must not. Checked by `tsc`, never run.
import * as tf from '@tensorflow/tfjs-core'
import { expectTypeOf } from 'vitest'
import {
  allOf,
  anyOf,
  defineOperator,
  EquilibriaError,
  equilibrium,
  residualBelow,
  stagnation,
  type EquilibriumLayer,
} from '@equilibria/core'
import type { GradientMode, LinearSolver, Operator, Solver, Status, TensorTree } from '@equilibria/spec'

declare const solver: Solver
declare const linear: LinearSolver
declare const gradient: GradientMode
declare const W: tf.Tensor2D

// An operator on one tensor: types of state and input come from `initial`, ranks lost by tfjs do no harm.
const tanh = defineOperator({
  name: 'tanh',
  initial: (x: tf.Tensor2D) => tf.zerosLike(x),
  apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, W), x)),
})
expectTypeOf(tanh).toEqualTypeOf<Operator<tf.Tensor2D, tf.Tensor2D>>()

const layer = equilibrium(tanh, { solver, gradient })
expectTypeOf(layer).toEqualTypeOf<EquilibriumLayer<tf.Tensor2D, tf.Tensor2D>>()
const solution = layer.solve(tf.ones([2, 4]))
expectTypeOf(solution.state).toEqualTypeOf<tf.Tensor2D>()
expectTypeOf(solution.status).toEqualTypeOf<Status>()
expectTypeOf(solution.stats.perSample.residual).toEqualTypeOf<Float32Array>()
expectTypeOf(layer.solveAsync(tf.ones([2, 4])))
  .resolves.toHaveProperty('state')
  .toEqualTypeOf<tf.Tensor2D>()

// A state that is a tree keeps its keys and ranks all the way to the solution.
const scales = defineOperator({
  name: 'two-scales',
  initial: ({ x }: { x: tf.Tensor2D }) => ({
    fine: tf.zerosLike(x),
    coarse: tf.zeros<tf.Rank.R2>([x.shape[0], 1]),
  }),
  apply: ({ fine, coarse }, { x }) => ({ fine: tf.add(fine, tf.add(x, coarse)), coarse: tf.mean(fine, 1, true) }),
})
const two = equilibrium(scales, { solver }).solve({ x: tf.ones([2, 4]) })
expectTypeOf(two.state.coarse).toEqualTypeOf<tf.Tensor2D>()
expectTypeOf(two.state).toHaveProperty('fine')

// A tuple is a tree too.
const pair = defineOperator({
  name: 'pair',
  initial: (x: tf.Tensor2D): readonly [tf.Tensor2D, tf.Tensor2D] => [x, x],
  apply: ([a, b]) => [b, a] as const,
})
expectTypeOf(equilibrium(pair, { solver }).solve(tf.ones([1, 1])).state[1]).toEqualTypeOf<tf.Tensor2D>()

// Stop rules compose; test-time compute is the same set of words everywhere.
equilibrium(tanh, { solver, stop: anyOf(residualBelow(1e-6), allOf(stagnation(), residualBelow(1e-3))) })
layer.solve(tf.ones([1, 1]), {
  steps: 8,
  tolerance: 1e-3,
  budget: { ms: 10 },
  breadth: { starts: 4, noise: 0.1 },
  initial: solution.state,
  signal: new AbortController().signal,
  onProgress: ({ step }) => void step.toFixed(),
})

// `EquilibriaError.is` narrows.
declare const caught: unknown
if (EquilibriaError.is(caught)) expectTypeOf(caught.hint).toEqualTypeOf<string>()

// ---- what must not compile ----

// @ts-expect-error a leaf of the state is missing from the result
defineOperator({ name: 'bad', initial: (x: tf.Tensor2D) => ({ a: x, b: x }), apply: ({ a }) => ({ a }) })
// @ts-expect-error a number is not a tensor
defineOperator({ name: 'bad', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: () => 1 })
// @ts-expect-error the input must be what the operator takes
layer.solve({ x: tf.ones([2, 4]) })
// @ts-expect-error a warm start has the structure of the state
layer.solve(tf.ones([2, 4]), { initial: { z: tf.ones([2, 4]) } })
// @ts-expect-error a linear solver is not a fixed-point solver
equilibrium(tanh, { solver: linear })
// @ts-expect-error a solver must be named
equilibrium(tanh, { gradient })
// @ts-expect-error no such option
equilibrium(tanh, { solver, tolerence: 1e-4 })
// @ts-expect-error a solver is not a gradient mode
equilibrium(tanh, { solver, gradient: solver })
// @ts-expect-error solutions are read-only
solution.status = 'converged'
// @ts-expect-error there is no such key in the state
void two.state.medium

// ---- what an operator says beside its state is typed all the way, and nobody else notices ----
const energetic = defineOperator({
  name: 'energetic',
  initial: (x: tf.Tensor2D) => tf.zerosLike(x),
  apply: (z, x) => tf.add(tf.mul(z, 0.5), x),
  aux: (z, x) => ({ energy: tf.sum(tf.mul(z, x), 1), maps: [z] }),
})
const energies = equilibrium(energetic, { solver })
expectTypeOf(energies.solve(tf.ones([1, 1])).aux.energy).toEqualTypeOf<tf.Tensor>()
expectTypeOf(energies.solve(tf.ones([1, 1])).aux.maps).toEqualTypeOf<tf.Tensor2D[]>()
expectTypeOf(energies.solveAsync(tf.ones([1, 1]))).resolves.toHaveProperty('aux')
expectTypeOf(energetic).toExtend<Operator<tf.Tensor2D, tf.Tensor2D>>()
expectTypeOf(layer.solve(tf.ones([1, 1])).aux).toEqualTypeOf<TensorTree | undefined>()
// @ts-expect-error not said by this operator
void energies.solve(tf.ones([1, 1])).aux.entropy
// @ts-expect-error tensors only
defineOperator({ name: 'bad', initial: (x: tf.Tensor2D) => x, apply: (z) => z, aux: () => ({ energy: 1 }) })

// A solve that the caller advances.
for (const { step, perSample, state } of energies.steps(tf.ones([1, 1]))) {
  expectTypeOf(step).toEqualTypeOf<number>()
  expectTypeOf(perSample.status).toEqualTypeOf<readonly (Status | null)[]>()
  expectTypeOf(state()).toEqualTypeOf<tf.Tensor2D>()
}
const turn = energies.steps(tf.ones([1, 1])).next()
if (turn.done) expectTypeOf(turn.value.aux.energy).toEqualTypeOf<tf.Tensor>()
export const streams = async (): Promise<void> => {
  for await (const { residual } of energies.stream(tf.ones([1, 1]))) expectTypeOf(residual).toEqualTypeOf<number>()
}
