import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'
import { meanOf, picardMap } from '@equilibria/theory'
import { defineOperator } from '@equilibria/core'
import { describe, expect, test } from 'vitest'
import {
  parseStudy,
  renderHtml,
  renderText,
  runStudy,
  stringifyStudy,
  type StudyOptions,
  type StudyProgress,
} from '@equilibria/study'
import { dataset, dot, ETA, explicit, implicit, inputs, task } from './reciprocal.ts'

type Row = tf.Tensor2D
const steps = [1, 2, 4, 8, 16]
const size = 70
const base = (): StudyOptions<Row, Row> => ({
  task: task((x, y) => ({ kind: 'text', text: `1/${x.toFixed(2)} ≈ ${y.toFixed(2)}` })),
  models: { implicit: implicit(), explicit: explicit() },
  data: dataset(size),
  source: 'closed form',
  steps,
  batchSize: 32,
  created: null,
  timing: false,
})

/** Runs it and checks that no tensor survives, whichever way it ends. */
async function clean<T>(run: () => Promise<T>): Promise<T> {
  const before = tf.memory().numTensors
  try {
    return await run()
  } finally {
    expect(tf.memory().numTensors).toBe(before)
  }
}

describe('runStudy()', () => {
  test('rows agree with the closed form at every depth', async () => {
    const study = await clean(() => runStudy(base()))
    const [model, line] = study.models
    expect(model!.rows.map((row) => row.steps)).toEqual(steps)
    model!.rows.forEach(({ steps: t, metrics, residual, evaluations }) => {
      const errors = inputs(size).map((x) => dot(x, t))
      const error = metrics['relative error']!
      // float32: y is a sum of t terms of one sign, so |δy|/y ≤ t · 2⁻²⁴ ≈ 1e-6, and the error is near 1
      expect(Math.abs(error.mean! - meanOf(errors))).toBeLessThan(2e-6)
      expect(error.low!).toBeLessThan(error.mean!)
      expect(error.high! - error.mean!).toBeCloseTo(error.mean! - error.low!, 5)
      expect([error.count, error.nonFinite]).toEqual([size, 0])
      expect(Math.abs(error.max! - Math.max(...errors))).toBeLessThan(2e-6)
      // residual η |x y − 1| / max(y, 1) = η q^t / max(y, 1)
      const residuals = inputs(size).map((x) => (ETA * dot(x, t)) / Math.max((1 - dot(x, t)) / x, 1))
      expect(Math.abs(residual!.max! - Math.max(...residuals))).toBeLessThan(2e-6)
      expect(evaluations).toBe(t)
    })
    expect(line!.rows).toHaveLength(1)
    expect(line!.rows[0]).toMatchObject({ steps: 0, residual: null, evaluations: 1, milliseconds: null })
    expect(line!.rows[0]!.lipschitz!.value).toBeCloseTo(5.5, 3) // a line of slope −5.5; rounding 2⁻²⁴ · 6 / .01 = 4e-5
    expect(model!.answers.map((a) => a.answers.length)).toEqual([5, 5])
    expect(model!.perSample).toHaveLength(size)
    expect(study.provenance.backend).toBe(tf.getBackend())
    const page = renderHtml(study)
    expect(page.match(/<figure class="plot">/g)).toHaveLength(6)
    expect(page.match(/<pre>1\/0\.\d+ ≈ /g)).toHaveLength(2 * (5 + 1))
    expect(page).not.toMatch(/NaN|undefined|Infinity/)
    expect(
      renderText(study)
        .split('\n')
        .filter((line) => line.startsWith('implicit')),
    ).toHaveLength(5)
  })

  test('L_t by perturbations and by power iteration bracket the mean slope', async () => {
    const operator = defineOperator({
      name: 'reciprocal',
      initial: (x: Row): Row => tf.zerosLike(x),
      apply: (y, x) => tf.sub(y, tf.mul(ETA, tf.sub(tf.mul(x, y), 1))),
    })
    const study = await clean(() =>
      runStudy({
        ...base(),
        models: { moved: implicit(), power: implicit() },
        lipschitz: { radius: 1e-3, samples: 40, power: { power: picardMap(operator) } },
      }),
    )
    const slope = (x: number, t: number): number => (1 - dot(x, t) - t * ETA * x * dot(x, t - 1)) / x ** 2
    const [moved, power] = study.models
    expect(moved!.lipschitz).toMatchObject({ method: 'perturbations', aggregator: 'mean', samples: 40, radius: 1e-3 })
    expect(power!.lipschitz).toMatchObject({ method: 'power', samples: 40, radius: null })
    steps.forEach((t, i) => {
      const exact = meanOf(inputs(40).map((x) => slope(x, t)))
      // one-sided difference at random sides: relative curvature ≤ 10 per unit of x here, times 1e-3; rounding 1e-4
      expect(Math.abs(moved!.rows[i]!.lipschitz!.value! - exact)).toBeLessThan(0.01 * exact + 1e-3)
      expect(Math.abs(power!.rows[i]!.lipschitz!.value! - exact)).toBeLessThan(1e-4 * exact + 1e-6)
    })
    const last = moved!.rows.at(-1)!.lipschitz!
    expect(last.byPerturbation).toEqual({ x: last.value })
    expect(moved!.rows.at(-1)!.lipschitz!.low!).toBeLessThan(moved!.rows.at(-1)!.lipschitz!.value!)
  })

  test('is deterministic, survives JSON, and works in batches of the size asked for', async () => {
    const model = implicit()
    const options = { ...base(), models: { implicit: model, explicit: explicit() }, seed: 5 }
    const [one, two] = [await runStudy(options), await runStudy(options)]
    expect(stringifyStudy(one)).toBe(stringifyStudy(two))
    expect(parseStudy(stringifyStudy(one))).toEqual(one)
    expect(model.largest()).toBe(32)
    const small = await runStudy({ ...options, batchSize: 7, lipschitz: false })
    expect(small.models[0]!.rows.map((r) => r.metrics)).toEqual(one.models[0]!.rows.map((r) => r.metrics))
    expect(small.models[0]!.rows[0]!.lipschitz).toBeNull()
  })

  test('what is not finite is counted and kept out of JSON', async () => {
    const bad = task()
    const options = {
      ...base(),
      task: {
        ...bad,
        metrics: [
          {
            ...bad.metrics[0]!,
            measure: (p: Row) => Float32Array.from(p.dataSync(), (v, i) => (i % 2 ? Number.NaN : v)),
          },
          { ...bad.metrics[0]!, name: 'nothing', measure: (p: Row) => new Float32Array(p.shape[0]).fill(Infinity) },
        ],
      },
    }
    const study = await clean(() => runStudy(options))
    const { metrics } = study.models[0]!.rows[0]!
    expect(metrics['relative error']).toMatchObject({ count: 35, nonFinite: 35 })
    expect(metrics['nothing']).toMatchObject({ mean: null, low: null, p50: null, count: 0, nonFinite: 70 })
    expect(study.notes[0]).toMatch(/implicit, t = 1: relative error was not finite for 35 of 70 samples/)
    expect(() => stringifyStudy(study)).not.toThrow()
  })

  test('reports progress up to 1 with an expected time, and times predictions', async () => {
    const seen: StudyProgress[] = []
    const study = await runStudy({ ...base(), timing: true, onProgress: (p) => seen.push(p) })
    expect(seen.at(-1)!.fraction).toBeCloseTo(1, 9)
    expect(seen.every((p, i) => i === 0 || p.fraction >= seen[i - 1]!.fraction)).toBe(true)
    expect(seen.at(-1)!.remainingMs).toBeCloseTo(0, 6)
    expect(study.models.every(({ rows }) => rows.every(({ milliseconds }) => milliseconds! > 0))).toBe(true)
  })

  test('stops at an abort and frees everything, there and when a metric throws', async () => {
    const controller = new AbortController()
    const stages: string[] = []
    const run = clean(() =>
      runStudy({
        ...base(),
        signal: controller.signal,
        onProgress: ({ stage }) => {
          stages.push(stage)
          if (stages.length === 2) controller.abort(new Error('enough'))
        },
      }),
    )
    await expect(run).rejects.toThrow('enough')
    expect(stages).toHaveLength(2)
    const throwing = {
      ...base(),
      task: {
        ...task(),
        metrics: [
          {
            ...task().metrics[0]!,
            measure: (p: Row): Float32Array => {
              tf.add(p, 1)
              throw new Error('broken metric')
            },
          },
        ],
      },
    }
    await expect(clean(() => runStudy(throwing))).rejects.toThrow('broken metric')
  })

  test('names what is wrong with its options', async () => {
    const wrong: [Partial<StudyOptions<Row, Row>>, RegExp][] = [
      [{ steps: [2, 1] }, /steps is \[2, 1\]/],
      [{ steps: [] }, /steps is \[\]/],
      [{ batchSize: 0 }, /batchSize is 0/],
      [{ confidence: 1 }, /confidence is 1/],
      [{ samples: 0 }, /0 samples/],
      [{ data: dataset(0) }, /0 samples/],
      [{ models: {} }, /no model/],
      [{ views: [70] }, /sample 70/],
      [
        { peers: [{ label: 'paper', metric: 'mae', value: 1, source: 'there' }] },
        /metric "mae".[^]*relative error, output/,
      ],
    ]
    for (const [part, message] of wrong) {
      const error: unknown = await runStudy({ ...base(), ...part }).catch((e: unknown) => e)
      expect(EquilibriaError.is(error)).toBe(true)
      expect((error as Error).message).toMatch(message)
    }
    const short = {
      ...base(),
      task: { ...task(), metrics: [{ ...task().metrics[0]!, measure: () => new Float32Array(3) }] },
    }
    await expect(clean(() => runStudy(short))).rejects.toThrow(/3 values for 32 samples/)
  })
})
