import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import { equilibrium } from '@equilibria/core'
import {
  aol,
  cayley,
  certifiedDistance,
  circularBound,
  circularConvolution,
  firmlyNonexpansive,
  logNorm,
  perron,
  positiveConcave,
  regularLift,
  rowSum,
  spectral,
  spectralBound,
  stateDecay,
  subhomogeneous,
} from '@equilibria/operators'
import { seeded as drawn } from './families-properties.ts'
import { distances, matrixOf, norm2, normal, rowsOf, uniform } from './families-support.ts'
import { decayWithRemainder, families, inputShape } from './families-table.ts'

test('the spectral bound is above the norm, and close to it, at any scale and shape', () => {
  for (let draw = 0; draw < 200; draw++) {
    const random = uniform(draw)
    const [rows, columns] = [1 + Math.floor(7 * random()), 1 + Math.floor(7 * random())]
    const scale = 10 ** (60 * (random() - 0.5))
    const w = Array.from({ length: rows }, () => Array.from({ length: columns }, () => scale * normal(random)))
    const ratio = spectralBound(w.flat(), rows, columns) / norm2(w)
    // the reference is right to some ulp; the bound is n^{1/4096} above at most
    expect(ratio).toBeGreaterThan(1 - 1e-14)
    expect(ratio).toBeLessThan(7 ** (1 / 4096) * (1 + 1e-11))
  }
  expect(spectralBound([Number.NaN, 1], 1, 2)).toBe(Number.POSITIVE_INFINITY)
})

test('circularBound: two axes and several channels, against the matrix of the convolution', () => {
  const random = uniform(3)
  const [grid, taps, channels] = [[4, 3], [3, 2], 2] as const
  const kernel = Array.from({ length: 24 }, () => normal(random))
  const matrix = Array.from({ length: 24 }, () => new Array<number>(24).fill(0))
  for (let p = 0; p < 12; p++)
    for (let t = 0; t < 6; t++) {
      const q = ((Math.floor(p / 3) + Math.floor(t / 2)) % 4) * 3 + ((p % 3) + (t % 2)) % 3 // prettier-ignore
      for (let i = 0; i < channels; i++)
        for (let o = 0; o < channels; o++) matrix[q * 2 + i]![p * 2 + o]! += kernel[t * 4 + i * 2 + o]!
    }
  const { bound, direction } = circularBound(kernel, [...taps, channels, channels], [...grid])
  const exact = norm2(matrix)
  expect(bound).toBeGreaterThanOrEqual(exact * (1 - 1e-14))
  expect(bound).toBeLessThan(exact * (1 + 4e-5))
  // the norm is positively homogeneous: its derivative along the kernel is itself
  expect(kernel.reduce((s, k, i) => s + k * direction[i]!, 0)).toBeCloseTo(exact, 4)
})

describe('what each is', () => {
  test('cayley is orthogonal, times the modulus', () => {
    const family = cayley({ size: 6, inputs: 1, modulus: 0.7, activation: 'identity', gain: 3 })
    const w = matrixOf(family, [1])
    for (let i = 0; i < 6; i++)
      for (let j = 0; j < 6; j++) {
        const product = w.reduce((s, row) => s + row[i]! * row[j]!, 0)
        // float32 entries of the inverse, doubled
        expect(Math.abs(product - (i === j ? 0.49 : 0))).toBeLessThan(6 * 2 ** -22)
      }
    expect(family.certificate.modulusNow!()).toBeGreaterThan(0.6999)
    family.dispose()
  })
  test('aol leaves orthogonal columns as they are, up to length', () => {
    const family = aol({ size: 3, inputs: 1, modulus: 0.5, activation: 'identity' })
    tf.tidy(() => family.variables['weight']!.assign(tf.tensor2d([[0, 2, 0], [-7, 0, 0], [0, 0, 1]]))) // prettier-ignore
    const want = [[0, 0.5, 0], [-0.5, 0, 0], [0, 0, 0.5]] // prettier-ignore
    matrixOf(family, [1]).flat().forEach((v, k) => expect(v).toBeCloseTo(want.flat()[k]!, 6)) // prettier-ignore
    family.dispose()
  })
  test('members below the limit are used as they are', () => {
    for (const make of [spectral, rowSum, perron]) {
      const family = make({ size: 3, inputs: 1, activation: 'identity', gain: 0.05 })
      expect(matrixOf(family, [1])).toEqual(family.variables['weight']!.arraySync())
      family.dispose()
    }
  })
  test('the slope of the activation is made use of: a sigmoid allows four times the norm', () => {
    const family = spectral({ size: 4, inputs: 1, modulus: 0.9, activation: 'sigmoid', gain: 100 })
    tf.tidy(() => {
      family.variables['bias']!.assign(tf.zeros([4]))
      const bound = family.bind(tf.zeros([1, 1]))
      const moved = tf.sub(bound.apply(tf.fill([1, 4], 1e-3)) as tf.Tensor, 0.5)
      expect(tf.max(tf.abs(moved)).dataSync()[0]).toBeGreaterThan(0)
    })
    const now = family.certificate.modulusNow!()
    expect(now).toBeGreaterThan(0.899)
    expect(now).toBeLessThanOrEqual(0.9)
    family.dispose()
  })
  test('stateDecay with a remainder promises a bounded state, no equilibrium', () => {
    const before = tf.memory().numTensors
    const family = decayWithRemainder()
    expect(family.certificate.property).toBe('bounded-state')
    expect(family.certificate.modulus).toBe(Number.POSITIVE_INFINITY)
    expect(family.certificate.statement).toContain('not promised')
    // the largest decay at the start is exp(−log 2) = ½, and the remainder adds its bound
    expect(family.certificate.modulusNow!()).toBeCloseTo(0.7, 3)
    const layer = equilibrium(family, { solver: family.solver(), maxSteps: 200 })
    expect(tf.tidy(() => layer.solve(tf.ones([3, 2])).stats.perSample.status.join())).toBe(
      'converged,converged,converged',
    )
    family.dispose()
    expect(tf.memory().numTensors).toBe(before)
  })
})

describe.for(families)('$name', (entry) => {
  test('the solution moves no faster than certified', () => {
    const random = drawn(`${entry.name} solution`, 1)
    const family = entry.make(random)
    const bound = family.certificate.solutionLipschitz?.() ?? Number.POSITIVE_INFINITY
    // metrics without one: Thompson's, and where equilibria need not be unique
    expect(bound < Number.POSITIVE_INFINITY).toBe(
      family.certificate.norm !== 'thompson' && family.certificate.property !== 'averaged',
    )
    if (bound < Number.POSITIVE_INFINITY)
      tf.tidy(() => {
        const shape = inputShape(entry, family)
        const x = tf.randomNormal([8, ...shape], 0, 1, 'float32', 1)
        const y = tf.add(x, tf.randomNormal([8, ...shape], 0, 0.3, 'float32', 2))
        const layer = equilibrium(family, { solver: family.solver(), tolerance: 1e-6, maxSteps: 5000 })
        const moved = distances(
          family.certificate,
          layer.solve(x).state as tf.Tensor,
          layer.solve(y).state as tf.Tensor,
        )
        const by = rowsOf(tf.sub(x, y)).map((row) => Math.hypot(...row))
        // stopped at 1e-6 relative, contracting by 0.95 or better in a norm whose weights reach a few
        moved.forEach((d, k) => expect(d).toBeLessThanOrEqual(bound * by[k]! * (1 + 1e-5) + 1e-3))
      })
    family.dispose()
  })
  test('the gradient in its weights is that of differences', () => {
    const random = drawn(`${entry.name} gradient`, 1)
    const family = entry.make(random)
    tf.tidy(() => {
      const shape = inputShape(entry, family)
      const x = tf.randomNormal([3, ...shape], 0, 1, 'float32', 1)
      const z = tf.abs(tf.randomNormal((family.bind(x).initial() as tf.Tensor).shape, 0, 1, 'float32', 2))
      const c = tf.randomNormal(z.shape, 0, 1, 'float32', 3)
      const loss = (): tf.Scalar => tf.sum(tf.mul(family.bind(x).apply(z) as tf.Tensor, c))
      const variables = Object.values(family.variables)
      // away from the start, where some are zero and their absolute values have kinks
      for (const [k, v] of variables.entries()) v.assign(tf.add(v, tf.randomNormal(v.shape, 0, 0.5, 'float32', 10 + k)))
      const { grads } = tf.variableGrads(loss, variables)
      for (const [k, variable] of variables.entries()) {
        const from = tf.clone(variable)
        const direction = tf.randomNormal(variable.shape, 0, 1, 'float32', 20 + k)
        const along = tf.sum(tf.mul(grads[variable.name]!, direction)).dataSync()[0]!
        const at = (h: number) => {
          variable.assign(tf.add(from, tf.mul(direction, h)))
          return loss().dataSync()[0]!
        }
        // relative to what a change of this size can do: truncation h², cancellation 2⁻²² / h, kinks of |·|
        const h = 2e-3
        const size = tf.norm(grads[variable.name]!).dataSync()[0]! * tf.norm(direction).dataSync()[0]!
        expect(Math.abs((at(h) - at(-h)) / (2 * h) - along)).toBeLessThan(0.01 * size + 5e-3)
        variable.assign(from)
      }
    })
    family.dispose()
  })
  test('a row does not depend on its batch mates, and NaN stays in its row', () => {
    const family = entry.make(drawn(`${entry.name} rows`, 0))
    tf.tidy(() => {
      const shape = inputShape(entry, family)
      const x = tf.randomNormal([3, ...shape], 0, 1, 'float32', 1)
      const layer = equilibrium(family, { solver: family.solver(), maxSteps: 300 })
      const [first, , third] = rowsOf(layer.solve(x).state as tf.Tensor)
      const spoilt = tf.concat([tf.slice(x, 0, 1), tf.fill([1, ...shape], Number.NaN), tf.slice(x, 2, 1)], 0)
      const { state, stats } = layer.solve(spoilt)
      const rows = rowsOf(state as tf.Tensor)
      expect([rows[0], rows[2]]).toEqual([first, third])
      expect(stats.perSample.status[1]).toBe('non-finite')
    })
    family.dispose()
  })
  test('weights that are not finite end as a status, not as an error', () => {
    const family = entry.make(drawn(`${entry.name} rows`, 0))
    tf.tidy(() => {
      for (const variable of Object.values(family.variables)) variable.assign(tf.fill(variable.shape, Number.NaN))
      const layer = equilibrium(family, { solver: family.solver(), maxSteps: 5 })
      const { stats } = layer.solve(tf.ones([2, ...inputShape(entry, family)]))
      expect(stats.perSample.status).toEqual(['non-finite', 'non-finite'])
    })
    family.dispose()
  })
})

test('options and inputs that cannot be are refused by name', () => {
  const sizes = { size: 3, inputs: 2 }
  expect(() => spectral({ ...sizes, size: 0 })).toThrow('not a size')
  expect(() => spectral({ ...sizes, modulus: 1 })).toThrow('out of range')
  expect(() => spectral({ ...sizes, gain: -1 })).toThrow('not a scale')
  expect(() => spectral({ ...sizes, activation: 'swish' as 'tanh' })).toThrow('no activation "swish"')
  expect(() => spectral({ ...sizes, activation: { name: 'jump', apply: (x) => x, lipschitz: 0 } })).toThrow('jump')
  expect(() => rowSum({ ...sizes, activation: 'maxMin' })).toThrow('each entry by itself')
  expect(() => perron({ ...sizes, activation: 'maxMin' })).toThrow('each entry by itself')
  expect(() => logNorm({ ...sizes, modulus: 1 })).toThrow('below 1')
  const steep = { name: 'steep', apply: (x: tf.Tensor) => tf.mul(x, 2), lipschitz: 2, increasing: true }
  expect(() => logNorm({ ...sizes, activation: steep })).toThrow('slope reaches 2')
  expect(() => logNorm({ ...sizes, activation: { ...steep, increasing: false } })).toThrow('is increasing')
  expect(() => positiveConcave({ ...sizes, activation: 'relu' as 'tanh' })).toThrow('no activation "relu"')
  expect(() => positiveConcave({ ...sizes, floor: 0 })).toThrow('floor')
  expect(() => subhomogeneous({ ...sizes, degree: 1 })).toThrow('degree')
  expect(() => subhomogeneous({ ...sizes, floor: -1 })).toThrow('floor')
  expect(() => firmlyNonexpansive({ ...sizes, matrix: 'qr' as 'aol' })).toThrow("'qr'")
  expect(() => circularConvolution({ grid: [2], channels: 1, inputs: 1 })).toThrow('none shorter')
  expect(() => circularConvolution({ grid: [4, 4, 4], channels: 1, inputs: 1 })).toThrow('one or two')
  expect(() => circularBound([1, 2, 3], [3, 1, 1], [2])).toThrow('does not fit')
  expect(() => stateDecay({ ...sizes, inputs: 0.5 })).toThrow('not a size')
  const metric = () => Float64Array.of(2, 1, 1, 3)
  expect(certifiedDistance({ norm: 'metric-2', metric }, [1, 0], [0, 2])).toBeCloseTo(Math.sqrt(2 - 4 + 12), 12)
  expect(() => certifiedDistance({ norm: 'metric-2' }, [1], [1])).toThrow('metric of 0')
  expect(() => certifiedDistance({ norm: '2' }, [1], [1, 2])).toThrow('states of 1 and 2 entries')
  tf.tidy(() => {
    for (const make of [spectral, rowSum, logNorm, positiveConcave, stateDecay]) {
      const family = make(sizes)
      expect(() => family.bind(tf.zeros([1, 3]))).toThrow('2 inputs')
      family.dispose()
    }
    const family = circularConvolution({ grid: [4], channels: 1, inputs: 1 })
    expect(() => family.bind(tf.zeros([1, 5, 1]))).toThrow('[batch, 4, 1]')
    family.dispose()
    const odd = spectral({ ...sizes, activation: 'maxMin' })
    expect(() => odd.bind(tf.zeros([1, 2])).apply(tf.zeros([1, 3]))).toThrow('pairs features')
    odd.dispose()
  })
})

test('regularLift: a radius outside (0, 1], a wrong shape', () => {
  const one = (x: tf.Tensor2D) => tf.onesLike(x)
  tf.tidy(() => {
    const x = tf.tensor2d([[1], [2]])
    expect(() => regularLift(one, one, { c: 1 })).toThrow('c: 1')
    expect(() => regularLift(one, (v) => tf.mul(v, 0.8)).bind(x)).toThrow('sample 1')
    expect(() => regularLift(one, () => tf.scalar(0.5)).bind(x)).toThrow('[batch, 1]')
    expect(() => regularLift(() => tf.ones([2]), one).bind(x)).toThrow('[batch, size]')
  })
})

test('every activation passes NaN on, on every backend', () => {
  const names = ['tanh', 'relu', 'identity', 'softplus', 'sigmoid', 'leakyRelu', 'maxMin'] as const
  for (const activation of names) {
    const family = spectral({ size: 2, inputs: 1, activation })
    const value = tf.tidy(() =>
      (family.bind(tf.tensor2d([[Number.NaN]])).apply(tf.zeros([1, 2])) as tf.Tensor).dataSync(),
    )
    expect(value.some(Number.isNaN)).toBe(true)
    family.dispose()
  }
})

test('maxMin keeps norms and has a gradient', () => {
  const family = spectral({ size: 4, inputs: 2, activation: 'maxMin', modulus: 0.8 })
  tf.tidy(() => {
    const layer = equilibrium(family, { solver: family.solver(), maxSteps: 200 })
    expect(layer.solve(tf.ones([2, 2])).status).toBe('converged')
    const bound = family.bind(tf.ones([1, 2]))
    const g = tf.grad((z: tf.Tensor) => tf.sum(bound.apply(z as tf.Tensor2D) as tf.Tensor))(tf.tensor2d([[1, 2, 3, 4]]))
    expect(tf.max(tf.abs(g)).dataSync()[0]).toBeGreaterThan(0)
  })
  family.dispose()
})
