import * as tf from '@tensorflow/tfjs-core'
import type { Operator } from '@equilibria/spec'
import { scoped } from '@equilibria/tensor'
import type { LpInput } from '../graph/input.ts'
import { sparseProduct } from '../graph/sparse-product.ts'
import { affine, channels, clip, product, stack } from './dense.ts'
import { gaussian, type Parameters, type Shapes, createParameters } from './parameters.ts'
import { type Scaled, scaleProgram } from './primal-dual-scaling.ts'

/** How large the two networks are. */
export interface PrimalDualSizes {
  /** Hidden units of the network on the variables. */
  readonly variableHidden: number
  /** Hidden units of the network on the constraints. */
  readonly constraintHidden: number
  /** Channels that a node remembers from step to step, `k`. */
  readonly memory: number
  /** Channels that a node sends, `p`. */
  readonly messages: number
}

/** Every leaf in scaled units, `[batch, …]`. */
export type PrimalDualState = {
  /** `[batch, n]`, in `[−1, 1]` between the bounds; and its last change. */
  readonly primal: tf.Tensor2D
  readonly primalMove: tf.Tensor2D
  /** `[batch, m]`, at most 0 on inequalities; and its last change. */
  readonly dual: tf.Tensor2D
  readonly dualMove: tf.Tensor2D
  /** `[batch, k, n]` */
  readonly variableMemory: tf.Tensor3D
  /** `[batch, k, m]` */
  readonly constraintMemory: tf.Tensor3D
  /** What the constraints sent last, `[batch, p, m]`. */
  readonly messages: tf.Tensor3D
}

/** The same, channels first: `[channels, batch · nodes]`. */
export interface PrimalDualNodes {
  readonly primal: tf.Tensor2D
  readonly primalMove: tf.Tensor2D
  readonly dual: tf.Tensor2D
  readonly dualMove: tf.Tensor2D
  readonly variableMemory: tf.Tensor2D
  readonly constraintMemory: tf.Tensor2D
  readonly messages: tf.Tensor2D
}

const [VARIABLE_FEATURES, CONSTRAINT_FEATURES] = [7, 7]

export function primalDualShapes({ variableHidden, constraintHidden, memory, messages }: PrimalDualSizes): Shapes {
  const extra = memory + messages
  return {
    'variables.0.weight': [variableHidden, VARIABLE_FEATURES + extra + 1], // last column: bias
    'variables.2.weight': [3 + extra, variableHidden],
    'variables.2.bias': [3 + extra],
    'constraints.0.weight': [constraintHidden, CONSTRAINT_FEATURES + extra + 1],
    'constraints.2.weight': [2 + extra, constraintHidden],
    'constraints.2.bias': [2 + extra],
  }
}

/** Step sizes that work before any training (`τ ≈ 0.5`, `σ ≈ 1.6`, little momentum), gates nearly constant. */
export function primalDualParameters(sizes: PrimalDualSizes, seed: number): Parameters {
  const random = gaussian(seed)
  const start: Readonly<Record<string, readonly number[]>> = {
    'variables.2.bias': [-2, -2, 0],
    'constraints.2.bias': [-1, -2],
  }
  return createParameters(primalDualShapes(sizes), (shape, name) => {
    if (shape.length === 1) return Float32Array.from({ length: shape[0]! }, (_, i) => start[name]?.[i] ?? 0)
    const scale = (name.includes('.2.') ? 0.3 : 1) / Math.sqrt(shape[1]!)
    return Float32Array.from({ length: shape[0]! * shape[1]! }, () => scale * random())
  })
}

/* Ranges of the step sizes and of what the networks see; generous for programs in their own units. Whatever goes from
 * step to step through a network is bounded: messages that are not can feed on themselves until they overflow. */
const [PRIMAL_STEP, DUAL_STEP, SEEN, SEEN_DUAL, MEMORY, MESSAGE] = [4, 6, 4, 8, 3, 4]

/** The bound map on the layout it computes in, and the way from and to states. */
export interface PrimalDualMap {
  readonly scaled: Scaled
  start(): PrimalDualNodes
  step(state: PrimalDualNodes): PrimalDualNodes
  toState(nodes: PrimalDualNodes): PrimalDualState
  toNodes(state: PrimalDualState): PrimalDualNodes
}

export function primalDualMap(weights: Parameters, sizes: PrimalDualSizes, input: LpInput): PrimalDualMap {
  const scaled = scaleProgram(input)
  const { graph, matrix, squared, cost, right, equality } = scaled
  const [batch, n] = input.c.shape
  const m = input.b.shape[1]
  const [N, M] = [batch * n, batch * m]
  const weight = (name: string) => weights[name]!
  const { memory: k, messages: p } = sizes
  const up = (x: tf.Tensor, values = matrix) => sparseProduct(graph, values, x, 'constraints')
  const down = (x: tf.Tensor, values = matrix) => sparseProduct(graph, values, x, 'variables')
  const network = (side: 'variables' | 'constraints', x: readonly tf.Tensor[]) => {
    const hidden = tf.relu(product(weight(`${side}.0.weight`), stack(x)))
    return affine(weight(`${side}.2.weight`), weight(`${side}.2.bias`), hidden)
  }
  const gate = (out: tf.Tensor2D, i: number, top: number): tf.Tensor =>
    top === 1 ? tf.sigmoid(channels(out, i, 1)) : tf.mul(tf.sigmoid(channels(out, i, 1)), top)
  const remember = (old: tf.Tensor, out: tf.Tensor2D, from: number) =>
    clip(tf.add(tf.mul(old, 0.5), channels(out, from, k)), MEMORY)

  const costSize = tf.abs(cost)
  const rightSize = tf.abs(clip(right, SEEN_DUAL))
  const [ones, constraintOnes] = [tf.ones([1, N]), tf.ones([1, M])]
  const columnSize = down(constraintOnes, squared)
  const inequality = tf.sub(1, equality)
  const ceiling = tf.mul(equality, 1e9) // multipliers: free on equalities, at most 0 on inequalities

  return {
    scaled,
    start: () => ({
      primal: tf.zeros([1, N]),
      primalMove: tf.zeros([1, N]),
      dual: tf.zeros([1, M]),
      dualMove: tf.zeros([1, M]),
      variableMemory: tf.zeros([k, N]),
      constraintMemory: tf.zeros([k, M]),
      messages: tf.zeros([p, M]),
    }),
    step: (s) =>
      scoped(() => {
        const reduced = tf.sub(cost, down(s.dual))
        const seenCost = clip(reduced, SEEN)
        const v = network('variables', [
          costSize,
          tf.abs(seenCost),
          tf.abs(s.primal),
          tf.mul(s.primal, seenCost),
          tf.abs(s.primalMove),
          tf.mul(s.primalMove, seenCost),
          columnSize,
          down(s.messages, squared),
          s.variableMemory,
          ones,
        ])
        const drift = tf.sub(tf.mul(gate(v, 1, 1), s.primalMove), tf.mul(gate(v, 0, PRIMAL_STEP), reduced))
        const primal = clip(tf.add(s.primal, drift), 1)
        const primalMove = tf.sub(primal, s.primal) as tf.Tensor2D
        const ahead = tf.add(primal, tf.mul(gate(v, 2, 2), primalMove))

        const residual = tf.sub(right, up(ahead))
        const seenResidual = clip(residual, SEEN)
        const seenMove = clip(s.dualMove, SEEN)
        const w = network('constraints', [
          rightSize,
          equality,
          tf.abs(seenResidual),
          tf.mul(inequality, seenResidual),
          tf.abs(clip(s.dual, SEEN_DUAL)),
          tf.abs(seenMove),
          tf.mul(seenMove, seenResidual),
          up(clip(channels(v, 3 + k, p), MESSAGE), squared),
          s.constraintMemory,
          constraintOnes,
        ])
        const push = tf.add(tf.mul(gate(w, 0, DUAL_STEP), residual), tf.mul(gate(w, 1, 1), s.dualMove))
        const dual = tf.minimum(tf.add(s.dual, push), ceiling) as tf.Tensor2D
        return {
          primal,
          primalMove,
          dual,
          dualMove: tf.sub(dual, s.dual) as tf.Tensor2D,
          variableMemory: remember(s.variableMemory, v, 3),
          constraintMemory: remember(s.constraintMemory, w, 2),
          messages: clip(channels(w, 2 + k, p), MESSAGE),
        }
      }),
    toState: (s) => {
      const flat = (t: tf.Tensor2D, nodes: number) => tf.reshape(t, [batch, nodes]) as tf.Tensor2D
      const deep = (t: tf.Tensor2D, nodes: number) =>
        tf.transpose(tf.reshape(t, [t.shape[0], batch, nodes]), [1, 0, 2]) as tf.Tensor3D
      return {
        primal: flat(s.primal, n),
        primalMove: flat(s.primalMove, n),
        dual: flat(s.dual, m),
        dualMove: flat(s.dualMove, m),
        variableMemory: deep(s.variableMemory, n),
        constraintMemory: deep(s.constraintMemory, m),
        messages: deep(s.messages, m),
      }
    },
    toNodes: (s) => {
      const flat = (t: tf.Tensor2D) => tf.reshape(t, [1, t.size]) as tf.Tensor2D
      const deep = (t: tf.Tensor3D) =>
        tf.reshape(tf.transpose(t, [1, 0, 2]), [t.shape[1], t.shape[0] * t.shape[2]]) as tf.Tensor2D
      return {
        primal: flat(s.primal),
        primalMove: flat(s.primalMove),
        dual: flat(s.dual),
        dualMove: flat(s.dualMove),
        variableMemory: deep(s.variableMemory),
        constraintMemory: deep(s.constraintMemory),
        messages: deep(s.messages),
      }
    },
  }
}

/**
 * A learned primal–dual method for linear programs, as an operator.
 *
 * One step is one of PDHG with momentum, in the program's own units, `min c·u, A u ∘ b, |u| ≤ 1`:
 *
 * `u⁺ = clip(u − τ (c − Aᵀλ) + β Δu)`, `λ⁺ = P(λ + σ (b − A (u⁺ + θ (u⁺ − u))) + γ Δλ)`,
 *
 * where `P` keeps multipliers of `≤` rows at most 0, and every variable and constraint gets its own `τ, β, θ, σ, γ` at
 * every step from two small networks. These see only quantities that do not change when a variable or a row changes
 * its sign or the program its scale, remember `k` channels, and talk over the squared matrix. As `τ, σ > 0`, the
 * primal and dual parts of every fixed point satisfy the optimality conditions of the program, whatever the weights:
 * training decides how fast they are found, not what they are.
 *
 * Not for programs with infinite bounds. Nothing makes the map a contraction: look at the residual.
 *
 * @cost per step one product with `A`, one with `Aᵀ`, one with the squared matrix each way, and two dense layers per
 * side
 * @throws EquilibriaError when leaves do not belong together, or bounds are infinite or crossed
 * @cite chambolle2011, liu2026
 */
export function primalDualOperator(weights: Parameters, sizes: PrimalDualSizes): Operator<PrimalDualState, LpInput> {
  return {
    kind: 'operator',
    spec: 1,
    name: 'lp/primal-dual',
    traits: { rowwise: true },
    bind: (input) => {
      const map = primalDualMap(weights, sizes, input)
      return {
        initial: () => map.toState(map.start()),
        apply: (state) => scoped(() => map.toState(map.step(map.toNodes(state)))),
      }
    },
  }
}

/** From a state to the answer, `[batch, n]`, and to the multipliers of the rows, `c = Aᵀλ + reduced costs`. */
export function primalDualDecoder(input: LpInput): {
  primal(state: Pick<PrimalDualState, 'primal'>): tf.Tensor2D
  dual(state: Pick<PrimalDualState, 'dual'>): tf.Tensor2D
} {
  const { centre, half, dualUnit } = scaleProgram(input)
  return {
    primal: (state) => scoped(() => tf.add(centre, tf.mul(half, state.primal)) as tf.Tensor2D),
    dual: (state) => scoped(() => tf.mul(dualUnit, state.dual) as tf.Tensor2D),
  }
}
