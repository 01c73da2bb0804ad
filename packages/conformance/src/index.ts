/**
 * The contract, executable. Checks are data — a name and a function that throws — so any test
 * runner, the docs site or a shell script can run them.
 */
import * as tf from '@tensorflow/tfjs-core'
import type {
  Backend,
  GradientMode,
  KernelName,
  Kernels,
  Operator,
  Plugin,
  Problem,
  Sample,
  Solver,
  TensorTree,
  Vector,
} from '@equilibria/spec'
import {
  assertConverged,
  defineOperator,
  drive,
  equilibrium,
  referenceBackend,
  referenceKernels,
  residualBelow,
} from '@equilibria/core'
import { leaves, packing, scoped } from '@equilibria/tensor'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'
import { implicit } from '@equilibria/implicit-diff'
import { createKit } from '@equilibria/plugin'

export * from './fixtures/index.ts'
export { zoo, type ZooProblem } from './zoo/index.ts'

export interface Check {
  readonly name: string
  run(): void | Promise<void>
}
/** `runChecks(test, pluginChecks(kepler))` with vitest, jest, node:test, mocha, … */
export function runChecks(
  test: (name: string, fn: () => void | Promise<void>) => unknown,
  checks: readonly Check[],
): void {
  for (const check of checks) test(check.name, () => check.run())
}

function expectThat(ok: boolean, message: string): asserts ok {
  if (!ok) throw new Error(message)
}
const values = (tree: TensorTree): number[] => leaves(tree).flatMap((t) => Array.from(t.dataSync()))
const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)))
/** Run and insist that no tensor was born and forgotten. */
function leakless<T>(what: string, fn: () => T): T {
  const before = tf.memory().numTensors
  const result = tf.tidy(() => fn() as never) as T
  const extra = tf.memory().numTensors - before
  expectThat(extra === 0, `${what} leaked ${extra} tensor(s).`)
  return result
}

/** Checks on one solved instance. Everything a plugin ships goes through here. */
export function sampleChecks(name: string, sample: Sample<TensorTree, TensorTree>): Check[] {
  const tolerance = sample.tolerance ?? 1e-3
  const withInput = <T>(fn: (x: TensorTree) => T): T => {
    const x = sample.input()
    try {
      return fn(x)
    } finally {
      tf.dispose(x as tf.TensorContainer)
    }
  }
  const layer = () =>
    equilibrium(sample.operator(), {
      solver: anderson(),
      gradient: implicit({ solver: gmres() }),
      tolerance: 1e-6,
      maxSteps: 200,
    })
  return [
    {
      name: `${name}: f keeps structure and shapes`,
      run: () =>
        withInput((x) =>
          leakless('apply', () => {
            const bound = sample.operator().bind(x)
            const z = bound.initial()
            const shape = (t: TensorTree) =>
              leaves(t)
                .map((l) => l.shape.join('×'))
                .join(' ')
            expectThat(
              shape(bound.apply(z)) === shape(z),
              `f returned ${shape(bound.apply(z))} for a state ${shape(z)}.`,
            )
          }),
        ),
    },
    {
      name: `${name}: f is pure`,
      run: () =>
        withInput((x) =>
          leakless('apply', () => {
            const bound = sample.operator().bind(x)
            const z = bound.initial()
            const [a, before, b] = [values(bound.apply(z)), values(z), values(bound.apply(z))]
            expectThat(
              leaves(z).every((t) => !t.isDisposed),
              'f disposed its argument.',
            )
            expectThat(distance(a, b) === 0, 'f gave two answers for one state.')
            expectThat(distance(before, values(z)) === 0, 'f changed its argument.')
          }),
        ),
    },
    {
      name: `${name}: reaches the equilibrium`,
      run: () =>
        withInput((x) =>
          leakless('solve', () => {
            const solution = assertConverged(layer().solve(x))
            if (!sample.expected) return
            const gap = distance(values(solution.state), values(sample.expected(x)))
            expectThat(gap <= tolerance, `The answer is off by ${gap.toExponential(2)} (allowed ${tolerance}).`)
          }),
        ),
    },
    {
      name: `${name}: gradients agree with finite differences`,
      run: () =>
        withInput((x) => {
          const xs = leaves(x)
          const rebuilt = (next: tf.Tensor[]) => {
            let i = 0
            const walk = (n: TensorTree): TensorTree =>
              n instanceof tf.Tensor
                ? next[i++]!
                : Array.isArray(n)
                  ? n.map(walk)
                  : Object.fromEntries(Object.entries(n).map(([k, v]) => [k, walk(v)]))
            return walk(x)
          }
          const loss = (...next: tf.Tensor[]) =>
            tf.addN(leaves(layer().solve(rebuilt(next)).state).map((t) => tf.sum(tf.square(t)))) as tf.Scalar
          leakless('backward', () => {
            const grads = tf.grads(loss)(xs)
            for (const [i, g] of grads.entries()) {
              const direction = tf.randomNormal(xs[i]!.shape, 0, 1, 'float32', 7)
              const h = 1e-2
              const at = (s: number) =>
                loss(...xs.map((t, j) => (j === i ? tf.add(t, tf.mul(direction, s)) : t))).dataSync()[0]!
              const numeric = (at(h) - at(-h)) / (2 * h)
              const exact = tf.sum(tf.mul(g, direction)).dataSync()[0]!
              expectThat(
                Math.abs(numeric - exact) <= 2e-2 * Math.max(1, Math.abs(numeric)),
                `Input leaf ${i}: gradient ${exact.toFixed(5)}, finite difference ${numeric.toFixed(5)}.`,
              )
            }
          })
        }),
    },
    {
      name: `${name}: declared Lipschitz constant is honest`,
      run: () =>
        withInput((x) =>
          leakless('lipschitz', () => {
            const operator = sample.operator()
            const claimed = operator.traits.lipschitz
            if (claimed === undefined) return
            const bound = operator.bind(x)
            const layout = packing(bound.initial())
            const f = (z: Vector) => layout.pack(bound.apply(layout.unpack(z)))
            for (let seed = 1; seed <= 8; seed++) {
              const a = tf.randomNormal([layout.batch, layout.size], 0, 2, 'float32', seed) as Vector
              const b = tf.randomNormal([layout.batch, layout.size], 0, 2, 'float32', seed + 100) as Vector
              const ratio = tf
                .max(tf.div(tf.norm(tf.sub(f(a), f(b)), 2, 1), tf.norm(tf.sub(a, b), 2, 1)))
                .dataSync()[0]!
              expectThat(
                ratio <= claimed * (1 + 1e-4),
                `Claimed Lipschitz constant ${claimed}, but a pair of points shows ${ratio.toFixed(6)}.`,
              )
            }
          }),
        ),
    },
  ]
}

/** Checks on a solver, on problems with known answers. */
export function solverChecks(make: () => Solver): Check[] {
  const linear = (L: number) =>
    defineOperator<tf.Tensor2D, { readonly b: tf.Tensor2D }>({
      name: 'half',
      traits: { lipschitz: L },
      initial: ({ b }) => tf.zerosLike(b),
      apply: (z, { b }) => tf.add(tf.mul(z, L), b),
    })
  const name = make().name
  const solveLinear = (L: number, b: tf.Tensor2D, maxSteps = 100) =>
    equilibrium(linear(L), { solver: make(), maxSteps, tolerance: 1e-5 }).solve({ b })
  return [
    {
      name: `${name}: solves z = z/2 + b`,
      run: () =>
        leakless(name, () => {
          const s = assertConverged(
            solveLinear(
              0.5,
              tf.tensor2d([
                [1, 2],
                [3, -4],
              ]),
            ),
          )
          expectThat(distance(values(s.state), [2, 4, 6, -8]) < 1e-3, `Got ${values(s.state)}.`)
        }),
    },
    {
      name: `${name}: each row is solved as if alone`,
      run: () =>
        leakless(name, () => {
          const together = values(
            solveLinear(
              0.9,
              tf.tensor2d([
                [1, 2],
                [1e-3, 5],
              ]),
            ).state,
          ).slice(0, 2)
          const alone = values(solveLinear(0.9, tf.tensor2d([[1, 2]])).state)
          expectThat(
            distance(together, alone) < 1e-5,
            `Row 0 moved by ${distance(together, alone).toExponential(1)} when it got company.`,
          )
        }),
    },
    {
      name: `${name}: says so when it does not converge`,
      run: () =>
        leakless(name, () => {
          expectThat(solveLinear(0.999, tf.ones([1, 2]), 1).status === 'max-steps', 'Expected "max-steps".')
        }),
    },
    {
      name: `${name}: says so on NaN`,
      run: () =>
        leakless(name, () => {
          expectThat(solveLinear(0.5, tf.fill([1, 2], Number.NaN)).status === 'non-finite', 'Expected "non-finite".')
        }),
    },
    {
      name: `${name}: stops when asked`,
      run: () =>
        leakless(name, () => {
          const stop = new AbortController()
          const s = equilibrium(linear(0.999), { solver: make(), maxSteps: 100, tolerance: 1e-9 }).solve(
            { b: tf.tensor2d([[1, 2]]) },
            {
              signal: stop.signal,
              onProgress: ({ step }) => {
                if (step === 2) stop.abort()
              },
            },
          )
          expectThat(s.status === 'aborted' || s.status === 'converged', `Expected "aborted", got "${s.status}".`)
          expectThat(s.stats.steps <= 3, `Ran ${s.stats.steps} steps after being stopped at 2.`)
        }),
    },
    {
      name: `${name}: owns no tensor after an exception in f`,
      run: () => {
        const before = tf.memory().numTensors
        let calls = 0
        const problem = {
          batch: 1,
          size: 1,
          traits: {},
          kernels: referenceKernels,
          apply: (z: Vector) => {
            if (++calls === 3) throw new Error('boom')
            return tf.add(tf.mul(z, 0.9), 1) as Vector
          },
          linearize: (): never => {
            throw new Error()
          },
        } satisfies Problem
        const z0: Vector = tf.zeros([1, 1])
        try {
          drive(problem, make(), z0, { stop: residualBelow(1e-9), maxSteps: 50 })
        } catch {
          /* expected */
        }
        z0.dispose()
        expectThat(tf.memory().numTensors === before, `Left ${tf.memory().numTensors - before} tensor(s) behind.`)
      },
    },
  ]
}

/** Checks on a gradient mode. `exact: false` only asks for a descent direction. */
export function gradientChecks(make: () => GradientMode, { exact = true }: { readonly exact?: boolean } = {}): Check[] {
  const name = make().name
  return [
    {
      name: `${name}: ${exact ? 'matches' : 'points along'} the true gradient of z = tanh(zW + x)`,
      run: () => {
        const before = tf.memory().numTensors
        const W = scoped(() =>
          tf.variable<tf.Rank.R2>(
            tf.tensor2d([
              [0.3, 0.1],
              [0, 0.4],
            ]),
          ),
        )
        const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
          name: 'tanh',
          initial: (x) => tf.zerosLike(x),
          apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, W), x)),
        })
        const x = tf.tensor2d([
          [0.5, -0.2],
          [1, 0.3],
        ])
        const loss = () =>
          tf.sum(
            tf.square(
              equilibrium(operator, { solver: anderson(), gradient: make(), tolerance: 1e-7, maxSteps: 100 }).solve(x)
                .state,
            ),
          ) as tf.Scalar
        const { value, grads } = tf.variableGrads(loss, [W])
        const got = Array.from(Object.values(grads)[0]!.dataSync())
        const base = Array.from(W.dataSync())
        const want = base.map((_, i) => {
          const at = (h: number) =>
            tf.tidy(() => {
              const p = [...base]
              p[i]! += h
              W.assign(tf.tensor2d(p, [2, 2]))
              return loss().dataSync()[0]!
            })
          return (at(1e-2) - at(-1e-2)) / 2e-2
        })
        tf.dispose([value, ...Object.values(grads), W, x])
        expectThat(tf.memory().numTensors === before, `Leaked ${tf.memory().numTensors - before} tensor(s).`)
        if (exact) expectThat(distance(got, want) < 5e-3, `Got [${got}], want [${want}].`)
        else expectThat(got.reduce((s, g, i) => s + g * want[i]!, 0) > 0, 'Not a descent direction.')
      },
    },
  ]
}

/** Checks on a backend: every kernel it brings must agree with the reference, and free what it takes. */
export function backendChecks(backend: Backend, { tolerance = 1e-4 }: { readonly tolerance?: number } = {}): Check[] {
  const shapes = [
    [1, 1],
    [2, 3],
    [5, 17],
    [3, 1000],
  ] as const
  const vectors = (batch: number, size: number, count: number) =>
    Array.from({ length: count }, (_, i) => tf.randomNormal([batch, size], 0, 1, 'float32', i + 1) as Vector)
  const runs: { readonly [K in KernelName]: (k: Kernels, batch: number, size: number) => number[] } = {
    norms: (k, b, n) => {
      const [r, z] = vectors(b, n, 2)
      return Array.from(k.norms(r!, z!))
    },
    leastSquares: (k, b, n) => {
      const [r, ...d] = vectors(b, n, 1 + Math.min(n, 3))
      return values(k.leastSquares(r!, d, { regularization: 1e-6, cap: 1e4 }))
    },
    combine: (k, b, n) =>
      values(k.combine(tf.randomNormal([b, 3], 0, 1, 'float32', 9) as tf.Tensor2D, vectors(b, n, 3))),
  }
  return (Object.keys(backend.kernels) as KernelName[]).flatMap((kernel) =>
    shapes.map(([batch, size]): Check => ({
      name: `${backend.name}.${kernel} agrees with the reference on [${batch}, ${size}]`,
      run: () =>
        leakless(kernel, () => {
          const gap = distance(
            runs[kernel]({ ...referenceKernels, ...backend.kernels }, batch, size),
            runs[kernel](referenceKernels, batch, size),
          )
          expectThat(gap <= tolerance, `Off by ${gap.toExponential(2)}.`)
        }),
    })),
  )
}

/** Everything a plugin must pass before it may say it is one. */
export function pluginChecks(plugin: Plugin): Check[] {
  return [
    {
      name: `${plugin.name}: joins a kit`,
      run: () => {
        createKit({ plugins: [plugin], backend: referenceBackend })
      },
    },
    {
      name: `${plugin.name}: every factory works with no options`,
      run: () => {
        for (const [part, table] of Object.entries(plugin.parts))
          for (const [key, factory] of Object.entries(table as Record<string, () => { spec: number; name: string }>))
            expectThat(factory().spec === plugin.spec, `${part}.${key}() is not a contract-${plugin.spec} object.`)
      },
    },
    ...Object.entries(plugin.samples).flatMap(([key, s]) => sampleChecks(`${plugin.name}/${key}`, s)),
    ...Object.values(plugin.parts.solvers ?? {}).flatMap((make) => solverChecks(make)),
    ...Object.values(plugin.parts.gradients ?? {}).flatMap((make) => gradientChecks(make)),
  ]
}

export const operatorChecks = (
  name: string,
  make: () => Operator<TensorTree, TensorTree>,
  input: () => TensorTree,
): Check[] => sampleChecks(name, { summary: name, operator: make, input })
