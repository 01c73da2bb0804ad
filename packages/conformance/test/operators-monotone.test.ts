import * as tf from '@tensorflow/tfjs-core'
import { expect, test } from 'vitest'
import type { BackwardStats, Operator } from '@equilibria/spec'
import { EquilibriaError, equilibrium } from '@equilibria/core'
import { implicit, unrolled } from '@equilibria/implicit-diff'
import { type CertifiedOperator, lben, monotone, monotoneConvolution } from '@equilibria/operators'
import { peacemanRachford, picard } from '@equilibria/solvers'
import { leakless, off, slopes, solveDense } from './deriv-support.ts'

/* Gradients through Peaceman–Rachford, forward and adjoint, against float64 central differences of a host model. */

type Parameters = Readonly<Record<string, readonly number[]>>
/** `z ↦ G(z)` of one sample, in float64. */
type HostMap = (p: Parameters, x: readonly number[]) => (z: readonly number[]) => number[]

const sigmas = {
  relu: (v: number) => Math.max(v, 0),
  tanh: Math.tanh,
  sigmoid: (v: number) => 1 / (1 + Math.exp(-v)),
} as const
const range = (n: number): readonly number[] => Array.from({ length: n }, (_, i) => i)
const sum = (n: number, f: (k: number) => number): number => range(n).reduce((s, k) => s + f(k), 0)

/** `(I − ∂G/∂z)⁻¹` at `z`, by central differences, as a function on vectors. */
function newtonStep(G: (z: readonly number[]) => number[], z: readonly number[]): (r: readonly number[]) => number[] {
  const columns = z.map((_, j) => {
    const moved = (d: number) => G(z.map((v, i) => (i === j ? v + d : v)))
    const [up, down] = [moved(1e-6), moved(-1e-6)]
    return up.map((v, i) => (v - down[i]!) / 2e-6)
  })
  const system = z.map((_, i) => z.map((_, j) => Number(i === j) - columns[j]![i]!))
  const inverse = z.map((_, k) =>
    solveDense(
      system,
      z.map((_, i) => Number(i === k)),
    ),
  )
  return (r) => r.map((_, i) => sum(r.length, (k) => inverse[k]![i]! * r[k]!))
}

/** Newton's method on `G(z) = z` with the Jacobian of a point nearby: its own errors correct themselves. */
function equilibrium64(
  G: (z: readonly number[]) => number[],
  start: readonly number[],
  step: (r: readonly number[]) => number[],
): number[] {
  let z = [...start]
  for (let k = 0; k < 40; k++) {
    const value = G(z)
    const residual = value.map((v, i) => v - z[i]!)
    if (Math.max(...residual.map(Math.abs)) < 1e-13) return z
    z = step(residual).map((d, i) => z[i]! + d)
  }
  expect(Math.max(...G(z).map((v, i) => Math.abs(v - z[i]!)))).toBeLessThan(1e-11)
  return z
}

/** The gradient of `Σ sin(i + 1) zᵢ` in every parameter and in the input, against the host. */
function checkGradients<S extends tf.Tensor>(
  operator: CertifiedOperator<S, S>,
  x: S,
  host: HostMap,
  tolerance: number,
): void {
  const reports: BackwardStats[] = []
  const layer = equilibrium(operator as unknown as Operator<tf.Tensor, tf.Tensor>, {
    solver: operator.solver(),
    gradient: implicit({ solver: peacemanRachford(), tolerance: 5e-6, maxSteps: 1000 }),
    tolerance: 1e-6,
    maxSteps: 2000,
  })
  const inner = (z: tf.Tensor) =>
    tf.sum(tf.mul(z, tf.sin(tf.reshape(tf.range(1, z.size + 1, 1), z.shape)))) as tf.Scalar
  const variable = tf.variable(x)
  const names = Object.keys(operator.variables)
  const { grads } = tf.variableGrads(
    () => inner(layer.solve(variable, { onBackward: (b) => reports.push(b) }).state),
    [...Object.values(operator.variables), variable],
  )
  expect(reports[0]!.residual).toBeLessThan(2e-5)
  const found = layer.solve(x)
  expect(found.stats.residual).toBeLessThan(2e-5)
  const start = Array.from(found.state.dataSync())
  const batch = x.shape[0]!
  const [nx, nz] = [x.size / batch, start.length / batch]
  const parameters = Object.fromEntries(
    names.map((name) => [name, Array.from(operator.variables[name]!.dataSync()) as readonly number[]]),
  )
  const flatX = Array.from(x.dataSync())
  const part = (flat: readonly number[], b: number, n: number) => flat.slice(b * n, (b + 1) * n)
  const steps = range(batch).map((b) => newtonStep(host(parameters, part(flatX, b, nx)), part(start, b, nz)))
  const lossAt = (p: Parameters, flat: readonly number[]): number =>
    range(batch).reduce((total, b) => {
      const z = equilibrium64(host(p, part(flat, b, nx)), part(start, b, nz), steps[b]!)
      return total + sum(nz, (i) => Math.sin(b * nz + i + 1) * z[i]!)
    }, 0)
  for (const name of names) {
    const want = slopes((values) => lossAt({ ...parameters, [name]: values }, flatX), parameters[name]!)
    expect(off(grads[operator.variables[name]!.name]!, want), name).toBeLessThan(tolerance)
    expect(Math.max(...want.map(Math.abs)), name).toBeGreaterThan(1e-3)
  }
  expect(
    off(
      grads[variable.name]!,
      slopes((values) => lossAt(parameters, values), flatX),
    ),
  ).toBeLessThan(tolerance)
  variable.dispose()
}

const dense = (
  W: (p: Parameters, i: number, j: number) => number,
  sigma: (v: number) => number,
  n: number,
): HostMap => {
  return (p, x) => {
    const w = range(n * n).map((k) => W(p, Math.floor(k / n), k % n))
    const into = range(n).map((j) => p['bias']![j]! + sum(x.length, (k) => x[k]! * p['U']![k * n + j]!))
    return (z) => range(n).map((j) => sigma(into[j]! + sum(n, (k) => z[k]! * w[k * n + j]!)))
  }
}
const X = () =>
  tf.tensor2d([
    [0.7, -0.4],
    [-0.3, 1.1],
  ])

// Forward and adjoint residuals of 1e-6 to 2e-5 (float32 with ‖I − W‖ of about 10), times (1 + L)/m of about 20.
const TOLERANCE = 5e-4

test.each(['relu', 'tanh', 'sigmoid'] as const)('monotone, %s: A, B, U, b and x', (activation) =>
  leakless(() => {
    const [n, m] = [3, 0.5]
    const operator = monotone({ size: n, inputs: 2, modulus: m, gain: 2, activation, seed: 3 })
    tf.tidy(() => operator.variables['bias']!.assign(tf.tensor1d([0.3, -0.2, 0.6])))
    const lost = equilibrium(operator, { solver: picard(), tolerance: 1e-6, maxSteps: 200 }).solve(X())
    if (activation === 'relu') expect(lost.status).not.toBe('converged')
    const W = (p: Parameters, i: number, j: number) => {
      const { A, B } = p as { A: readonly number[]; B: readonly number[] }
      return (i === j ? 1 - m : 0) - sum(n, (k) => A[k * n + i]! * A[k * n + j]!) + B[i * n + j]! - B[j * n + i]!
    }
    checkGradients(operator, X(), dense(W, sigmas[activation], n), TOLERANCE)
    operator.dispose()
  }),
)

test.each([undefined, 1.5])('LBEN, γ = %s: V, S, ψ, U, b and x', (gamma) =>
  leakless(() => {
    const [n, margin, spread] = [3, 0.5, 4]
    const operator = lben({
      size: n,
      inputs: 2,
      margin,
      spread,
      gain: 1.5,
      activation: 'tanh',
      seed: 5,
      ...(gamma === undefined ? {} : { lipschitz: gamma }),
    })
    const W = (p: Parameters, i: number, j: number) => {
      const { V, S, psi, U } = p as Record<'V' | 'S' | 'psi' | 'U', readonly number[]>
      const scale = (k: number) => Math.exp(Math.log(spread) * Math.tanh(psi[k]!))
      const eye = Number(i === j)
      let M = sum(n, (k) => V[k * n + i]! * V[k * n + j]!) + margin * eye + S[i * n + j]! - S[j * n + i]!
      if (gamma !== undefined)
        M += (eye + sum(2, (k) => U[k * n + i]! * U[k * n + j]!) / (scale(i) * scale(j))) / (2 * gamma)
      return eye - M * scale(j)
    }
    checkGradients(operator, X(), dense(W, Math.tanh, n), TOLERANCE)
    operator.dispose()
  }),
)

test('monotone convolution: A, B, g, h, U, b and x', () =>
  leakless(() => {
    const [h, w, C, m, k] = [3, 4, 2, 0.5, 3]
    const operator = monotoneConvolution({
      height: h,
      width: w,
      channels: C,
      inputs: C,
      modulus: m,
      gain: 1.5,
      activation: 'tanh',
      seed: 8,
    })
    const wrap = (i: number, n: number) => ((i % n) + n) % n
    const convolve = (z: readonly number[], kernel: (i: number, j: number, a: number, b: number) => number): number[] =>
      range(h * w * C).map((at) => {
        const [y, x, b] = [Math.floor(at / (w * C)), Math.floor(at / C) % w, at % C]
        let total = 0
        for (let i = 0; i < k; i++)
          for (let j = 0; j < k; j++)
            for (let a = 0; a < C; a++)
              total += z[(wrap(y + i - 1, h) * w + wrap(x + j - 1, w)) * C + a]! * kernel(i, j, a, b)
        return total
      })
    const host: HostMap = (p, x) => {
      const of = (name: string, scale: number) => {
        const values = p[name]!
        const size = Math.sqrt(sum(values.length, (i) => values[i]! ** 2))
        return (i: number, j: number, a: number, b: number) =>
          (scale / (name === 'U' ? 1 : size)) * values[((i * k + j) * C + a) * C + b]!
      }
      const [A, B] = [of('A', p['g']![0]!), of('B', p['h']![0]!)]
      const flip =
        (f: typeof A): typeof A =>
        (i, j, a, b) =>
          f(k - 1 - i, k - 1 - j, b, a)
      const into = convolve(x, of('U', 1)).map((v, i) => v + p['bias']![i % C]!)
      return (z) => {
        const [gram, one, two] = [convolve(convolve(z, A), flip(A)), convolve(z, B), convolve(z, flip(B))]
        return z.map((v, i) => Math.tanh((1 - m) * v - gram[i]! + one[i]! - two[i]! + into[i]!))
      }
    }
    const x = tf.tensor4d(
      range(h * w * C).map((i) => Math.sin(3 * i + 1)),
      [1, h, w, C],
    )
    checkGradients(operator, x, host, TOLERANCE)
    operator.dispose()
  }))

test('unrolling a resolvent is refused with a name', () =>
  leakless(() => {
    const operators = [
      [monotone({ size: 3, inputs: 2 }), () => tf.ones([1, 2])],
      [monotoneConvolution({ height: 3, width: 3, channels: 1, inputs: 1 }), () => tf.ones([1, 3, 3, 1])],
    ] as const
    for (const [operator, x] of operators) {
      const layer = equilibrium(operator as unknown as Operator<tf.Tensor, tf.Tensor>, {
        solver: operator.solver(),
        gradient: unrolled(),
      })
      try {
        tf.grad((t: tf.Tensor) => tf.sum(layer.solve(t).state))(x())
        expect.unreachable()
      } catch (error) {
        expect(EquilibriaError.is(error) && error.code).toBe('gradient')
      }
      operator.dispose()
    }
  }))
