import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { GradientMode, Memory, Solver, Vector } from '@equilibria/spec'
import { equilibrium } from '@equilibria/core'
import { scoped } from '@equilibria/tensor'
import { affine, type Affine, heavy, leakless, plain } from './helpers.ts'

const input = (a: number[]): Affine => ({ a: tf.tensor2d(a, [a.length, 1]), b: tf.ones([a.length, 2]) })
/** Heavy ball whose momentum survives: it begins with the difference it ended with. */
const momentum = (seen: number[][] = []): Solver => ({
  ...heavy(0.3),
  resume: (_, z, memory) => {
    const { last } = memory as { readonly last: Vector }
    seen.push(Array.from(last.dataSync()))
    return { last: z, unused: [null, 3] } as Memory
  },
})
const options = { tolerance: 1e-6, maxSteps: 200 }

describe('keepMemory and memory', () => {
  test('the memory outlives the tidy, and starts the next solve', () => {
    const before = tf.memory().numTensors
    const seen: number[][] = []
    const layer = equilibrium(affine(), { solver: momentum(seen), ...options })
    const kept = scoped(() => {
      const { memory, stats } = layer.solve(input([0.5, 0.9, 0.2]), { keepMemory: true })
      expect(stats.notes).toEqual(['no compaction: the memory is kept'])
      expect([memory!.solver, memory!.batch, memory!.size]).toEqual(['heavy', 3, 2])
      return memory!
    })
    expect(tf.memory().numTensors).toBe(before + 1)
    leakless(() => {
      expect(layer.solve(input([0.5, 0.9, 0.2]), { memory: kept }).status).toBe('converged')
      // Borrowed: once more, and with finished rows leaving the batch.
      const { stats } = layer.solve(input([0.5, 0.9, 0.2]), { memory: kept })
      expect(stats.sampleEvaluations).toBeLessThan(3 * stats.evaluations)
    })
    expect(seen).toHaveLength(2)
    expect(seen[0]![0]).toBeCloseTo(2, 4)
    kept.dispose()
    kept.dispose() // twice does no harm
    expect(tf.memory().numTensors).toBe(before)
    leakless(() => {
      expect(() => layer.solve(input([0.5, 0.9, 0.2]), { memory: kept })).toThrow(/disposed/)
    })
  })
  test('asynchronously too', async () => {
    const before = tf.memory().numTensors
    const x = input([0.5, 0.9])
    const layer = equilibrium(affine(), { solver: momentum(), ...options })
    const first = await layer.solveAsync(x, { keepMemory: true })
    const second = await layer.solveAsync(x, { memory: first.memory!, initial: first.state })
    expect(second.stats.steps).toBeLessThan(first.stats.steps)
    first.memory!.dispose()
    tf.dispose([first.state, second.state, x.a, x.b])
    expect(tf.memory().numTensors).toBe(before)
  })
  test('what does not fit is said clearly', () =>
    leakless(() => {
      const layer = equilibrium(affine(), { solver: momentum(), ...options })
      const { memory } = layer.solve(input([0.5, 0.9]), { keepMemory: true })
      const other = equilibrium(affine(), { solver: { ...momentum(), name: 'other' } })
      const without = equilibrium(affine(), { solver: heavy() })
      const x = input([0.5, 0.9])
      expect(() => other.solve(x, { memory: memory! })).toThrow(/memory of "heavy" was given to "other"/)
      expect(() => without.solve(x, { memory: memory! })).toThrow(/cannot start from a memory/)
      expect(() => layer.solve(input([0.5]), { memory: memory! })).toThrow(
        /\[2, 2\] was given to a problem of \[1, 2\]/,
      )
      const wide = { a: x.a, b: tf.ones<tf.Rank.R2>([2, 3]) }
      expect(() => layer.solve(wide, { memory: memory! })).toThrow(/problem of \[2, 3\]/)
      expect(() => layer.solve(x, { keepMemory: true, breadth: { starts: 2 } })).toThrow(/several memories/)
      memory!.dispose()
    }))
  test('absent when a fallback ran', () =>
    leakless(() => {
      const layer = equilibrium(affine(), { solver: { ...heavy(0), after: { solver: heavy(0.5) } }, maxSteps: 100 })
      const solved = layer.solve(input([0.5]), { keepMemory: true })
      expect(solved.memory).toBeDefined()
      solved.memory!.dispose()
      expect(layer.solve(input([0.5, 3]), { keepMemory: true }).memory).toBeUndefined()
    }))
  test('a failing solve keeps nothing', () =>
    leakless(() => {
      const layer = equilibrium(
        affine(() => {
          throw new Error('boom')
        }),
        { solver: momentum() },
      )
      expect(() => layer.solve(input([0.5]), { keepMemory: true })).toThrow('boom')
    }))
})

describe('a gradient that needs the memory', () => {
  const spying = (seen: { name?: string; shapes?: number[][]; status?: readonly string[] }): GradientMode => ({
    kind: 'gradient',
    spec: 1,
    name: 'spy',
    forward: 'detached',
    needs: ['memory'],
    attach: ({ z, problem, memory, status }) => {
      if (memory) seen.name = memory.solver.name
      seen.shapes = memory ? [(memory.memory as { readonly last: Vector }).last.shape] : []
      seen.status = status
      return problem.apply(z)
    },
  })
  test('gets it, of the whole batch, and only while a gradient is recorded', () =>
    leakless(() => {
      const seen: Parameters<typeof spying>[0] = {}
      let notes: readonly string[] = []
      const layer = equilibrium(affine(), { solver: heavy(), gradient: spying(seen), ...options })
      const x = input([0.5, 0.9, 0.1])
      const loss = (b: tf.Tensor) => {
        const { state, stats } = layer.solve({ a: x.a, b: b as tf.Tensor2D })
        notes = stats.notes
        return tf.sum(state)
      }
      tf.grad(loss)(x.b)
      expect(seen).toEqual({ name: 'heavy', shapes: [[3, 2]], status: ['converged', 'converged', 'converged'] })
      expect(notes).toEqual(['no compaction: "spy" needs the memory'])
      delete seen.shapes
      expect(layer.solve(x).stats.notes).toEqual([])
      expect(seen.shapes).toBeUndefined()
    }))
  test('gets none of several starts, nor after a fallback', () =>
    leakless(() => {
      const seen: Parameters<typeof spying>[0] = {}
      const chain: Solver = { ...heavy(0), after: { solver: plain() } }
      const grad = (solver: Solver, a: number[], run: object) => {
        const layer = equilibrium(affine(), { solver, gradient: spying(seen), ...options })
        tf.grad((b) => tf.sum(layer.solve({ a: input(a).a, b: b as tf.Tensor2D }, run).state))(input(a).b)
        return seen.shapes
      }
      expect(grad(heavy(), [0.5], { breadth: { starts: 2 } })).toEqual([])
      expect(grad(chain, [3], {})).toEqual([])
      expect(grad(chain, [0.3], {})).toEqual([[1, 2]])
    }))
})

test('evaluations count linearizations, and products with J and its transpose', () =>
  leakless(() => {
    const newton: Solver = {
      ...plain(),
      step: (problem, z) => {
        const frozen = problem.linearize(z)
        const residual: Vector = tf.sub(frozen.value, z)
        const next: Vector = tf.add(tf.add(z, residual), tf.add(frozen.jvp(residual), tf.mul(frozen.vjp(residual), 0)))
        frozen.dispose()
        return { next, residual, memory: null }
      },
    }
    const { stats } = equilibrium(affine(), { solver: newton, compaction: false, tolerance: 0 }).solve(
      input([0.5, 0.2]),
      { steps: 4, measureLast: false },
    )
    expect([stats.evaluations, stats.sampleEvaluations]).toEqual([12, 24])
  }))
