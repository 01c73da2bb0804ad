import * as tf from '@tensorflow/tfjs-core'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { TensorTree } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import {
  activation,
  bipartiteMessagePassing,
  compose,
  convolution1d,
  convolution2d,
  damped,
  dense,
  gatedMlp,
  graphConvolution,
  instanceNorm,
  type Layer,
  layerNorm,
  type LayerOperator,
  messagePassing,
  operatorOf,
  prepareEdges,
  recall,
  residual,
  rmsNorm,
  selfAttention,
  spectralConvolution1d,
  spectralConvolution2d,
  sum,
} from '@equilibria/operators'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'

/* Every layer inside an equilibrium, trained by implicit gradients: on wasm as well, where tfjs alone cannot. */

let before = 0
beforeEach(() => void (before = tf.memory().numTensors))
afterEach(() => expect(tf.memory().numTensors).toBe(before))

const normal = (shape: number[], seed: number): tf.Tensor => tf.randomNormal(shape, 0, 1, 'float32', seed)
const tanh = (): Layer => activation('tanh')
const image = { inputs: 2, outputs: 2, kernel: 3, gain: 0.5 } as const
const ring = (): tf.Tensor => tf.tensor([0, 1, 1, 2, 2, 3, 3, 0], [1, 4, 2], 'int32')

type Graph = { readonly nodes: tf.Tensor; readonly edges: tf.Tensor }
/** `z ↦ tanh(½ layer(z) + x)` on a graph. */
const onGraph = (layer: Layer<{ nodes: tf.Tensor; edges: ReturnType<typeof prepareEdges> }>) =>
  operatorOf({
    name: layer.name,
    layers: { layer },
    initial: ({ nodes }: Graph) => tf.zerosLike(nodes),
    bind: (maps, { nodes, edges }) => {
      const [batch, count] = nodes.shape as [number, number]
      const graph = prepareEdges(edges, batch, count, count)
      return (z) => tf.tanh(tf.add(tf.mul(maps.layer({ nodes: z, edges: graph }), 0.5), nodes))
    },
  })

interface Case {
  readonly operator: () => LayerOperator<tf.Tensor, never>
  readonly input: () => TensorTree
}
/** An operator of inputs of one kind, stored among others. */
const of = <X extends TensorTree>(operator: () => LayerOperator<tf.Tensor, X>, input: () => X): Case => ({
  operator: operator as unknown as Case['operator'],
  input,
})
const cases: Record<string, Case> = {
  dense: of(
    () =>
      recall({
        core: dense({ inputs: 4, outputs: 4, gain: 0.5 }),
        inject: dense({ inputs: 3, outputs: 4 }),
        after: tanh(),
      }),
    () => normal([5, 3], 1),
  ),
  'convolution1d, gelu, layer norm': of(
    () =>
      recall({
        core: compose(convolution1d({ inputs: 2, outputs: 2, kernel: 3, gain: 0.3 }), activation('gelu')),
        inject: dense({ inputs: 1, outputs: 2 }),
        after: layerNorm({ features: 2, epsilon: 1 }),
      }),
    () => normal([2, 5, 1], 1),
  ),
  ...Object.fromEntries(
    (['zero', 'circular'] as const).map((padding) => [
      `convolution2d, ${padding}`,
      of(
        () =>
          recall({
            core: convolution2d({ ...image, padding }),
            inject: convolution2d({ ...image, inputs: 1, seed: 1, padding }),
            after: compose(instanceNorm({ features: 2, epsilon: 1 }), tanh()),
          }),
        () => normal([2, 4, 5, 1], 1),
      ),
    ]),
  ),
  'Fourier neural operator': of(
    () =>
      recall({
        core: sum(
          spectralConvolution2d({ inputs: 2, outputs: 2, modes: [2, 2], gain: 0.3 }),
          convolution2d({ ...image, kernel: 1, gain: 0.3, seed: 1 }),
        ),
        inject: dense({ inputs: 1, outputs: 2, seed: 2 }),
        after: tanh(),
      }),
    () => normal([2, 5, 4, 1], 1),
  ),
  'spectralConvolution1d, damped': of(
    () => {
      const operator = recall({
        core: spectralConvolution1d({ inputs: 2, outputs: 2, modes: 3, gain: 0.5 }),
        inject: dense({ inputs: 1, outputs: 2, seed: 2 }),
        after: tanh(),
      })
      return damped(operator, 0.7)
    },
    () => normal([2, 6, 1], 1),
  ),
  'transformer block': of(
    () =>
      recall({
        core: compose(
          rmsNorm({ features: 4, epsilon: 0.1 }),
          residual(
            sum(
              selfAttention({ features: 4, heads: 2, causal: true, gain: 0.5 }),
              gatedMlp({ inputs: 4, hidden: 6, gain: 0.5, seed: 1 }),
            ),
            { scale: 0.5, trainable: true },
          ),
          dense({ inputs: 4, outputs: 4, gain: 0.2, seed: 3 }),
        ),
        inject: dense({ inputs: 2, outputs: 4, seed: 2 }),
        after: rmsNorm({ features: 4, epsilon: 1 }),
      }),
    () => normal([2, 3, 2], 1),
  ),
  'graph convolution': of(
    () => onGraph(graphConvolution({ inputs: 2, outputs: 2, gain: 0.5 })),
    () => ({ nodes: normal([1, 4, 2], 1), edges: ring() }),
  ),
  'message passing': of(
    () => onGraph(messagePassing({ nodes: 2, outputs: 2, messages: 3, activation: 'silu', gain: 0.5 })),
    () => ({ nodes: normal([1, 4, 2], 1), edges: ring() }),
  ),
  'bipartite message passing, there and back': of(
    () =>
      operatorOf({
        name: 'bipartite',
        layers: {
          there: bipartiteMessagePassing({
            senders: 2,
            receivers: 1,
            outputs: 3,
            gain: 0.4,
            aggregate: 'mean',
            activation: 'gelu',
          }),
          back: bipartiteMessagePassing({
            senders: 3,
            receivers: 2,
            outputs: 2,
            gain: 0.4,
            seed: 1,
            edgeFeatures: 1,
            activation: 'silu',
          }),
        },
        initial: ({ nodes }: Graph & { b: tf.Tensor }) => tf.zerosLike(nodes),
        bind: ({ there, back }, { nodes, edges, b }) => {
          const [batch, count] = nodes.shape as [number, number]
          const forward = prepareEdges(edges, batch, count, b.shape[1]!)
          const reverse = prepareEdges(tf.reverse(edges, 2), batch, b.shape[1]!, count)
          const edgeFeatures = tf.ones([batch, edges.shape[1]!, 1])
          return (z) => {
            const rows = there({ senders: z, receivers: b, edges: forward })
            return tf.tanh(tf.add(back({ senders: rows, receivers: z, edges: reverse, edgeFeatures }), nodes))
          }
        },
      }),
    () => ({
      nodes: normal([2, 4, 2], 1),
      b: normal([2, 2, 1], 2),
      edges: tf.tensor([0, 0, 1, 0, 2, 1, 3, 1, 0, 1, 2, 0, -1, -1, -1, -1], [2, 4, 2], 'int32'),
    }),
  ),
}

test.each(Object.entries(cases))('%s: the gradient is the slope of the loss, and the loss falls', (_name, one) => {
  tf.tidy(() => {
    const operator = one.operator()
    const input = one.input() as never
    const layer = equilibrium(operator, {
      solver: anderson(),
      gradient: implicit({ solver: gmres(), tolerance: 1e-6 }),
      tolerance: 1e-6,
      maxSteps: 200,
    })
    const first = layer.solve(input)
    expect(first.status, String(first.status)).toMatch(/converged|floor/)
    const target = tf.tanh(normal(first.state.shape, 9))
    const loss = (): tf.Scalar => tf.mean(tf.squaredDifference(layer.solve(input).state, target))
    const variables = Object.values(operator.variables)
    const { grads, value } = tf.variableGrads(loss, variables)
    const start = variables.map((v) => tf.clone(v))
    const square = variables.reduce((s, v) => s + tf.sum(tf.square(grads[v.name]!)).dataSync()[0]!, 0)
    expect(square).toBeGreaterThan(0)
    /** The loss after a step of length `h` along the gradient. */
    const at = (h: number): number => {
      variables.forEach((v, i) => v.assign(tf.add(start[i]!, tf.mul(grads[v.name]!, h / Math.sqrt(square)))))
      return loss().dataSync()[0]!
    }
    // Central differences in float32 at h = 0.01: curvature h² and roundings 1e-7 / h, relative to a slope of order 0.1.
    expect((at(0.01) - at(-0.01)) / 0.02 / Math.sqrt(square)).toBeCloseTo(1, 2)
    at(0)
    const optimiser = tf.train.adam(0.05)
    for (let step = 0; step < 4; step++) optimiser.applyGradients(tf.variableGrads(loss, variables).grads as never)
    expect(loss().dataSync()[0]!).toBeLessThan(0.9 * value.dataSync()[0]!)
    optimiser.dispose()
    operator.dispose()
  })
})
