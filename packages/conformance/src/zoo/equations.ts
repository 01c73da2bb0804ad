import * as tf from '@tensorflow/tfjs-core'
import {
  gaussian,
  type HostMap,
  matrix,
  newtonFixedPoint,
  resolventNorm,
  solveDense,
  identityMinus,
  spectralRadius,
  transpose,
} from './host.ts'
import { type ZooProblem, zooProblem } from './problem.ts'

const ones = (n: number): number[] => Array.from({ length: n }, () => 1)

/**
 * The Chandrasekhar H-equation of radiative transfer, by the midpoint rule with `n` points `μ_i = (i − ½)/n`:
 *
 * `H_i = (1 − c/(2n) Σ_j μ_i H_j / (μ_i + μ_j))⁻¹`, from `H = 1`.
 *
 * `I − J` becomes singular as the albedo `c → 1` (the two branches of solutions meet there); from 1 the smaller one is
 * found. Answers, both branches, by Newton in float64.
 *
 * @cite chandrasekhar1960
 * @cite kelley1980
 */
export function chandrasekhar(albedo: number, n = 100): ZooProblem {
  const points = Array.from({ length: n }, (_, i) => (i + 0.5) / n)
  const K = matrix(n, n, (i, j) => (albedo * points[i]!) / (2 * n * (points[i]! + points[j]!)))
  const map: HostMap = {
    apply: (H) => K.map((row) => 1 / (1 - row.reduce((s, k, j) => s + k * H[j]!, 0))),
    jacobian: (H) => map.apply(H).map((out, i) => K[i]!.map((k) => out * out * k)),
  }
  const answer = newtonFixedPoint(map, ones(n))
  // The other branch lies beyond, roughly along the answer itself; further off the smaller the albedo.
  const other = newtonFixedPoint(
    map,
    answer.map((v, i) => v * (1 + 6 * Math.sqrt(1 - albedo) * points[i]!)),
  )
  return zooProblem({
    name: `chandrasekhar-${albedo}`,
    summary: `The H-equation of radiative transfer, albedo ${albedo}: nearly singular as it tends to 1.`,
    source: 'Newton in float64',
    radius: spectralRadius(map.jacobian(answer)),
    picard: 'converges',
    parameters: [[1]],
    answers: [answer],
    also: [[other]],
    resolvent: resolventNorm(map.jacobian(answer)),
    start: (x) => tf.ones([x.shape[0], n]),
    maxSteps: 4000,
    constants: () => [tf.tensor2d(transpose(K))],
    // The parameter scales the albedo, so that there is something to differentiate in; it is 1.
    apply: (H, x, [Kt]) => tf.reciprocal(tf.sub(1, tf.mul(x, tf.matMul(H, Kt!)))),
  })
}

/** The two neighbours of every inner grid point, `0` outside: `z Sᵀ`, with `S` symmetric. */
const neighbours = (n: number): number[][] => matrix(n, n, (i, j) => Number(Math.abs(i - j) === 1))

/**
 * Bratu's problem `−u″ = λ eᵘ`, `u(0) = u(1) = 0`, on `n` inner points, as a Jacobi sweep:
 * `u_i = (u_{i−1} + u_{i+1} + h² λ e^{u_i}) / 2`, from `u = 0`. There are two solutions below the fold at
 * `λ = 3.5138`; from 0 the lower one is found. For `λ = 3`, `n = 31` the reference counts to an absolute residual of
 * `1e-8` in float64 are Picard 5760, Anderson (m = 5) 692, Broyden 121, Newton 4: `bratu_lam3_N31` of the truth file.
 * Both answers by Newton in float64.
 *
 * @cite bratu1914
 */
export function bratu(lambda: number, n = 31): ZooProblem {
  const h2 = 1 / (n + 1) ** 2
  const S = neighbours(n)
  const map: HostMap = {
    apply: (u) => u.map((v, i) => ((u[i - 1] ?? 0) + (u[i + 1] ?? 0) + h2 * lambda * Math.exp(v)) / 2),
    jacobian: (u) => S.map((row, i) => row.map((s, j) => (s + Number(i === j) * h2 * lambda * Math.exp(u[i]!)) / 2)),
  }
  const answer = newtonFixedPoint(map, u0(n))
  // The upper branch rises as λ falls: 4 sin πx leads to it at λ = 1, 2.5 sin πx at λ = 3.
  const other = newtonFixedPoint(
    map,
    answer.map((_, i) => (4.75 - 0.75 * lambda) * Math.sin((Math.PI * (i + 1)) / (n + 1))),
  )
  return zooProblem({
    name: `bratu-${lambda}`,
    summary: `Bratu's problem at λ = ${lambda}, a Jacobi sweep on ${n} points.`,
    source: 'Newton in float64',
    radius: spectralRadius(map.jacobian(answer)),
    picard: 'converges',
    parameters: [[lambda]],
    answers: [answer],
    also: [[other]],
    resolvent: resolventNorm(map.jacobian(answer)),
    maxSteps: 8000,
    constants: () => [tf.tensor2d(S)],
    apply: (u, x, [A]) => tf.mul(tf.add(tf.matMul(u, A!), tf.mul(tf.mul(x, h2), tf.exp(u))), 0.5),
  })
}
const u0 = (n: number): number[] => Array.from({ length: n }, () => 0)

/**
 * `−u″ = f` on 31 inner points as a Jacobi sweep; `f = 1`, so the answer on the grid is `x (1 − x)/2`. Radius
 * `cos πh = 0.99518`. Truth case `poisson_jacobi_1d`.
 */
export const poisson = (): ZooProblem => {
  const n = 31
  const h = 1 / (n + 1)
  return zooProblem({
    name: 'poisson',
    summary: 'A Jacobi sweep for −u″ = f on 31 points.',
    source: 'x (1 − x)/2',
    radius: Math.cos(Math.PI * h),
    picard: 'contractive',
    parameters: [ones(n)],
    answers: [ones(n).map((_, i) => ((i + 1) * h * (1 - (i + 1) * h)) / 2)],
    resolvent: 1 / (1 - Math.cos(Math.PI * h)),
    lipschitz: Math.cos(Math.PI * h),
    maxSteps: 4000,
    constants: () => [tf.tensor2d(neighbours(n))],
    apply: (u, f, [S]) => tf.mul(tf.add(tf.matMul(u, S!), tf.mul(f, h * h)), 0.5),
  })
}

/**
 * `−u″ − k² u = f` on 15 inner points at `k² = 20`, as a Jacobi sweep:
 * `u_i = (u_{i−1} + u_{i+1} + h² f_i) / (2 − k² h²)`. Indefinite, radius 1.0207: Picard diverges. `f` is noise, so that
 * every mode is there. Answer by elimination in float64. Truth case `helmholtz_jacobi`.
 */
export const helmholtz = (): ZooProblem => {
  const [n, k2] = [15, 20]
  const h = 1 / (n + 1)
  const d = 2 - k2 * h * h
  const random = gaussian(21)
  const f = ones(n).map(random)
  const A = neighbours(n).map((row) => row.map((v) => v / d))
  return zooProblem({
    name: 'helmholtz',
    summary: 'A Jacobi sweep for an indefinite Helmholtz equation.',
    source: 'Gaussian elimination in float64',
    radius: (2 * Math.cos(Math.PI * h)) / d,
    picard: 'fails',
    parameters: [f],
    answers: [
      solveDense(
        identityMinus(A),
        f.map((v) => (h * h * v) / d),
      ),
    ],
    resolvent: resolventNorm(A),
    constants: () => [tf.tensor2d(A)],
    apply: (u, x, [S]) => tf.add(tf.matMul(u, S!), tf.mul(x, (h * h) / d)),
  })
}

/**
 * `z = tanh(g W z + x)`, 64 units, `W` of normal numbers over `√64`: spectral radius near `g` without the activation.
 * Three inputs. Answers by Newton in float64, followed from `g = 0` so that a gain above 1 ends on the same branch.
 */
export function tanhLayer(gain: number, n = 64): ZooProblem {
  const random = gaussian(31)
  const W = matrix(n, n, () => random() / Math.sqrt(n))
  const parameters = matrix(3, n, () => random())
  const at = (g: number, x: readonly number[]): HostMap => {
    const apply = (z: readonly number[]) =>
      W.map((row, i) => Math.tanh(x[i]! + g * row.reduce((s, w, j) => s + w * z[j]!, 0)))
    return {
      apply,
      jacobian: (z) => apply(z).map((a, i) => W[i]!.map((w) => (1 - a * a) * g * w)),
    }
  }
  const answers = parameters.map((x) => {
    let z = u0(n)
    for (let part = 1; part <= 8; part++) z = newtonFixedPoint(at((gain * part) / 8, x), z)
    return z
  })
  const jacobians = answers.map((z, i) => at(gain, parameters[i]!).jacobian(z))
  const radius = Math.max(...jacobians.map(spectralRadius))
  return zooProblem({
    name: `tanh-layer-${gain}`,
    summary: `A deep-equilibrium layer of 64 units, gain ${gain}.`,
    source: 'Newton in float64',
    radius,
    picard: radius < 1 ? 'converges' : 'fails',
    parameters,
    answers,
    resolvent: Math.max(...jacobians.map(resolventNorm)),
    constants: () => [tf.tensor2d(transpose(W.map((row) => row.map((w) => w * gain))))],
    apply: (z, x, [Wt]) => tf.tanh(tf.add(tf.matMul(z, Wt!), x)),
  })
}
