import * as tf from '@tensorflow/tfjs-core'
import type { Operator, Sample, TensorTree, Vector } from '@equilibria/spec'
import {
  assertConverged,
  bindProblem,
  describe,
  equilibrium,
  type EquilibriumLayer,
  referenceKernels,
} from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { leaves, packing, rebuild, takeRows } from '@equilibria/tensor'
import { type Check, distance, expectThat, leakless, values } from './check.ts'

/**
 * Checks on one solved instance, which everything a plugin ships goes through: `G` keeps structure and shapes, is pure,
 * leads to the stated answer, has the gradient that finite differences show, keeps its promises (`lipschitz`,
 * `rowwise`), and is solved alike alone, together and compacted. Every check also counts tensors.
 */
export function sampleChecks(name: string, sample: Sample<TensorTree, TensorTree>): Check[] {
  const tolerance = sample.tolerance ?? 1e-3
  const withInput =
    (what: string, fn: (x: TensorTree) => void): (() => void) =>
    () => {
      const x = sample.input()
      try {
        leakless(what, () => fn(x))
      } finally {
        tf.dispose(x as tf.TensorContainer)
      }
    }
  const layer = (
    compaction: false | { every: number; below: number } = false,
  ): EquilibriumLayer<TensorTree, TensorTree> =>
    equilibrium(sample.operator(), {
      solver: anderson(),
      gradient: implicit({ solver: gmres() }),
      tolerance: 1e-6,
      maxSteps: sample.maxSteps ?? 200,
      compaction,
    })
  return [
    { name: `${name}: f keeps structure and shapes`, run: withInput('apply', (x) => keepsShapes(sample, x)) },
    { name: `${name}: f is pure`, run: withInput('apply', (x) => isPure(sample, x)) },
    {
      name: `${name}: reaches the equilibrium`,
      run: withInput('solve', (x) => {
        const solution = assertConverged(layer().solve(x))
        if (!sample.expected) return
        const gap = distance(values(solution.state), values(sample.expected(x)))
        expectThat(gap <= tolerance, `The answer is off by ${gap.toExponential(2)} (allowed ${tolerance}).`)
      }),
    },
    {
      name: `${name}: gradients agree with finite differences`,
      run: withInput('backward', (x) => {
        if (sample.differentiable !== false) gradientsAgree(layer(), x)
      }),
    },
    {
      name: `${name}: declared Lipschitz constant is honest`,
      run: withInput('lipschitz', (x) => lipschitzHolds(sample.operator(), x)),
    },
    {
      name: `${name}: rows do not touch each other`,
      run: withInput('rows', (x) => rowsAreAlone(sample.operator(), x)),
    },
    {
      name: `${name}: compaction changes nothing`,
      run: withInput('compaction', (x) => {
        const [whole, parts] = [layer().solve(x), layer({ every: 1, below: 1 }).solve(x)]
        const gap = distance(values(whole.state), values(parts.state))
        expectThat(
          gap <= tolerance,
          `The answer moved by ${gap.toExponential(2)} when finished samples left the batch.`,
        )
        expectThat(
          parts.stats.sampleEvaluations <= whole.stats.sampleEvaluations,
          `Compaction evaluated ${parts.stats.sampleEvaluations} rows, without it ${whole.stats.sampleEvaluations}.`,
        )
      }),
    },
  ]
}

/** The same checks for an operator without a stated answer. */
export const operatorChecks = (
  name: string,
  make: () => Operator<TensorTree, TensorTree>,
  input: () => TensorTree,
): Check[] => sampleChecks(name, { summary: name, operator: make, input })

type Instance = Sample<TensorTree, TensorTree>

function keepsShapes(sample: Instance, x: TensorTree): void {
  const bound = sample.operator().bind(x)
  const z = bound.initial()
  const out = bound.apply(z)
  expectThat(describe(out) === describe(z), `f returned ${describe(out)} for a state ${describe(z)}.`)
}

function isPure(sample: Instance, x: TensorTree): void {
  const bound = sample.operator().bind(x)
  const z = bound.initial()
  const [a, before, b] = [values(bound.apply(z)), values(z), values(bound.apply(z))]
  expectThat(
    leaves(z).every((t) => !t.isDisposed),
    'f disposed its argument.',
  )
  expectThat(distance(a, b) === 0, 'f gave two answers for one state.')
  expectThat(distance(before, values(z)) === 0, 'f changed its argument.')
}

/** A random direction per leaf, `h = 1e-2`: float32 leaves about `1e-2` of a difference quotient to be trusted. */
function gradientsAgree(layer: EquilibriumLayer<TensorTree, TensorTree>, x: TensorTree): void {
  const xs = leaves(x)
  const loss = (...next: tf.Tensor[]) =>
    tf.addN(leaves(layer.solve(rebuild(x, next)).state).map((t) => tf.sum(tf.square(t)))) as tf.Scalar
  const grads = tf.grads(loss)(xs)
  for (const [i, g] of grads.entries()) {
    const direction = tf.randomNormal(xs[i]!.shape, 0, 1, 'float32', 7)
    const h = 1e-2
    const at = (s: number) => loss(...xs.map((t, j) => (j === i ? tf.add(t, tf.mul(direction, s)) : t))).dataSync()[0]!
    const numeric = (at(h) - at(-h)) / (2 * h)
    const exact = tf.sum(tf.mul(g, direction)).dataSync()[0]!
    expectThat(
      Math.abs(numeric - exact) <= 2e-2 * Math.max(1, Math.abs(numeric)),
      `Input leaf ${i}: gradient ${exact.toFixed(5)}, finite difference ${numeric.toFixed(5)}.`,
    )
  }
}

function lipschitzHolds(operator: Operator<TensorTree, TensorTree>, x: TensorTree): void {
  const claimed = operator.traits.lipschitz
  if (claimed === undefined) return
  const bound = operator.bind(x)
  const layout = packing(bound.initial())
  const f = (z: Vector) => layout.pack(bound.apply(layout.unpack(z)))
  for (let seed = 1; seed <= 8; seed++) {
    const a = tf.randomNormal([layout.batch, layout.size], 0, 2, 'float32', seed) as Vector
    const b = tf.randomNormal([layout.batch, layout.size], 0, 2, 'float32', seed + 100) as Vector
    const ratio = tf.max(tf.div(tf.norm(tf.sub(f(a), f(b)), 2, 1), tf.norm(tf.sub(a, b), 2, 1))).dataSync()[0]!
    expectThat(
      ratio <= claimed * (1 + 1e-4), // 1e-4: two float32 evaluations and two norms
      `Claimed Lipschitz constant ${claimed}, but a pair of points shows ${ratio.toFixed(6)}.`,
    )
  }
}

/** Row `b` of `G(z, x)` is `G` of row `b` alone: at the start and beside it, for every row. */
function rowsAreAlone(operator: Operator<TensorTree, TensorTree>, x: TensorTree): void {
  const { problem, start, coupled } = bindProblem(operator, x, referenceKernels)
  if (coupled !== undefined || problem.batch < 2) return // declared, or a shared input: never taken apart
  for (const z of [start, tf.add(start, tf.randomNormal(start.shape, 0, 1, 'float32', 11)) as Vector]) {
    const together = problem.apply(z)
    for (let b = 0; b < problem.batch; b++) {
      const alone = bindProblem(operator, takeRows(x, [b]), referenceKernels).problem.apply(takeRows(z, [b]))
      const want = values(takeRows(together, [b]))
      const gap = distance(values(alone), want)
      // The same sums over the same row, perhaps in another order: float32 rounding of the largest entry, times 100.
      const allowed = 100 * 2 ** -24 * Math.max(1, ...want.map(Math.abs))
      expectThat(
        gap <= allowed || want.some((v) => !Number.isFinite(v)),
        `Row ${b} of f moved by ${gap.toExponential(1)} when it got company; declare traits.rowwise: false if that is meant.`,
      )
    }
  }
}
