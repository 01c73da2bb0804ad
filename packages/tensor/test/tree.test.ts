import fc from 'fast-check'
import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree, Vector } from '@equilibria/spec'
import { describe, expect, test } from 'vitest'
import { EquilibriaError, leaves, packing, rebuild, scoped, shapeOf, takeRows } from '@equilibria/tensor'

/** A tree as plain data, so that shrinking holds no tensors: a leaf is its trailing shape. */
type Plan = { readonly leaf: readonly number[] } | readonly Plan[] | { readonly keys: { readonly [key: string]: Plan } }

const { plan } = fc.letrec<{ plan: Plan }>((tie) => ({
  plan: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.record({ leaf: fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 }) }),
    fc.array(tie('plan'), { minLength: 1, maxLength: 3 }) as fc.Arbitrary<Plan>,
    fc.record({
      keys: fc.dictionary(fc.string({ maxLength: 3 }), tie('plan'), { minKeys: 1, maxKeys: 3, noNullPrototype: true }),
    }),
  ),
}))
const isList = (node: Plan): node is readonly Plan[] => Array.isArray(node)
const batches = fc.integer({ min: 1, max: 4 })

/** Every entry is different, so that a swap is seen. Also the leaves in the order in which they should come. */
function grow(from: Plan, batch: number): { tree: TensorTree; order: tf.Tensor[] } {
  const order: tf.Tensor[] = []
  let next = 0
  const walk = (node: Plan): TensorTree => {
    if (isList(node)) return node.map(walk)
    if ('keys' in node) {
      const out: { [key: string]: TensorTree } = {}
      for (const key of Object.keys(node.keys)) out[key] = walk(node.keys[key]!)
      return out
    }
    const shape = [batch, ...node.leaf]
    const n = shape.reduce((a, b) => a * b, 1)
    const t = tf.tensor(
      Array.from({ length: n }, () => next++),
      shape,
    )
    order.push(t)
    return t
  }
  return { tree: walk(from), order }
}

const values = (t: tf.Tensor): number[] => Array.from(t.dataSync())
const contents = (tree: TensorTree) => leaves(tree).map((t) => [t.shape, values(t)])
const code = (f: () => unknown): unknown => {
  try {
    tf.tidy(() => void f())
  } catch (error) {
    return EquilibriaError.is(error) ? error.code : error
  }
  return undefined
}

describe('laws', () => {
  test('leaves come in the order of the tree, and rebuild puts them back', () => {
    fc.assert(
      fc.property(plan, batches, (p, batch) =>
        scoped(() => {
          const { tree, order } = grow(p, batch)
          expect(leaves(tree)).toEqual(order)
          const again = rebuild(tree, leaves(tree))
          expect(leaves(again).every((t, i) => t === order[i])).toBe(true)
          expect(JSON.stringify(again)).toBe(JSON.stringify(tree))
        }),
      ),
    )
  })

  test('unpack(pack(tree)) is the tree; pack(unpack(z)) is z, for any batch', () => {
    fc.assert(
      fc.property(plan, batches, batches, (p, batch, other) =>
        scoped(() => {
          const { tree } = grow(p, batch)
          const layout = packing(tree)
          const packed = layout.pack(tree)
          expect(packed.shape).toEqual([batch, layout.size])
          expect(contents(layout.unpack(packed))).toEqual(contents(tree))
          const z = tf.reshape(tf.range(0, other * layout.size), [other, layout.size]) as Vector
          expect(values(layout.pack(layout.unpack(z)))).toEqual(values(z))
        }),
      ),
    )
  })

  test('a row of the packed form is one sample: takeRows and pack commute', () => {
    fc.assert(
      fc.property(plan, batches, fc.array(fc.nat(), { maxLength: 5 }), (p, batch, any) =>
        scoped(() => {
          const rows = any.map((n) => n % batch)
          const { tree } = grow(p, batch)
          const { pack } = packing(tree)
          const taken = takeRows(tree, rows)
          expect(leaves(taken).map((t) => t.shape[0])).toEqual(leaves(tree).map(() => rows.length))
          const few = rows.length === 0 ? [] : values(pack(taken))
          const size = packing(tree).size
          const all = values(pack(tree))
          expect(few).toEqual(rows.flatMap((row) => all.slice(row * size, (row + 1) * size)))
        }),
      ),
    )
  })

  test('no tensor is left behind, none of the caller is disposed', () => {
    fc.assert(
      fc.property(plan, batches, (p, batch) => {
        const { tree, order } = grow(p, batch)
        const before = tf.memory().numTensors
        const { pack, unpack } = packing(tree)
        const packed = pack(tree)
        const back = unpack(packed)
        const some = takeRows(tree, [0])
        expect(tf.memory().numTensors).toBe(before + 1 + 2 * order.length)
        tf.dispose([packed, ...leaves(back), ...leaves(some)])
        expect(tf.memory().numTensors).toBe(before)
        expect(order.every((t) => !t.isDisposed)).toBe(true)
        tf.dispose(order)
      }),
    )
  })

  test('states without one batch axis are refused, and the message shows the shapes', () => {
    fc.assert(
      fc.property(plan, plan, batches, (p, q, batch) =>
        scoped(() => {
          const odd = [grow(p, batch).tree, grow(q, batch + 1).tree]
          expect(code(() => packing(odd))).toBe('shape')
          expect(() => packing(odd)).toThrow(shapeOf(odd))
        }),
      ),
    )
  })
})

describe('leaves of rank 0', () => {
  test('are a batch of one, and come back as they were', () =>
    scoped(() => {
      const tree = { a: tf.scalar(3), b: tf.tensor2d([[1, 2]]) }
      const { batch, size, pack, unpack } = packing<typeof tree>(tree)
      expect([batch, size, values(pack(tree))]).toEqual([1, 3, [3, 1, 2]])
      const back = unpack(pack(tree))
      expect([back.a.shape, back.b.shape]).toEqual([[], [1, 2]])
      expect(packing(tf.scalar(1)).pack(tf.scalar(2)).shape).toEqual([1, 1])
    }))
  test('fit no other batch, and no other rank', () =>
    scoped(() => {
      expect(code(() => packing({ a: tf.scalar(3), b: tf.ones([2]) }))).toBe('shape')
      const layout = packing<tf.Tensor>(tf.scalar(1))
      expect(code(() => layout.pack(tf.ones([1])))).toBe('shape')
      expect(code(() => layout.unpack(tf.ones([2, 1])))).toBe('shape')
      expect(code(() => packing<tf.Tensor>(tf.ones([1])).pack(tf.scalar(1)))).toBe('shape')
    }))
})

describe('refusals', () => {
  const kept: { tree: { a: tf.Tensor; b: tf.Tensor } } = { tree: { a: tf.ones([2, 3]), b: tf.ones([2]) } }

  test('no tensors, another dtype', () => {
    expect(code(() => packing([]))).toBe('shape')
    expect(code(() => packing(tf.ones([2, 1], 'int32')))).toBe('shape')
  })

  test.each<[string, () => TensorTree]>([
    ['a leaf too few', () => ({ a: tf.ones([2, 3]) })],
    ['a leaf too many', () => ({ a: tf.ones([2, 3]), b: tf.ones([2]), c: tf.ones([2]) })],
    ['another shape of the same size', () => ({ a: tf.ones([2, 3, 1]), b: tf.ones([2]) })],
    ['batches that differ', () => ({ a: tf.ones([2, 3]), b: tf.ones([1]) })],
  ])('packing %s', (_, state) => {
    expect(code(() => packing<TensorTree>(kept.tree).pack(state()))).toBe('shape')
  })

  test('unpacking a vector of another length', () => {
    expect(code(() => packing(kept.tree).unpack(tf.ones([2, 5])))).toBe('shape')
  })

  test.each([-1, 2, 0.5, NaN])('row %s', (row) => {
    expect(code(() => takeRows(kept.tree, [0, row]))).toBe('shape')
  })

  test('a solver memory: numbers and null are kept, tensors are taken', () => {
    scoped(() => {
      const memory = { step: 3, last: null, history: [tf.tensor2d([1, 2, 3], [3, 1])] }
      const taken = takeRows(memory, [2, 0])
      expect([taken.step, taken.last]).toEqual([3, null])
      expect(values(taken.history[0]!)).toEqual([3, 1])
      expect(takeRows({ step: 3 }, [7])).toEqual({ step: 3 })
    })
  })

  test('integers keep their dtype when rows are taken', () => {
    scoped(() => {
      const taken = takeRows(tf.tensor2d([1, 2, 3, 4], [2, 2], 'int32'), [1])
      expect([taken.dtype, ...values(taken)]).toEqual(['int32', 3, 4])
    })
  })
})
