import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import type { Backend, GradientMode, Solver, Vector } from '@equilibria/spec'
import { equilibrium, referenceBackend } from '@equilibria/core'
import { add, scoped } from '@equilibria/tensor'
import { anderson, picard } from '@equilibria/solvers'
import {
  backendChecks,
  gradientChecks,
  runChecks,
  sampleChecks,
  solverChecks,
  type Check,
} from '@equilibria/conformance'
import { createKit, definePlugin, negotiate } from '@equilibria/plugin'
import kepler, { anomaly } from './kepler/index.ts'

const failing = async (checks: readonly Check[]) => {
  const out: string[] = []
  for (const c of checks)
    try {
      await c.run()
    } catch (e) {
      out.push(`${c.name} — ${(e as Error).message.split('\n')[0]}`)
    }
  return out
}
const sample = kepler.samples['four-orbits']!
const twisted = (apply: (z: Vector, x: never) => tf.Tensor, traits = {}) => ({
  ...sample,
  expected: undefined as never,
  operator: () => {
    const o = anomaly()
    return {
      ...o,
      traits: { ...o.traits, ...traits },
      bind: (x: never) => {
        const b = o.bind(x)
        return { ...b, apply: (z: Vector) => apply(z, x) }
      },
    }
  },
})

describe('planted faults are caught', () => {
  test('a lie about the Lipschitz constant', async () =>
    expect(
      (
        await failing(sampleChecks('k', { ...sample, operator: () => anomaly({ maxEccentricity: 0.5 }) } as never))
      ).join(),
    ).toMatch(/Claimed Lipschitz constant 0.5/))
  test('f disposes its argument', async () =>
    expect(
      (
        await failing(
          sampleChecks(
            'k',
            twisted((z) => {
              const r = tf.mul(z, 0.5)
              z.dispose()
              return r
            }) as never,
          ),
        )
      ).length,
    ).toBeGreaterThan(0))
  test('f is random', async () =>
    expect(
      (
        await failing(sampleChecks('k', twisted((z) => tf.add(tf.mul(z, 0.5), tf.randomUniform(z.shape))) as never))
      ).join(),
    ).toMatch(/two answers/))
  test('f changes shape', async () =>
    expect((await failing(sampleChecks('k', twisted((z) => tf.concat([z, z], 1)) as never))).join()).toMatch(
      /f returned/,
    ))
  test('wrong answer', async () =>
    expect(
      (
        await failing(
          sampleChecks('k', {
            ...sample,
            expected: (x: never) => tf.add(sample.expected!(x) as tf.Tensor, 0.1),
          } as never),
        )
      ).join(),
    ).toMatch(/off by 1\.00e-1/))
  test('a solver that mixes rows', async () => {
    const p = picard()
    const bad: Solver<null> = {
      ...p,
      name: 'mixes',
      step: (pr, z, m) => {
        const s = p.step(pr, z, m)
        return {
          ...s,
          next: add(
            s.next,
            scoped(() => tf.mul(tf.mean(s.residual, 0, true), 0.1) as Vector),
          ),
        }
      },
    }
    expect((await failing(solverChecks(() => bad))).join()).toMatch(/when it got company/)
  })
  test('a solver that keeps a tensor', async () => {
    const p = picard()
    const bad: Solver<null> = {
      ...p,
      name: 'keeps',
      step: (pr, z, m) => {
        tf.keep(tf.clone(z))
        return p.step(pr, z, m)
      },
    }
    expect((await failing(solverChecks(() => bad))).join()).toMatch(/leaked|behind/)
  })
  test('a gradient with the wrong sign', async () => {
    const bad: GradientMode = {
      kind: 'gradient',
      spec: 1,
      name: 'neg',
      forward: 'detached',
      attach: ({ z, problem }) => tf.sub(tf.mul(z, 2), problem.apply(z)) as Vector,
    }
    expect((await failing(gradientChecks(() => bad, { exact: false }))).join()).toMatch(/descent/)
  })
})
test('negotiation', () => {
  expect(negotiate('a', { features: ['float32'] }, referenceBackend).outcome).toBe('ready')
  const slow = negotiate('a', { features: ['gpu'] }, referenceBackend)
  expect(slow.outcome).toBe('degraded')
  expect(slow.notes[0]).toMatch(/would be faster with "gpu"/)
  expect(negotiate('a', { features: ['float64'] }, referenceBackend).outcome).toBe('refused')
  expect(() => createKit({ plugins: [{ ...kepler, spec: 2 as 1 }], backend: referenceBackend })).toThrow(
    /Upgrade @equilibria\/plugin/,
  )
  expect(() => createKit({ plugins: [kepler, kepler], backend: referenceBackend })).toThrow(/Two plugins/)
  expect(() => definePlugin({ ...kepler, samples: {} })).toThrow(/no samples/)
})
test('tfjs facts this design rests on', () => {
  const a = tf.tensor1d([1, 2])
  a.dispose()
  expect(() => tf.add(a, 1)).toThrow(/reading 'backend'/) // what tfjs says about a disposed tensor
  const t = tf.tensor1d([1]),
    before = tf.memory().numTensors,
    v = tf.variable(t)
  v.dispose()
  expect(tf.memory().numTensors).toBe(before)
  expect(t.isDisposed).toBe(false)
  t.dispose()
})

describe('backends', () => {
  const host: Backend = {
    kind: 'backend',
    spec: 1,
    name: 'host',
    features: ['float32', 'sync-readback'],
    dispose() {},
    kernels: {
      norms: (r, z) => {
        const [batch, size] = r.shape
        const out = new Float32Array(2 * batch)
        for (const [o, t] of [
          [0, r],
          [batch, z],
        ] as const) {
          const d = t.dataSync()
          for (let b = 0; b < batch; b++) {
            let s = 0
            for (let i = 0; i < size; i++) s += d[b * size + i]! ** 2
            out[o + b] = Math.sqrt(s)
          }
        }
        return out
      },
    },
  }
  runChecks(test, backendChecks(host))
  test('plugs in, and is named in the statistics', () =>
    tf.tidy(() => {
      const s = equilibrium(anomaly(), { solver: anderson(), backend: host }).solve(sample.input())
      expect(s.stats.backend).toBe('host')
      expect(s.status).toBe('converged')
    }))
  test('a wrong kernel is caught', async () =>
    expect(
      (
        await failing(
          backendChecks({ ...host, kernels: { norms: (r, z) => host.kernels.norms!(r, z).map((x) => x * 1.01) } }),
        )
      ).length,
    ).toBe(4))
})
