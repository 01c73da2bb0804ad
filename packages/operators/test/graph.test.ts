import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { bipartiteMessagePassing, graphConvolution, messagePassing, prepareEdges } from '@equilibria/operators'
import { checkLayer, neverBroken, powerNorm, shake, tensor, type Values, values } from './layer-checks.ts'

type Pair = readonly [sender: number, receiver: number]
const padded = (samples: readonly (readonly Pair[])[]): tf.Tensor => {
  const most = Math.max(...samples.map((s) => s.length))
  const full = samples.map((s) => [...s, ...Array.from({ length: most - s.length }, (): Pair => [-1, -1])])
  return tf.tensor(full.flat(2), [samples.length, most, 2], 'int32')
}
// A node that hears of nobody (3), one that is heard by nobody, a double edge, a loop; the second sample is smaller.
const directed: readonly (readonly Pair[])[] = [
  [
    [0, 1],
    [1, 0],
    [2, 1],
    [2, 1],
    [2, 2],
    [3, 0],
  ],
  [
    [1, 0],
    [3, 2],
  ],
]
const row = (x: Float64Array, i: number, width: number): Float64Array => x.subarray(i * width, (i + 1) * width)
const times = (x: Float64Array, matrix: Float64Array): Float64Array => {
  const columns = matrix.length / x.length
  return Float64Array.from({ length: columns }, (_, o) => x.reduce((s, v, i) => s + v * matrix[i * columns + o]!, 0))
}
const plus = (a: Float64Array, b: Float64Array): Float64Array => a.map((v, i) => v + b[i]!)

/** Message by message. */
function passing(
  { senders, receivers, edgeFeatures }: Values,
  w: Values,
  graphs: readonly (readonly Pair[])[],
  [s, r]: readonly [number, number],
  [fs, fr, fe]: readonly [number, number, number],
  aggregate: 'mean' | 'sum',
  places: number,
): Float64Array {
  const messages = w['offset']!.length
  return Float64Array.from(
    graphs.flatMap((pairs, b) =>
      Array.from({ length: r }, (_, i) => {
        const own = row(receivers!, b * r + i, fr)
        let sum: Float64Array = new Float64Array(messages)
        let count = 0
        pairs.forEach(([from, to], e) => {
          if (to !== i) return
          count++
          let m = plus(times(row(senders!, b * s + from, fs), w['sender']!), times(own, w['receiver']!))
          if (fe) m = plus(m, times(row(edgeFeatures!, b * places + e, fe), w['edge']!))
          sum = plus(sum, plus(m, w['offset']!).map(Math.tanh))
        })
        const arrived = aggregate === 'mean' ? sum.map((v) => v / Math.max(1, count)) : sum
        return [...plus(plus(times(own, w['keep']!), times(arrived, w['message']!)), w['bias']!)]
      }).flat(),
    ),
  )
}

describe.each(['sum', 'mean'] as const)('%s', (aggregate) => {
  test('message passing: values and gradients, edge features too', () => {
    const layer = messagePassing({ nodes: 2, outputs: 3, messages: 2, edgeFeatures: 2, aggregate, activation: 'tanh' })
    shake(layer)
    tf.tidy(() => {
      const edges = padded(directed)
      checkLayer(
        layer,
        { nodes: tensor([2, 4, 2], 1), edgeFeatures: tensor([2, 6, 2], 2) },
        ({ nodes, edgeFeatures }) => ({ nodes: nodes!, edges, edgeFeatures: edgeFeatures! }),
        ({ nodes, edgeFeatures }, w) =>
          passing(
            { senders: nodes!, receivers: nodes!, edgeFeatures: edgeFeatures! },
            w,
            directed,
            [4, 4],
            [2, 2, 2],
            aggregate,
            6,
          ),
      )
    })
    layer.dispose()
  })

  test('bipartite: values and gradients, one graph for all samples', () => {
    const layer = bipartiteMessagePassing({ senders: 3, receivers: 2, outputs: 2, aggregate, activation: 'tanh' })
    shake(layer)
    const pairs: readonly Pair[] = [
      [0, 1],
      [4, 0],
      [2, 1],
      [4, 1],
    ]
    tf.tidy(() => {
      const edges = prepareEdges(tf.tensor(pairs.flat(), [4, 2], 'int32'), 2, 5, 3)
      checkLayer(
        layer,
        { senders: tensor([2, 5, 3], 1), receivers: tensor([2, 3, 2], 2) },
        ({ senders, receivers }) => ({ senders: senders!, receivers: receivers!, edges }),
        (x, w) => passing(x, w, [pairs, pairs], [5, 3], [3, 2, 0], aggregate, 4),
      )
    })
    layer.dispose()
  })
})

/** `Â` of one sample, dense. */
function normalisedAdjacency(pairs: readonly Pair[], n: number): number[][] {
  const degree = (side: 0 | 1, i: number): number => pairs.filter((p) => p[side] === i).length
  const a = Array.from({ length: n }, () => Array.from({ length: n }, () => 0))
  for (const [s, r] of pairs) a[r]![s]! += 1 / Math.sqrt(degree(0, s) * degree(1, r))
  return a
}

test('graph convolution: values, gradients, bound', () => {
  const layer = graphConvolution({ inputs: 2, outputs: 3 })
  shake(layer)
  tf.tidy(() => {
    const edges = padded(directed)
    checkLayer(
      layer,
      { nodes: tensor([2, 4, 2], 1) },
      ({ nodes }) => ({ nodes: nodes!, edges }),
      ({ nodes }, { weight, self, bias }) =>
        Float64Array.from(
          directed.flatMap((pairs, b) =>
            normalisedAdjacency(pairs, 4).flatMap((line, i) => {
              const own = times(row(nodes!, b * 4 + i, 2), self!)
              const sums = line.map((a, j) => times(row(nodes!, b * 4 + j, 2), weight!).map((v) => a * v))
              return [...plus(sums.reduce(plus, own), bias!)]
            }),
          ),
        ),
    )
    const map = layer.bind()
    neverBroken(layer.lipschitz!(), (nodes) => map({ nodes, edges }), [2, 4, 2])
  })
  layer.dispose()
})

test('the bound of a graph convolution is reached: every row of a symmetric graph without self-weights', () => {
  const layer = graphConvolution({ inputs: 2, outputs: 2, self: false })
  tf.tidy(() => {
    const path = tf.tensor(
      [
        [0, 1],
        [1, 0],
        [1, 2],
        [2, 1],
      ].flat(),
      [4, 2],
      'int32',
    )
    const map = layer.bind()
    // Â of a connected graph has the eigenvalue 1: the norm is ‖W‖₂.
    const ratio = powerNorm((nodes) => map({ nodes, edges: path }), [1, 3, 2]) / layer.lipschitz!()
    expect(ratio).toBeGreaterThan(0.997)
    expect(ratio).toBeLessThan(1 + 1e-5)
  })
  layer.dispose()
})

test('equivariance: nodes renamed, answers renamed; edges in another order, the same answers', () => {
  const order = [2, 0, 3, 1] // new node i is old node order[i]
  const renamed = directed.map((pairs) => pairs.map(([s, r]): Pair => [order.indexOf(s), order.indexOf(r)]).reverse())
  const layers = [
    messagePassing({ nodes: 2, outputs: 2 }),
    messagePassing({ nodes: 2, outputs: 2, aggregate: 'mean' }),
    graphConvolution({ inputs: 2, outputs: 2 }),
  ]
  for (const layer of layers)
    tf.tidy(() => {
      const map = layer.bind()
      const x = tensor([2, 4, 2], 1)
      const there = tf.tensor1d(order, 'int32')
      const a = values(map({ nodes: tf.gather(x, there, 1), edges: padded(renamed) }))
      const b = values(tf.gather(map({ nodes: x, edges: padded(directed) }), there, 1))
      a.forEach((v, i) => expect(v).toBeCloseTo(b[i]!, 5))
      expect(
        Math.max(...a.map((v, i) => Math.abs(v - values(map({ nodes: x, edges: padded(directed) }))[i]!))),
      ).toBeGreaterThan(0.01)
    })
  layers.forEach((layer) => layer.dispose())
})

test('a sample is answered as if it were alone, and a NaN stays in its own', () => {
  const layer = messagePassing({ nodes: 2, outputs: 2 })
  tf.tidy(() => {
    const map = layer.bind()
    const x = tensor([2, 4, 2], 1)
    const both = values(map({ nodes: x, edges: padded(directed) }))
    const alone = values(map({ nodes: tf.slice(x, [1, 0, 0], [1, 4, 2]), edges: padded([directed[1]!]) }))
    expect(both.slice(8)).toEqual(alone)
    const poisoned = tf.concat([tf.fill([1, 4, 2], NaN), tf.slice(x, [1, 0, 0], [1, 4, 2])], 0)
    expect(values(map({ nodes: poisoned, edges: padded(directed) })).slice(8)).toEqual(alone)
  })
  layer.dispose()
})

test('mistakes are named', () => {
  const layer = bipartiteMessagePassing({ senders: 1, receivers: 1, outputs: 1, edgeFeatures: 2 })
  tf.tidy(() => {
    const edges = tf.tensor([0, 0], [1, 2], 'int32')
    const x = { senders: tf.ones([2, 3, 1]), receivers: tf.ones([2, 2, 1]), edges }
    const map = layer.bind()
    expect(() => map(x)).toThrow('no edge features')
    expect(() => map({ ...x, edgeFeatures: tf.ones([2, 1, 1]) })).toThrow('shape (2,1,1)')
    expect(() => map({ ...x, senders: tf.ones([2, 3, 2]) })).toThrow('senders')
    expect(() => map({ ...x, senders: tf.ones([1, 3, 1]) })).toThrow('1 samples of senders')
    expect(() => prepareEdges(tf.tensor([3, 0], [1, 2], 'int32'), 2, 3, 2)).toThrow('from node 3 to node 0')
    expect(() => prepareEdges(tf.tensor([0, -2], [1, 2], 'int32'), 2, 3, 2)).toThrow('to node -2')
    expect(() => prepareEdges(tf.ones([1, 2]), 2, 3, 2)).toThrow('int32 pairs')
    expect(() => prepareEdges(tf.zeros([3, 1, 2], 'int32'), 2, 3, 2)).toThrow('batch of 2')
  })
  layer.dispose()
  expect(() => messagePassing({ nodes: 1, outputs: 1, aggregate: 'max' as 'sum' })).toThrow('max')
})
