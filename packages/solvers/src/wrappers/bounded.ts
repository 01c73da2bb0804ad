import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError, leaves, packing, scoped } from '@equilibria/tensor'
import type { Memory, Problem, Solver, TensorTree, Vector } from '@equilibria/spec'
import { wrapped } from './inherit.ts'

/**
 * One bound: a number for every entry, one number per packed entry (`size` of them), or a state of bounds: a tree of tensors like
 * the operator's state, `[batch, …]`, or `[1, …]` for all samples alike. Tensors are borrowed.
 */
export type StateBound = number | readonly number[] | TensorTree
export interface BoundedOptions {
  /** Default `−Infinity`: none. */
  readonly lower?: StateBound
  /** Default `Infinity`: none. */
  readonly upper?: StateBound
}
/** The method's memory, and the bounds that differ from entry to entry, `[batch, size]`. */
export interface BoundedMemory {
  readonly [key: string]: Memory
  readonly inner: Memory
  readonly lower: number | Vector
  readonly upper: number | Vector
}

/**
 * The same method on the projected map `z ↦ P(G(P(z)))`, `P` the projection on the box `lower ≤ z ≤ upper`, entry by
 * entry; what the method proposes is projected as well.
 *
 * Every state from the second on lies in the box, and the residual reported is that of the projected map: it vanishes where
 * `z = P(G(z))`. For `G(z) = z − α ∇f(z)` that is the minimiser of `f` in the box (projected gradients); a fixed point of `G` inside the box stays one.
 * `P` is nonexpansive, so a contraction stays one. Not for constraints that couple entries: put their projection into `G`.
 * Splittings are not passed on, since they describe `G` and not `P ∘ G`.
 *
 * Gradients are those of the projected map: an entry that is held by its bound does not move.
 *
 * @cost what `solver` costs; 2 vectors where bounds are not plain numbers
 * @throws EquilibriaError `option` when a lower bound is above its upper bound or a bound is NaN; `shape` (when a solve starts)
 * when bounds do not fit the state
 * @cite goldstein1964
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson, bounded } from '@equilibria/solvers'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const { state } = equilibrium(half, { solver: bounded(anderson(), { lower: 0, upper: 3 }) }).solve(tf.tensor2d([[1, 2, -1]]))
 * console.log(state.dataSync()) // [2, 3, 0], where without bounds it is [2, 4, -2]
 * ```
 */
export function bounded(
  solver: Solver,
  { lower = Number.NEGATIVE_INFINITY, upper = Number.POSITIVE_INFINITY }: BoundedOptions,
): Solver {
  // Bounds that are numbers are judged now, tensors when a solve starts.
  for (const bound of [lower, upper])
    if (Number.isNaN(bound) || (isList(bound) && bound.some(Number.isNaN)))
      throw new EquilibriaError(
        'option',
        'bounded() got a bound that is NaN.',
        'Leave a bound out where there is none.',
      )
  if (typeof lower === 'number' && typeof upper === 'number' && !(lower <= upper))
    throw new EquilibriaError(
      'option',
      `bounded({ lower: ${lower}, upper: ${upper} }) leaves nothing.`,
      'Pass lower ≤ upper.',
    )
  const boxOf = (problem: Problem) => {
    const box = { lower: spread(lower, problem, 'lower'), upper: spread(upper, problem, 'upper') }
    if (typeof box.lower !== 'number' || typeof box.upper !== 'number') {
      const fits = scoped(() => tf.all(tf.lessEqual(box.lower, box.upper)).dataSync()[0])
      if (!fits)
        throw new EquilibriaError(
          'option',
          'bounded() got a lower bound that is not ≤ its upper bound.',
          'Pass lower ≤ upper in every entry.',
        )
    }
    return box
  }
  const start = (problem: Problem, inner: (inside: Problem) => Memory): BoundedMemory => {
    const box = boxOf(problem)
    return { inner: inner(projected(problem, box)), ...box }
  }
  const wrap = (solver: Solver) => {
    const inside: Pick<Solver<BoundedMemory>, 'init' | 'step' | 'resume' | 'suits' | 'solves'> = {
      ...(solver.suits ? { suits: ({ splitting: _, ...rest }) => solver.suits!(rest) } : {}),
      solves: (problem) => projected(solver.solves?.(problem) ?? problem, boxOf(problem)),
      init: (problem, z) => start(problem, (inside) => solver.init(inside, z)),
      step(problem, z, { inner, lower: low, upper: high }) {
        const box = { lower: low, upper: high }
        const step = solver.step(projected(problem, box), z, inner)
        return { next: clip(step.next, box), residual: step.residual, memory: { inner: step.memory, ...box } }
      },
      ...(solver.resume
        ? { resume: (problem, z, { inner }) => start(problem, (inside) => solver.resume!(inside, z, inner)) }
        : {}),
    }
    return inside as unknown as Solver
  }
  return wrapped(solver, (name) => `bounded(${name})`, wrap)
}

interface Box {
  readonly lower: number | Vector
  readonly upper: number | Vector
}

/** Comparisons are false on NaN, which therefore stays; `maximum` hides it on some backends. */
function clip(z: Vector, { lower, upper }: Box): Vector {
  const raised = lower === Number.NEGATIVE_INFINITY ? z : (tf.where(tf.less(z, lower), lower, z) as Vector)
  return upper === Number.POSITIVE_INFINITY ? raised : (tf.where(tf.greater(raised, upper), upper, raised) as Vector)
}

/** `z ↦ P(G(P(z)))`, with its derivative: 0 across a bound that is passed, and on it. */
function projected({ batch, size, traits, kernels, apply, linearize }: Problem, box: Box): Problem {
  const inside = (v: Vector, at: Vector) => {
    const within = tf.logicalAnd(tf.greaterEqual(at, box.lower), tf.lessEqual(at, box.upper))
    return tf.where(within, v, tf.zerosLike(v)) as Vector
  }
  return {
    batch,
    size,
    traits: {
      ...(traits.lipschitz === undefined ? {} : { lipschitz: traits.lipschitz }),
      ...(traits.rowwise === undefined ? {} : { rowwise: traits.rowwise }),
    },
    kernels,
    apply: (z) => clip(apply(clip(z, box)), box),
    linearize(z) {
      const frozen = linearize(clip(z, box))
      const value = clip(frozen.value, box)
      return {
        value,
        vjp: (u) => scoped(() => inside(frozen.vjp(inside(u, frozen.value)), z)),
        jvp: (v) => scoped(() => inside(frozen.jvp(inside(v, z)), frozen.value)),
        dispose() {
          if (value !== frozen.value) value.dispose()
          frozen.dispose()
        },
      }
    },
  }
}

const isList = (bound: StateBound): bound is readonly number[] =>
  Array.isArray(bound) && bound.every((v) => typeof v === 'number')

/** A bound as the problem sees it: a number, or `[batch, size]`, which follows its rows when the batch is compacted. */
function spread(bound: StateBound, { batch, size }: Problem, name: string): number | Vector {
  if (typeof bound === 'number') return bound
  return scoped(() => {
    const packed: Vector = isList(bound) ? tf.tensor2d([...bound], [1, bound.length]) : packing(bound).pack(bound)
    if (packed.shape[1] !== size || (packed.shape[0] !== batch && packed.shape[0] !== 1))
      throw new EquilibriaError(
        'shape',
        `bounded() got ${name} bounds for ${
          isList(bound)
            ? bound.length
            : leaves(bound)
                .map((t) => `(${t.shape})`)
                .join(' ')
        } on a state of ${batch} × ${size}.`,
        'Give every entry of the state a bound, for one sample or for each.',
      )
    return tf.add(tf.zeros([batch, size]), packed) as Vector
  })
}
