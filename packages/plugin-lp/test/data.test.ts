import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import lp, {
  constraintViolation,
  drawProgram,
  type LinearProgram,
  loadSplits,
  type LpInput,
  lpMetrics,
  type LpOutput,
  lpPresets,
  lpPerturbations,
  lpTask,
  objectiveGap,
  packPrograms,
  readLabelledPrograms,
  readMps,
  readPerturbedPrograms,
  readPrograms,
  relativeError,
  toInput,
} from '@equilibria/plugin-lp'
import { solveExact } from '@equilibria/plugin-lp/exact'
import type { Model } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import { writeSafetensors } from '@equilibria/training'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, it } from 'vitest'
import { lpPack, packFolder } from './pack.ts'

const pack = lpPack()
const close = (input: LpInput): void => tf.dispose(Object.values(input))
const array = (t: tf.Tensor): number[] => Array.from(t.dataSync())
const code = (run: () => unknown): string => {
  try {
    run()
  } catch (error) {
    if (EquilibriaError.is(error)) return `${error.code}: ${error.message}`
    throw error
  }
  return 'nothing thrown'
}

const small = readMps(`ROWS
 N cost
 L less
 G more
 E same
 L both
 G none
COLUMNS
 x cost 1 less 2
 x more 3 same 4
 x both 5 none 9
 y cost -1 both 6
RHS
 RHS less 7 more 8
 RHS same 9 both 10
 RHS none -inf
RANGES
 RNG both 3
BOUNDS
 UP BND x 4
 FR BND y
ENDATA
`)

describe('programs as tensors', () => {
  it('≥ is flipped, a range becomes two rows, an empty row goes, the rest is padding', () => {
    const before = tf.memory().numTensors
    const one = readMps('ROWS\n N c\n L r\nCOLUMNS\n z c 2 r 1\nRHS\n RHS r 3\nENDATA')
    const input = toInput([small, one])
    expect(array(input.b)).toEqual([7, -8, 9, 10, -7, 3, 0, 0, 0, 0])
    expect(array(input.equality)).toEqual([0, 0, 1, 0, 0, 0, 0, 0, 0, 0])
    expect(array(input.c)).toEqual([1, -1, 2, 0])
    expect(array(input.lower)).toEqual([0, -Infinity, 0, 0])
    expect(array(input.upper)).toEqual([4, Infinity, Infinity, 0])
    expect(array(input.edgeValue)).toEqual([2, -3, 4, 5, 6, -5, -6, 1, 0, 0, 0, 0, 0, 0])
    expect(array(input.edgeIndex).slice(0, 14)).toEqual([0, 0, 1, 0, 2, 0, 3, 0, 3, 1, 4, 0, 4, 1])
    expect(input.edgeIndex.dtype).toBe('int32')
    close(input)
    expect(tf.memory().numTensors).toBe(before)
  })

  it('refuses NaN, crossed bounds and numbers beyond float32, naming the place', () => {
    const p = drawProgram({ seed: 1 }, 0)
    const change = (leaf: 'c' | 'lower' | 'rowUpper', at: number, value: number): LinearProgram => ({
      ...p,
      [leaf]: p[leaf].map((v, k) => (k === at ? value : v)),
    })
    expect(code(() => toInput([p, change('c', 3, Number.NaN)]))).toMatch(
      /data: Linear program "random-1-0": the cost of column 3 is NaN/,
    )
    expect(code(() => toInput([change('lower', 7, 1e9)]))).toMatch(/bounds of column 7 are 1000000000 and/)
    expect(code(() => toInput([change('rowUpper', 2, Number.NaN)]))).toMatch(/bounds of row 2 are/)
    expect(code(() => toInput([change('c', 0, 1e39)]))).toMatch(/too large for float32/)
    expect(code(() => toInput([]))).toMatch(/no programs/)
    expect(code(() => toInput([{ ...p, lower: new Float64Array(49) }]))).toMatch(/lower has length 49, not 50/)
  })
})

describe('the shipped data', () => {
  it('loads, batches in the order asked, leaks nothing', async () => {
    const { train, validation, test, source } = await loadSplits()
    expect([train.size, validation.size, test.size]).toEqual([800, 100, 200])
    expect(source).toContain('800 / 100 / 200')
    const before = tf.memory().numTensors
    const { x, y } = train.batch([5, 0, 5])
    const all = train.batch([0, 1, 2, 3, 4, 5])
    expect(x.c.shape).toEqual([3, 50])
    expect(x.edgeIndex.shape).toEqual([3, 100, 2])
    expect(array(y).slice(0, 50)).toEqual(array(all.y).slice(250, 300))
    expect(array(x.edgeValue).slice(100, 200)).toEqual(array(all.x.edgeValue).slice(0, 100))
    expect(code(() => train.batch([800]))).toMatch(/option: There is no sample 800 in a dataset of 800/)
    tf.dispose([x, y, all.x, all.y])
    expect(tf.memory().numTensors).toBe(before)
  })

  it('its labels are optimal to float32', async () => {
    const { test } = await loadSplits({ limit: { train: 1, validation: 1, test: 20 } })
    for (const { program, y, objective } of test.programs) {
      const exact = await solveExact(program)
      const size = Math.sqrt(y.reduce((s, v) => s + v * v, 0))
      const gap = Math.sqrt(y.reduce((s, v, j) => s + (v - (exact.y[j] ?? 0)) ** 2, 0)) / size
      // The data were rounded to float32 (6e-8) and the basis matrix of 10 random rows amplifies that, rarely beyond 1e3.
      expect(gap).toBeLessThan(1e-4)
      expect(Math.abs(objective - exact.objective)).toBeLessThan(1e-4)
    }
  })

  it('limits take the first ones; a folder without the pack falls back; bad limits are refused', async () => {
    const { train, source } = await loadSplits({ folder: '/nowhere', limit: { train: 3, validation: 1, test: 1 } })
    expect(train.size).toBe(3)
    expect(source).toContain('shipped')
    const error: unknown = await loadSplits({ limit: { train: 0 } }).catch((e: unknown) => e)
    expect(EquilibriaError.is(error) && error.code).toBe('option')
  })

  it('damaged files are one error that names the file and the tensor', () => {
    const shapes = {
      c: [1, 2],
      lower: [1, 2],
      upper: [1, 2],
      b: [1, 1],
      circ: [1, 1],
      edge_index: [1, 2, 1],
      edge_value: [1, 1],
      x_star: [1, 2],
    }
    const table = Object.fromEntries(
      Object.entries(shapes).map(([name, shape]) => [
        name,
        { shape, data: new Float32Array(shape.reduce((a, b) => a * b, 1)) },
      ]),
    )
    expect(readLabelledPrograms(writeSafetensors(table))).toHaveLength(1)
    const { x_star: _, ...unlabelled } = table
    expect(readPrograms(writeSafetensors(unlabelled))).toHaveLength(1)
    const refused = (change: object): string =>
      code(() => readLabelledPrograms(writeSafetensors({ ...table, ...change }), { name: 'bad' }))
    expect(code(() => readLabelledPrograms(writeSafetensors(unlabelled)))).toMatch(/tensor "x_star": it is missing/)
    expect(refused({ lower: { shape: [1, 3], data: new Float32Array(3) } })).toMatch(/file: bad, tensor "lower"/)
    expect(refused({ edge_index: { shape: [1, 2, 1], data: Float32Array.of(0, 2) } })).toMatch(
      /edge_index", program 0, edge 0/,
    )
    expect(refused({ x_star: { shape: [1, 2], data: Float32Array.of(0, Number.NaN) } })).toMatch(/variable 1/)
    expect(refused({ upper: { shape: [1, 2], data: Float32Array.of(0, -1) } })).toMatch(
      /"bad#0": the bounds of column 1/,
    )
    const bytes = writeSafetensors(table)
    expect(code(() => readLabelledPrograms(bytes.slice(0, bytes.length - 3)))).toMatch(/^file:/)
  })
})

describe.skipIf(pack === undefined)('the data pack', () => {
  it('is used when its folder is given: float64, all of it', async () => {
    const { train, validation, test, source } = await loadSplits({ folder: packFolder })
    expect([train.size, validation.size, test.size]).toEqual([2500, 250, 500])
    expect(source).toContain('float64')
    const shipped = await loadSplits({ limit: { train: 1, validation: 1, test: 1 } })
    expect(shipped.train.programs[0]?.y).toEqual(Float64Array.from(train.programs[0]?.y ?? [], Math.fround))
  })

  it('perturbed programs move one part by 1e-4, and infeasible ones are infeasible', async () => {
    const read = (name: string): Uint8Array =>
      new Uint8Array(readFileSync(resolve(pack ?? '.', 'random', `${name}.safetensors`)))
    const test = readLabelledPrograms(read('test'), { limit: 50 })
    const perturbed = readPerturbedPrograms(read('test_perturbed'), read('test'))
    const leaf = {
      A: (p: LinearProgram) => p.matrix.values,
      b: (p: LinearProgram) => p.rowUpper,
      c: (p: LinearProgram) => p.c,
      lower: (p: LinearProgram) => p.lower,
      upper: (p: LinearProgram) => p.upper,
    }
    for (const part of ['A', 'b', 'c', 'lower', 'upper'] as const) {
      expect(perturbed[part]).toHaveLength(50)
      perturbed[part].forEach((moved, k) => {
        const base = test[k]
        if (moved === undefined || base === undefined) return
        for (const other of ['A', 'b', 'c', 'lower', 'upper'] as const) {
          const from = leaf[other](base.program)
          const distance = Math.sqrt(leaf[other](moved.program).reduce((s, v, j) => s + (v - (from[j] ?? 0)) ** 2, 0))
          // Written in float64: differences of numbers near 10 to 1e-4 lose 11 digits of 16.
          expect(Math.abs(distance - (other === part ? 1e-4 : 0))).toBeLessThan(1e-9)
        }
      })
    }
    const exact = await solveExact(perturbed.A[0]?.program ?? drawProgram({ seed: 1 }, 0))
    expect(Math.abs(exact.objective - (perturbed.A[0]?.objective ?? 0))).toBeLessThan(1e-9)
    const infeasible = readPrograms(read('test_infeasible'))
    expect(infeasible).toHaveLength(50)
    for (const p of infeasible) expect((await solveExact(p)).status).toBe('infeasible')
  })
})

describe('metrics', () => {
  it('by hand', () => {
    const before = tf.memory().numTensors
    const p = readMps(
      'ROWS\n N c\n L r\n E s\nCOLUMNS\n x c 1 r 1\n x s 1\n y c 2 r 1\nRHS\n RHS r 3 s 4\nBOUNDS\n UP B x 5\n UP B y 5\nENDATA',
    )
    const x = toInput([p])
    const prediction = tf.tensor2d([6, 1], [1, 2])
    const target = tf.tensor2d([3, 0], [1, 2])
    const long = tf.tensor2d([3, 0, 1], [1, 3])
    expect(relativeError.measure(prediction, target, x)[0]).toBeCloseTo(Math.sqrt(10) / 4, 6)
    expect(objectiveGap.measure(prediction, target, x)[0]).toBeCloseTo(5 / 4, 6)
    // r: 7 > 3 by 4; s: 6 ≠ 4 by 2; x: 6 > 5 by 1; ‖b‖ = 5.
    expect(constraintViolation.measure(prediction, target, x)[0]).toBeCloseTo(Math.sqrt(21) / 6, 6)
    expect(code(() => relativeError.measure(prediction, long, x))).toMatch(
      /shape: The prediction is \[1, 2\] and the label \[1, 3\]/,
    )
    tf.dispose([prediction, target, long])
    close(x)
    expect(tf.memory().numTensors).toBe(before)
  })

  it('labels measure as nothing, on every sample', async () => {
    const { test } = await loadSplits()
    const { x, y } = test.batch(Array.from({ length: 200 }, (_, k) => k))
    const [error, gap, violation] = lpMetrics.map((m) => Math.max(...m.measure(y, y, x)))
    expect([error, gap]).toEqual([0, 0])
    // Numbers up to 40 in float32, ten terms a row: some 1e-6 each.
    expect(violation).toBeLessThan(2e-5)
    tf.dispose([x, y])
  })
})

describe('perturbations', () => {
  it('move one leaf by the radius, keep lower ≤ upper and the graph, and repeat', async () => {
    const { test } = await loadSplits({ limit: { train: 1, validation: 1, test: 40 } })
    const { x, y } = test.batch(Array.from({ length: 40 }, (_, k) => k))
    const before = tf.memory().numTensors
    const leafOf: Readonly<Record<string, keyof LpInput>> = { A: 'edgeValue', b: 'b', c: 'c', l: 'lower', u: 'upper' }
    expect(lpPerturbations.map(({ name }) => name)).toEqual(Object.keys(leafOf))
    for (const { name, apply } of lpPerturbations) {
      for (const radius of [1e-2, 3]) {
        const moved = apply(x, { seed: 4, radius })
        const again = apply(x, { seed: 4, radius })
        for (const leaf of ['c', 'lower', 'upper', 'b', 'equality', 'edgeIndex', 'edgeValue'] as const) {
          const [from, to] = [x[leaf].dataSync(), moved[leaf].dataSync()]
          const width = from.length / 40
          for (let k = 0; k < 40; k++) {
            let square = 0
            for (let j = k * width; j < (k + 1) * width; j++) square += ((to[j] ?? 0) - (from[j] ?? 0)) ** 2
            const expected = leaf === leafOf[name] ? radius : 0
            // Rounding of numbers up to 40 to float32 (2e-6 each, 100 of them), against the radius.
            expect(Math.abs(Math.sqrt(square) - expected)).toBeLessThanOrEqual(expected === 0 ? 0 : 2e-5)
          }
          expect(array(again[leaf])).toEqual([...to])
        }
        const [lower, upper] = [moved.lower.dataSync(), moved.upper.dataSync()]
        expect(lower.every((v, j) => v <= (upper[j] ?? 0))).toBe(true)
        const other = apply(x, { seed: 5, radius })
        const leaf = leafOf[name] ?? 'c'
        expect(array(other[leaf])).not.toEqual(array(moved[leaf]))
        for (const input of [moved, again, other]) close(input)
      }
    }
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([x, y])
  })

  it('leave padding and infinite bounds where they are', () => {
    const x = toInput([small, readMps('ROWS\n N c\n L r\nCOLUMNS\n z c 2 r 1\nRHS\n RHS r 3\nENDATA')])
    for (const { name, apply } of lpPerturbations) {
      const moved = apply(x, { seed: 1, radius: 1 })
      const unchanged = name === 'A' ? array(moved.edgeValue).slice(8) : name === 'b' ? array(moved.b).slice(6) : [0]
      expect(unchanged.every((v) => v === 0)).toBe(true)
      expect(array(moved.lower)[1]).toBe(-Infinity)
      expect([array(moved.c)[3], array(moved.upper)[3]]).toEqual([0, 0])
      close(moved)
    }
    close(x)
  })
})

describe('the task', () => {
  it('of the plugin: its presets name its models, and its section counts the steps a warm start saves', async () => {
    const task = lp.parts.tasks.random()
    for (const preset of Object.values(lpPresets)) {
      for (const { model } of preset.models) expect(Object.keys(task.models)).toContain(model)
    }
    const { test } = await task.data({ limit: { train: 1, validation: 1, test: 8 } })
    const before = tf.memory().numTensors
    const exact = { ...task.models['explicit']?.({ width: 1 }), kind: 'model', name: 'labels' } as Model<
      LpInput,
      LpOutput
    >
    const knowing: Model<LpInput, LpOutput> = {
      ...exact,
      predict: () => ({ y: test.batch([0, 1, 2, 3, 4, 5, 6, 7]).y }),
    }
    const [section] = (await task.sections?.({ labels: knowing }, test)) ?? []
    exact.dispose()
    const [label, cold, warm] = section?.table?.rows[0] ?? []
    expect([label, section?.table?.rows[0]?.at(-1)]).toEqual(['labels', 0])
    // From the label itself there is less to do, on the mean of the programs.
    expect(Number(warm)).toBeLessThan(0.5 * Number(cold))
    expect(tf.memory().numTensors).toBe(before)
  })

  it('loss, view and data', async () => {
    const model = (): never => {
      throw new Error('not asked for')
    }
    const task = lpTask({ models: { implicit: model, explicit: model } })
    const { test } = await task.data({ limit: { train: 1, validation: 1, test: 2 } })
    const { x, y } = test.batch([0, 1])
    const before = tf.memory().numTensors
    const off = tf.add(y, 10) as tf.Tensor2D
    const [loss, gradient] = [task.loss(off, y, x), tf.grad((p: tf.Tensor) => task.loss(p as tf.Tensor2D, y, x))(off)]
    expect(loss.dataSync()[0]).toBeCloseTo(1, 5)
    // d/dp mean ((p − y) / 10)² = 2 · 10 / 100 / 100 entries.
    expect(array(gradient).every((g) => Math.abs(g - 0.002) < 1e-6)).toBe(true)
    tf.dispose([off, loss, gradient])
    const view = task.view?.(x, y, 1, y)
    if (view?.kind !== 'series') throw new Error('no series')
    expect(view.series.map(({ label }) => label)).toEqual(['answer', 'label', 'lower bound', 'upper bound'])
    const label = view.series[1]?.values ?? []
    expect(label).toHaveLength(50)
    expect(label.every((v, j) => j === 0 || v >= (label[j - 1] ?? 0))).toBe(true)
    expect(tf.memory().numTensors).toBe(before)
    tf.dispose([x, y])
  })

  it('packs thousands of programs at once, each padded to the same size', () => {
    const programs = Array.from({ length: 2500 }, (_, k) => drawProgram({ seed: 3 }, k))
    const packed = packPrograms(programs)
    expect([packed.count, packed.edges]).toEqual([2500, 100])
    expect(packed.edgeValue.every((v) => v !== 0)).toBe(true)
  })
})
