import * as tf from '@tensorflow/tfjs-core'
import type { AnyTask, DataOptions, Dataset, Model, Splits, Task, TensorTree } from '@equilibria/spec'
import { leaves } from '@equilibria/tensor'
import { type Check, distance, expectThat, leakless, values } from './check.ts'

export interface TaskCheckOptions {
  /** Passed to `task.data`; keep it small. Default: at most 8 samples a split. */
  readonly data?: DataOptions
  /** Samples per batch. Default `3`. */
  readonly batch?: number
  /** Depths asked of trajectories. Default `[1, 2, 4]`. */
  readonly depths?: readonly number[]
}

type Any = Task<TensorTree, TensorTree>
type AnyModel = Model<TensorTree, TensorTree>

/**
 * Checks on a task: its data is a function of the seed, it brings an `implicit` and an `explicit` model, its loss is a
 * finite scalar with a gradient to every variable, its metrics give one number per sample, its trajectories stand at the
 * depths asked for and are honest about residuals and evaluations, its perturbations move every sample by the radius
 * asked for, and nothing leaks. Slow tasks pass smaller `data` limits.
 */
export function taskChecks(name: string, make: () => AnyTask, options: TaskCheckOptions = {}): Check[] {
  const { batch = 3, depths = [1, 2, 4] } = options
  const data: DataOptions = { seed: 1, limit: { train: 8, validation: 8, test: 8 }, ...options.data }
  const rows = (set: Dataset<TensorTree, TensorTree>) => Array.from({ length: Math.min(batch, set.size) }, (_, i) => i)

  /** Makes data, a batch and (for each model) the model; frees them, and counts. */
  const each = async (
    fn: (model: AnyModel, x: TensorTree, y: TensorTree, task: Any, key: string) => void,
  ): Promise<void> => {
    const task: Any = make()
    const splits = await task.data(data)
    const before = tf.memory().numTensors
    for (const [key, build] of Object.entries(task.models)) {
      const model = build({ seed: 1 })
      const pair = splits.train.batch(rows(splits.train))
      try {
        leakless(`${key}`, () => fn(model, pair.x, pair.y, task, key))
      } finally {
        tf.dispose([pair.x, pair.y] as tf.TensorContainer)
        model.dispose()
      }
      const extra = tf.memory().numTensors - before
      expectThat(extra === 0, `Model "${key}" left ${extra} tensor(s) after dispose().`)
    }
  }
  return [
    {
      name: `${name}: data is a function of the seed`,
      run: () => dataIsDeterministic(make(), data, rows),
    },
    {
      name: `${name}: brings an implicit and an explicit model, and counts their parameters`,
      run: () =>
        each((model, _x, _y, task, key) => {
          for (const kind of ['implicit', 'explicit'] as const)
            expectThat(kind in task.models, `There is no model "${kind}".`)
          if (key === 'implicit' || key === 'explicit')
            expectThat(model.depth === key, `Model "${key}" says its depth is "${model.depth}".`)
          const counted = Object.values(model.variables).reduce((s, v) => s + v.size, 0)
          expectThat(
            counted === model.parameterCount,
            `Model "${key}" says it has ${model.parameterCount} parameters; its variables hold ${counted}.`,
          )
          expectThat(
            JSON.stringify(JSON.parse(JSON.stringify(model.manifest))) === JSON.stringify(model.manifest),
            `The manifest of "${key}" does not survive JSON.`,
          )
        }),
    },
    {
      name: `${name}: models start the same for one seed`,
      run: () =>
        each((model, _x, _y, task, key) => {
          const again = task.models[key]!({ seed: 1 })
          const gap = distance(values(model.variables), values(again.variables))
          again.dispose()
          expectThat(gap === 0, `Two models "${key}" of one seed differ by ${gap}.`)
        }),
    },
    {
      name: `${name}: the loss is a finite scalar with a gradient to every variable`,
      run: () => each((model, x, y, task, key) => lossReaches(model, x, y, task, key)),
    },
    {
      name: `${name}: metrics give one number per sample`,
      run: () =>
        each((model, x, y, task) => {
          const count = leaves(y)[0]!.shape[0]!
          expectThat(task.metrics.length > 0, 'There is no metric.')
          for (const metric of task.metrics) {
            for (const answer of [model.predict(x).y, y]) {
              const measured = metric.measure(answer, y, x)
              expectThat(
                measured.length === count,
                `Metric "${metric.name}" gave ${measured.length} numbers for ${count} samples.`,
              )
              expectThat(measured.every(Number.isFinite), `Metric "${metric.name}" gave [${measured}].`)
            }
          }
        }),
    },
    {
      name: `${name}: trajectories stand at the depths asked for`,
      run: () => each((model, x, y, _task, key) => trajectoryStands(model, x, y, depths, key)),
    },
    {
      name: `${name}: perturbations move every sample by the radius`,
      run: () => each((_model, x, _y, task) => perturbationsMove(task, x)),
    },
  ]
}

async function dataIsDeterministic(
  task: Any,
  options: DataOptions,
  rows: (set: Dataset<TensorTree, TensorTree>) => number[],
): Promise<void> {
  const before = tf.memory().numTensors
  const read = (splits: Splits<TensorTree, TensorTree>) =>
    (['train', 'validation', 'test'] as const).map((key) => {
      const set = splits[key]
      expectThat(set.size > 0, `The ${key} split is empty.`)
      expectThat(set.size <= (options.limit?.[key] ?? Number.POSITIVE_INFINITY), `The ${key} split ignores its limit.`)
      const { x, y } = set.batch(rows(set))
      const [inputs, answers] = [values(x), values(y)]
      tf.dispose([x, y] as tf.TensorContainer)
      expectThat(
        [...inputs, ...answers].every((v) => !Number.isNaN(v)),
        `The ${key} split holds NaN.`,
      )
      return [...inputs, ...answers]
    })
  const [first, second] = [read(await task.data(options)), read(await task.data(options))]
  first.forEach((a, i) => expectThat(distance(a, second[i]!) === 0, 'The same seed gave other data.'))
  const extra = tf.memory().numTensors - before
  expectThat(extra === 0, `Reading data leaked ${extra} tensor(s).`)
}

function lossReaches(model: AnyModel, x: TensorTree, y: TensorTree, task: Any, key: string): void {
  const variables = Object.values(model.variables)
  expectThat(variables.length > 0, `Model "${key}" has nothing to train.`)
  const { value, grads } = tf.variableGrads(() => task.loss(model.predict(x).y, y, x), variables)
  expectThat(value.rank === 0, `The loss has shape (${value.shape}).`)
  expectThat(Number.isFinite(value.dataSync()[0]!), `The loss is ${value.dataSync()[0]}.`)
  for (const [name, variable] of Object.entries(model.variables)) {
    const gradient = grads[variable.name]
    expectThat(gradient !== undefined && gradient !== null, `No gradient reaches "${name}" of "${key}".`)
    const all = values(gradient)
    expectThat(all.every(Number.isFinite), `The gradient of "${name}" of "${key}" is not finite.`)
    expectThat(
      all.some((v) => v !== 0),
      `The gradient of "${name}" of "${key}" is exactly 0.`,
    )
  }
}

function trajectoryStands(model: AnyModel, x: TensorTree, y: TensorTree, depths: readonly number[], key: string): void {
  const points = model.trajectory(x, depths)
  const [got, want] = [points.map((p) => p.steps).join(), depths.join()]
  expectThat(got === want, `Model "${key}" was asked for depths ${want} and answered at ${got}.`)
  const count = leaves(y)[0]!.shape[0]!
  points.forEach((point, i) => {
    const shape = (t: TensorTree) =>
      leaves(t)
        .map((l) => l.shape.join('×'))
        .join(' ')
    expectThat(shape(point.y) === shape(y), `Model "${key}" answers ${shape(point.y)}, the target is ${shape(y)}.`)
    if (model.depth === 'explicit') {
      expectThat(point.residual.length === 0, `The explicit model "${key}" reports residuals.`)
      const gap = distance(values(point.y), values(points[0]!.y))
      expectThat(gap === 0, `The explicit model "${key}" answers differently at depth ${point.steps}.`)
    } else {
      expectThat(point.residual.length === count, `${point.residual.length} residuals for ${count} samples.`)
      expectThat(
        i === 0 || point.evaluations > points[i - 1]!.evaluations,
        `Evaluations do not grow from depth ${points[i - 1]?.steps} to ${point.steps}.`,
      )
    }
  })
}

function perturbationsMove(task: Any, x: TensorTree): void {
  for (const perturbation of task.perturbations)
    for (const radius of [1e-1, 1e-2]) {
      const [moved, again, other] = [1, 1, 2].map((seed) => perturbation.apply(x, { seed, radius })) as [
        TensorTree,
        TensorTree,
        TensorTree,
      ]
      expectThat(distance(values(moved), values(again)) === 0, `"${perturbation.name}" is not a function of its seed.`)
      expectThat(distance(values(moved), values(other)) > 0, `"${perturbation.name}" ignores its seed.`)
      const [xs, ms] = [leaves(x), leaves(moved)]
      expectThat(xs.length === ms.length, `"${perturbation.name}" changes the structure of the input.`)
      const batch = xs[0]!.shape[0]!
      const squares = Array.from({ length: batch }, () => 0)
      let size = 1
      xs.forEach((leaf, i) => {
        const [a, b] = [leaf.dataSync(), ms[i]!.dataSync()]
        const width = a.length / batch
        for (let j = 0; j < a.length; j++) {
          size = Math.max(size, Math.abs(a[j]!))
          if (a[j] !== b[j]) squares[Math.floor(j / width)]! += (b[j]! - a[j]!) ** 2
        }
      })
      // x + d is rounded to float32: each entry of d may be off by u|x|.
      const allowed = 1e-3 * radius + 2 ** -23 * size * Math.sqrt(xs.reduce((s, t) => s + t.size / batch, 0))
      squares.forEach((square, b) =>
        expectThat(
          Math.abs(Math.sqrt(square) - radius) <= allowed,
          `"${perturbation.name}" moved sample ${b} by ${Math.sqrt(square).toExponential(3)}, asked ${radius}.`,
        ),
      )
    }
}
