import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import { unrolled } from '@equilibria/implicit-diff'
import { picard } from '@equilibria/solvers'
import type { LpInput } from '../src/graph/input.ts'
import { paperExplicit, paperExplicitShapes } from '../src/models/paper-explicit.ts'
import { paperDecoder, paperImplicitShapes, paperOperator } from '../src/models/paper-operator.ts'
import { countParameters, createParameters, type Parameters } from '../src/models/parameters.ts'
import { type HostTensor, readSafetensors } from './support/safetensors.ts'

const root = process.env['EQUILIBRIA_DATA'] ?? resolve(import.meta.dirname, '../../../../shared/data')
const folder = join(root, 'parity/gnn')
const present = existsSync(join(folder, 'gnn_lp_emb8.json'))
if (!present) console.log(`skipped: no fixture at ${folder} (set EQUILIBRIA_DATA)`)

/* float32 on both sides, sums of at most about 1e2 terms in another order, four layers deep: a few ulps (6e-8) times the
 * condition of the sums. 1e-5 of the largest entry is the tolerance asked for; what is seen is about 1e-6. */
const TOLERANCE = 1e-5
const worst = (got: tf.Tensor, want: HostTensor): number => {
  const values = got.dataSync()
  expect(values.length).toBe(want.data.length)
  let [error, scale] = [0, 0]
  for (let i = 0; i < values.length; i++) {
    error = Math.max(error, Math.abs(values[i]! - Number(want.data[i])))
    scale = Math.max(scale, Math.abs(Number(want.data[i])))
  }
  return error / scale
}

/* A skipped suite is collected all the same, so nothing may be read where there is nothing. */
const tensors = (file: string): ReturnType<typeof readSafetensors> =>
  present ? readSafetensors(readFileSync(join(folder, file))) : {}
const description = present ? readFileSync(join(folder, 'gnn_lp_emb8.json'), 'utf8') : '{"values":{}}'

describe.skipIf(!present)('the third-party fixture', () => {
  const io = tensors('gnn_lp_emb8.io.safetensors')
  const stored = tensors('gnn_lp_emb8.weights.safetensors')
  const { values } = JSON.parse(description) as {
    values: {
      n_lp: number
      m: number
      n: number
      nnz: number
      emb_size: number
      n_params: { gnn: number; deq: number }
    }
  }
  const { n_lp: batch, m, n, nnz } = values

  const weights = (prefix: 'gnn.' | 'deq.'): Parameters =>
    createParameters(
      prefix === 'gnn.' ? paperExplicitShapes(values.emb_size) : paperImplicitShapes(values.emb_size),
      (_, name) => Float32Array.from(stored[prefix + name]!.data as Float32Array),
    )
  const floats = (name: string) => io[name]!.data as Float32Array
  const column = (name: string, of: number, i: number, rows: number) =>
    tf.tensor2d(
      Float32Array.from({ length: batch * rows }, (_, k) => floats(name)[k * of + i]!),
      [batch, rows],
    )
  const input = (): LpInput => {
    const index = io['edge_indices']!.data
    return {
      c: column('variable_features', 3, 0, n),
      lower: column('variable_features', 3, 1, n),
      upper: column('variable_features', 3, 2, n),
      b: column('constraint_features', 2, 0, m),
      equality: column('constraint_features', 2, 1, m),
      edgeIndex: tf.tensor3d(
        Int32Array.from({ length: batch * nnz * 2 }, (_, k) => {
          const e = k >> 1
          return Number(index[(k & 1) * batch * nnz + e]) % (k & 1 ? n : m)
        }),
        [batch, nnz, 2],
        'int32',
      ),
      edgeValue: tf.tensor2d(floats('edge_features'), [batch, nnz]),
    }
  }
  const target = () => tf.tensor2d(floats('labels'), [batch, n])

  test('explicit: output and every gradient', () => {
    tf.tidy(() => {
      const w = weights('gnn.')
      const [x, y] = [input(), target()]
      expect(worst(paperExplicit(w, x), io['gnn.output']!)).toBeLessThan(TOLERANCE)
      const { grads } = tf.variableGrads(
        () => tf.mean(tf.square(tf.sub(paperExplicit(w, x), y))) as tf.Scalar,
        Object.values(w),
      )
      for (const [name, variable] of Object.entries(w))
        expect(worst(grads[variable.name]!, io[`gnn.grad.${name}`]!), name).toBeLessThan(TOLERANCE)
    })
  })

  test('implicit: states y_0 … y_16 and outputs at every depth', () => {
    tf.tidy(() => {
      const w = weights('deq.')
      const x = input()
      const layer = equilibrium(paperOperator(w), { solver: picard() })
      const depths = Array.from({ length: 17 }, (_, t) => t)
      const decode = paperDecoder(w, x)
      const stored = io['deq.y']!
      for (const { steps, state } of layer.trajectory(x, depths)) {
        const size = batch * n
        const data = (stored.data as Float32Array).subarray(steps * size, (steps + 1) * size)
        if (steps > 0) expect(worst(state, { shape: [size], data }), `y_${steps}`).toBeLessThan(TOLERANCE)
        else expect(state.dataSync().every((v) => v === 0)).toBe(true)
        const output = io[`deq.iters${steps}.output`]
        if (output) expect(worst(decode(state), output), `output ${steps}`).toBeLessThan(TOLERANCE)
      }
    })
  })

  test('implicit: every gradient, three steps unrolled', () => {
    tf.tidy(() => {
      const w = weights('deq.')
      const [x, y] = [input(), target()]
      const layer = equilibrium(paperOperator(w), { solver: picard(), gradient: unrolled(), tolerance: 0, maxSteps: 3 })
      const { grads } = tf.variableGrads(
        () => tf.mean(tf.square(tf.sub(paperDecoder(w, x)(layer.solve(x).state), y))) as tf.Scalar,
        Object.values(w),
      )
      for (const [name, variable] of Object.entries(w))
        expect(worst(grads[variable.name]!, io[`deq.iters3.grad.${name}`]!), name).toBeLessThan(TOLERANCE)
    })
  })

  test('its parameter counts', () => {
    expect(countParameters(paperExplicitShapes(values.emb_size))).toBe(values.n_params.gnn)
    expect(countParameters(paperImplicitShapes(values.emb_size))).toBe(values.n_params.deq)
  })
})

test('parameter counts are those of the paper', () => {
  const counts = (shapes: typeof paperExplicitShapes) => [4, 8, 16, 32].map((w) => countParameters(shapes(w)))
  expect(counts(paperExplicitShapes)).toEqual([580, 2088, 7888, 30624])
  expect(counts(paperImplicitShapes)).toEqual([722, 2350, 8390, 31606])
})
