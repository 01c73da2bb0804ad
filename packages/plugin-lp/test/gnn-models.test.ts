import * as tf from '@tensorflow/tfjs-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type LpInput,
  type LpOutput,
  loadSplits,
  paperExplicitModel,
  paperImplicitModel,
  primalDualModel,
  primalDualOperator,
  primalDualSizes,
  relativeLoss,
} from '@equilibria/plugin-lp'
import type { Model, ModelOptions } from '@equilibria/spec'
import { leaves } from '@equilibria/tensor'
import { paperImplicitShapes } from '../src/models/paper-operator.ts'
import { countParameters, loadParameters } from '../src/models/parameters.ts'
import { primalDualParameters } from '../src/models/primal-dual-operator.ts'
import { scaleProgram } from '../src/models/primal-dual-scaling.ts'
import { numbers, one, padded, randomPrograms, renamed, toTensors } from './support/programs.ts'

type LpModel = Model<LpInput, LpOutput>
const makers: Readonly<Record<string, (options?: ModelOptions) => LpModel>> = {
  implicit: primalDualModel,
  'paper-implicit': paperImplicitModel,
  explicit: paperExplicitModel,
}
/* Four steps amplify the rounding of differently ordered sums (6e-8) by the slopes of the networks; 2e-4 on answers of
 * order 1 is what untrained weights of any seed stay below by a factor of ten. */
const SAME = 2e-4
const compute = { steps: 4, tolerance: 0 }
const answer = (model: LpModel, x: LpInput): number[] =>
  tf.tidy(() => Array.from(model.predict(x, compute).y.dataSync()))
const apart = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((v, i) => Math.abs(v - b[i]!)))
const shuffled = (size: number, seed: number) => {
  const r = numbers(seed)
  return Array.from({ length: size }, (_, i) => [r(), i] as const)
    .sort((p, q) => p[0] - q[0])
    .map(([, i]) => i)
}
const live = () => tf.memory().numTensors

describe.each(Object.entries(makers))('%s', (_, make) => {
  test('answers move with the names of variables, and ignore those of constraints', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e6 }), (seed) => {
        const model = make({ width: 4, seed })
        const programs = randomPrograms(2, 4, 6, 10, seed)
        const columns = shuffled(6, seed + 1)
        const [before, after] = tf.tidy(() => [
          answer(model, toTensors(programs)),
          answer(model, toTensors(renamed(programs, shuffled(4, seed + 2), columns))),
        ])
        model.dispose()
        const moved = before!.map((v, i) => [i - (i % 6) + columns[i % 6]!, v] as const)
        const expected = new Array<number>(12).fill(0)
        for (const [i, v] of moved) expected[i] = v
        expect(apart(after!, expected)).toBeLessThan(SAME)
      }),
      { numRuns: 8 },
    )
  })

  test('a program alone gets the answer it gets in a batch, padded or not', () => {
    const model = make({ width: 4, seed: 3 })
    tf.tidy(() => {
      const programs = randomPrograms(3, 4, 6, 10, 7)
      const together = answer(model, toTensors(programs))
      const alone = [0, 1, 2].flatMap((k) => answer(model, toTensors(one(programs, k))))
      const wide = answer(model, toTensors(padded(programs, 2)))
      const cut = [0, 1, 2].flatMap((k) => wide.slice(k * 8, k * 8 + 6))
      expect(apart(alone, together)).toBeLessThan(SAME)
      expect(apart(cut, together)).toBeLessThan(SAME)
    })
    model.dispose()
  })

  test('gradients agree with differences, in the weights and in the program', () => {
    const model = make({ width: 4, seed: 5 })
    tf.tidy(() => {
      const x = toTensors(randomPrograms(2, 4, 6, 10, 11))
      const target = tf.ones([2, 6]) as LpOutput
      const loss = (input: LpInput) => tf.mean(tf.square(tf.sub(model.predict(input, compute).y, target))) as tf.Scalar
      const value = (input: LpInput) => tf.tidy(() => loss(input).dataSync()[0]!)
      const r = numbers(17)
      // wide differences cross kinks (ReLU, clip), narrow ones are noisy (float32: 1e-7 / 1e-4 at losses of order 1); a
      // right gradient agrees with one of them
      const agree = (name: string, slope: number, at: (step: number) => number) => {
        const gaps = [4e-3, 1e-3, 2e-4, 5e-5].map((h) => {
          const difference = (at(h) - at(-h)) / (2 * h)
          return Math.abs(slope - difference) - 0.03 * Math.abs(difference)
        })
        expect(Math.min(...gaps), `${name}: slope ${slope}, gaps ${gaps.join()}`).toBeLessThan(2e-3)
      }
      const variables = Object.values(model.variables)
      // zero biases put silent nodes exactly on the kink of the next ReLU
      for (const v of variables)
        v.assign(
          tf.add(
            v,
            tf.tensor(
              Float32Array.from({ length: v.size }, () => 0.2 * r()),
              v.shape,
            ),
          ),
        )
      const { grads } = tf.variableGrads(() => loss(x), variables)
      for (const [name, variable] of Object.entries(model.variables)) {
        const kept = Float32Array.from(variable.dataSync())
        const gradient = Float32Array.from(grads[variable.name]!.dataSync())
        const direction = Float32Array.from(kept, r)
        agree(
          name,
          gradient.reduce((s, g, i) => s + g * direction[i]!, 0),
          (step) => {
            const moved = kept.map((v, i) => v + step * direction[i]!)
            variable.assign(tf.tensor(moved, variable.shape))
            return value(x)
          },
        )
        variable.assign(tf.tensor(kept, variable.shape))
      }
      for (const name of ['c', 'b', 'lower', 'upper', 'edgeValue'] as const) {
        const slope = tf.grad((leaf: tf.Tensor) => loss({ ...x, [name]: leaf }))(x[name])
        const direction = tf.tensor(Float32Array.from({ length: x[name].size }, r), x[name].shape)
        agree(name, tf.sum(tf.mul(slope, direction)).dataSync()[0]!, (step) =>
          value({ ...x, [name]: tf.add(x[name], tf.mul(direction, step)) }),
        )
      }
    })
    model.dispose()
  })

  test('leaves no tensor behind: training step, prediction, trajectory, abort, bad input, disposal', () => {
    const start = live()
    const model = make({ width: 4 })
    const x = toTensors(randomPrograms(5, 4, 6, 10, 13))
    const y = tf.zeros([5, 6]) as LpOutput
    const before = live()
    const train = () => {
      const { value, grads } = tf.variableGrads(
        () => relativeLoss(model.predict(x).y, y),
        Object.values(model.variables),
      )
      tf.dispose([value, grads])
    }
    train()
    expect(live()).toBe(before)
    model.predict(x).y.dispose()
    expect(live()).toBe(before)
    const aborted = model.predict(x, { signal: AbortSignal.abort() })
    aborted.y.dispose()
    expect(live()).toBe(before)
    for (const point of model.trajectory(x, [0, 1, 3])) point.y.dispose()
    expect(live()).toBe(before)
    expect(() => model.predict({ ...x, b: y })).toThrow(/Leaf "equality"|Leaf "b"/)
    expect(live()).toBe(before)
    tf.dispose([...leaves(x), y])
    model.dispose()
    expect(live()).toBe(start)
  })

  test('the same seed gives the same weights and answers, another seed others', () => {
    tf.tidy(() => {
      const x = toTensors(randomPrograms(1, 4, 6, 10, 19))
      const [a, b, c] = [1, 1, 2].map((seed) => {
        const model = make({ width: 4, seed })
        const out = answer(model, x)
        model.dispose()
        return out
      })
      expect(a).toEqual(b)
      expect(apart(a!, c!)).toBeGreaterThan(1e-3)
    })
  })
})

test('training depth: the staggered answer reads rows at their own depths', () => {
  const model = primalDualModel({ width: 4, seed: 1, trainSteps: 6 })
  tf.tidy(() => {
    const x = toTensors(randomPrograms(5, 4, 6, 10, 23))
    let seen: number[] = []
    tf.variableGrads(() => {
      const { y } = model.predict(x)
      seen = Array.from(y.dataSync())
      return tf.mean(y) as tf.Scalar
    }, Object.values(model.variables))
    const depths = [2, 4, 6, 9, 12] // thirds of 6 from the start; 6 after 3; 6 after 6
    const points = model.trajectory(x, depths)
    depths.forEach((_, row) => {
      const expected = Array.from(points[row]!.y.dataSync()).slice(row * 6, row * 6 + 6)
      expect(apart(seen.slice(row * 6, row * 6 + 6), expected)).toBeLessThan(SAME)
    })
  })
  model.dispose()
})

test('an optimum is a fixed point of the primal–dual operator, whatever the weights', async () => {
  const { test: data } = await loadSplits({ limit: { train: 1, validation: 1, test: 20 } })
  const sizes = primalDualSizes(8)
  const weights = primalDualParameters(sizes, 9)
  tf.tidy(() => {
    const { x, y } = data.batch(Array.from({ length: 20 }, (_, i) => i))
    const { centre, half, dualUnit } = scaleProgram(x)
    const rows = data.programs.map(({ rowDual }) => Array.from(rowDual))
    const bound = primalDualOperator(weights, sizes).bind(x)
    const state = {
      ...bound.initial(),
      primal: tf.div(tf.sub(y, centre), half) as tf.Tensor2D,
      dual: tf.div(tf.tensor2d(rows), dualUnit) as tf.Tensor2D,
    }
    const next = bound.apply(state)
    // labels are float32 here: 6e-8 relative on multipliers of up to about 1e2, times step sizes of up to 6
    const moved = (a: tf.Tensor, b: tf.Tensor) => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!
    expect(moved(next['primal'] as tf.Tensor, state.primal)).toBeLessThan(1e-3)
    expect(moved(next['dual'] as tf.Tensor, state.dual)).toBeLessThan(1e-3)
    // and a wrong multiplier is not
    const wrong = bound.apply({ ...state, dual: tf.mul(state.dual, 1.2) as tf.Tensor2D })
    expect(moved(wrong['primal'] as tf.Tensor, state.primal)).toBeGreaterThan(0.1)
  })
  for (const v of Object.values(weights)) v.dispose()
})

test('no weights make the state overflow: what networks pass on is bounded', () => {
  const model = primalDualModel({ width: 4, seed: 6 })
  tf.tidy(() => {
    for (const v of Object.values(model.variables)) v.assign(tf.mul(tf.abs(v), 30)) // every gain positive
    const x = toTensors(randomPrograms(4, 4, 6, 10, 37))
    const [point] = model.trajectory(x, [300])
    expect(point!.residual.every(Number.isFinite)).toBe(true)
    expect(Array.from(point!.y.dataSync()).every(Number.isFinite)).toBe(true)
  })
  model.dispose()
})

test('the primal–dual model is never larger than the paper’s implicit one', () => {
  for (const width of [1, 2, 3, 4, 5, 8, 12, 16, 20, 32]) {
    const model = primalDualModel({ width })
    expect(model.parameterCount).toBeLessThanOrEqual(countParameters(paperImplicitShapes(width)))
    expect(model.parameterCount).toBe(Object.values(model.variables).reduce((s, v) => s + v.size, 0))
    model.dispose()
  }
})

test('scale: rescaling rows, costs and units of the variables changes nothing', () => {
  const model = primalDualModel({ width: 4, seed: 2 })
  tf.tidy(() => {
    const programs = randomPrograms(2, 4, 6, 10, 29)
    const scaled = {
      ...programs,
      c: programs.c.map((v) => v * 50),
      b: programs.b.map((v) => v * 8),
      lower: programs.lower.map((v) => v * 4),
      upper: programs.upper.map((v) => v * 4),
      values: programs.values.map((v) => v * 2),
    }
    const [a, b] = [answer(model, toTensors(programs)), answer(model, toTensors(scaled))]
    expect(
      apart(
        a.map((v) => v * 4),
        b,
      ),
    ).toBeLessThan(4 * SAME)
  })
  model.dispose()
})

describe('bad input', () => {
  test('infinite or crossed bounds are named', () => {
    const model = primalDualModel({ width: 4 })
    tf.tidy(() => {
      const programs = randomPrograms(2, 4, 6, 10, 31)
      const infinite = { ...programs, upper: programs.upper.map((v, i) => (i === 8 ? Infinity : v)) }
      expect(() => model.predict(toTensors(infinite))).toThrow(/Variable 2 of program 1 has the bounds/)
      const nan = { ...programs, lower: programs.lower.map((v, i) => (i === 3 ? Number.NaN : v)) }
      expect(() => model.predict(toTensors(nan))).toThrow(/Variable 3 of program 0 has the bounds/)
    })
    model.dispose()
  })

  test('weights of another width, missing or unknown ones, and widths that are none', () => {
    const model = paperImplicitModel({ width: 4 })
    tf.tidy(() => {
      const own = { ...model.variables }
      const { 'deq_func.to_y.bias': _bias, ...missing } = own
      expect(() => loadParameters(model.variables, missing)).toThrow(/no weight "deq_func.to_y.bias"/)
      expect(() => loadParameters(model.variables, { ...own, extra: tf.zeros([1]) })).toThrow(/no weight "extra"/)
      expect(() => loadParameters(model.variables, { ...own, 'deq_func.to_y.bias': tf.zeros([2]) })).toThrow(/\(2\)/)
    })
    model.dispose()
    expect(() => primalDualModel({ width: 0 })).toThrow(/width is 0/)
    expect(() => paperExplicitModel({ width: 2.5 })).toThrow(/width is 2.5/)
  })
})
