import * as tf from '@tensorflow/tfjs-core'
import type { BackwardStats, Operator, Solution, Status, TensorTree, Vector } from '@equilibria/spec'
import { bindProblem, type EquilibriumLayer, referenceKernels, requireKind, resolveKernels } from '@equilibria/core'
import { derivativeAlong, EquilibriaError, linearize, offTape, onTape, scoped } from '@equilibria/tensor'
import { plainSolve } from './adjoint/attach.ts'
import { freezeParts } from './adjoint/parts.ts'
import { adjointSettings, type ImplicitOptions } from './adjoint/options.ts'
import { settle } from './adjoint/policy.ts'

/** A tensor or variable that `G` closes over, and the direction in which it moves, of the same shape. */
export type ParameterTangent = readonly [parameter: tf.Tensor, tangent: tf.Tensor]

/** A tree like `T` in which any part may be `null` or left out: it does not move. */
export type Tangents<T> = TensorTree extends T
  ? TensorTree | null
  : T extends tf.Tensor
    ? T | null
    : { readonly [K in keyof T]?: Tangents<T[K]> } | null

export interface JvpOptions<S extends TensorTree> extends Omit<ImplicitOptions, 'warmStart'> {
  /** Parameters that move as well. */
  readonly parameters?: readonly ParameterTangent[]
  /** The equilibrium, when it is known: nothing is solved for it then. Borrowed. An operator alone needs it. */
  readonly state?: S
}

/** What {@link equilibriumJvp} found. */
export interface EquilibriumJvp<S extends TensorTree> {
  /** `ż`, like the state; owned by the caller (or its `tidy`). */
  readonly tangent: S
  /** How the linear solve went, per sample. */
  readonly stats: BackwardStats
  /** The forward solve; absent when `state` was given. Its state is owned by the caller. */
  readonly solution?: Solution<S>
}

/**
 * Forward mode: how the equilibrium moves with its input and its parameters.
 *
 * `z* = G(z*, x; θ)` gives `ż = (I − J)⁻¹ (∂G/∂x ẋ + ∂G/∂θ θ̇)`, `J = ∂G/∂z` at `z*`. One linear solve per direction,
 * whatever the size of the state: use it where inputs are few and outputs many (sensitivities, tangents of a curve of
 * equilibria, Gauss–Newton products). For the gradient of one loss in many parameters, use `implicit`.
 *
 * `tangent` is like the input, leaves `[batch, …]`, with `null` for what does not move (integers cannot); `ż` is like
 * the state. Options are those of `implicit`: `solver` solves `(I − J) ż = r`; under `onFailure: 'fallback'` a sample
 * that failed gets `ż = r`, one-step differentiation. `stats.perSample` has status, steps and relative residual.
 *
 * The error is linear in the residual of the state, as for `implicit`. An outer gradient would see a constant, so inside
 * one this throws.
 *
 * @cost the forward solve; about 3 evaluations of `G` for the right-hand side and 3 for the products; then 1 product
 * with `J` per step, and what the linear solver stores
 * @throws EquilibriaError `gradient` inside a gradient, when an op of `G` lacks a gradient (or its gradient one), or when
 * a sample fails under `throw`; `shape` when a tangent does not fit; `option` on settings that are not usable, or an
 * operator without `state`
 * @cite griewank2008, krantz2013
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { anderson } from '@equilibria/solvers'
 * import { gmres } from '@equilibria/solvers/linear'
 * import { equilibriumJvp } from '@equilibria/implicit-diff'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const layer = equilibrium(half, { solver: anderson() })
 * const { tangent, stats } = equilibriumJvp(layer, tf.ones([1, 2]), tf.tensor2d([[1, -3]]), { solver: gmres() })
 * console.log(stats.converged, tangent.dataSync()) // true [2, -6]: z* = 2x
 * ```
 */
export function equilibriumJvp<S extends TensorTree, X extends TensorTree>(
  source: EquilibriumLayer<S, X> | Operator<S, X>,
  input: X,
  tangent: Tangents<X> | null,
  { parameters = [], state, ...linear }: JvpOptions<S>,
): EquilibriumJvp<S> {
  requireKind('equilibriumJvp({ solver })', linear.solver, 'linear-solver', 'solver')
  const settings = adjointSettings('equilibriumJvp', linear)
  const operator = 'operator' in source ? source.operator : source
  const name = `jvp(${settings.solver.name})`
  if (onTape())
    throw new EquilibriaError(
      'gradient',
      'equilibriumJvp() was called while a gradient is being recorded, which would see a constant.',
      'Call it outside; for derivatives of derivatives, nest tf.grad over a layer with implicit().',
    )
  const directions = [...inputDirections(input, tangent as TensorTree | null), ...parameters]
  for (const [at, along] of directions) checkDirection(at, along)
  if (!state && !('operator' in source))
    throw new EquilibriaError(
      'option',
      `equilibriumJvp() was given operator "${operator.name}" without its equilibrium.`,
      'Pass { state }, or a layer, which can solve for it.',
    )
  const solution = state || !('operator' in source) ? undefined : source.solve(input)
  try {
    let stats: BackwardStats | undefined
    const moved = offTape(() =>
      scoped(() => {
        const kernels = 'operator' in source ? resolveKernels(source.backend) : referenceKernels
        // Twice for the right-hand side, so that what the operator prepares from its input and parameters is seen as well.
        const bind = () => {
          const bound = bindProblem(operator, input, kernels, state ?? solution!.state)
          const solved = 'operator' in source ? source.solver.solves?.(bound.problem) : undefined
          return { problem: solved ?? bound.problem, start: bound.start, unpack: bound.unpack }
        }
        const { problem, start, unpack } = bind()
        const right = derivativeAlong(
          () => bind().problem.apply(start),
          directions.map(([at]) => at),
          directions.map(([, along]) => along),
        ) as Vector
        const frozen = linearize(problem.apply, start)
        try {
          const parts = freezeParts(problem, start, settings.solver)
          const found = plainSolve({ problem }, settings)(frozen.jvp, right, 'tangent', {
            parts: parts.of('tangent', parts.tensors),
            transposed: () => ({ push: frozen.vjp, dispose: () => {} }),
          })
          const status = solution?.stats.perSample.status ?? Array.from({ length: problem.batch }, GIVEN)
          return unpack(settle(name, found, right, frozen.jvp, settings, { status, report: (s) => (stats = s) }))
        } finally {
          frozen.dispose()
        }
      }),
    )
    return { tangent: moved, stats: stats!, ...(solution ? { solution } : {}) }
  } catch (error) {
    if (solution) tf.dispose(solution.state as tf.TensorContainer)
    throw error
  }
}

/** A state that was passed in counts as solved. */
const GIVEN = (): Status => 'converged'

type Directions = readonly (readonly [tf.Tensor, tf.Tensor])[]

/** The leaves of the input that move, with their tangents. */
function inputDirections(input: TensorTree, tangent: unknown): Directions {
  if (tangent === null || tangent === undefined) return []
  if (input instanceof tf.Tensor) {
    if (tangent instanceof tf.Tensor) return [[input, tangent]]
    throw unfit(`has no tensor where the input has one of shape (${input.shape})`)
  }
  if (typeof tangent !== 'object' || tangent instanceof tf.Tensor || Array.isArray(tangent) !== Array.isArray(input))
    throw unfit('is not structured like the input')
  const stray = Object.keys(tangent).find((key) => !(key in input))
  if (stray !== undefined) throw unfit(`has a part "${stray}", which the input has not`)
  return Object.entries(input).flatMap(([key, part]: [string, TensorTree]) =>
    inputDirections(part, (tangent as Record<string, unknown>)[key]),
  )
}

function checkDirection(at: tf.Tensor, along: tf.Tensor): void {
  if (at.dtype !== 'float32' || along.dtype !== 'float32')
    throw unfit(`moves a ${at.dtype} tensor along a ${along.dtype} one; only float32 can move`)
  if (at.shape.join() !== along.shape.join())
    throw unfit(`has a part of shape (${along.shape}) for a tensor of shape (${at.shape})`)
}

const unfit = (what: string): EquilibriaError =>
  new EquilibriaError(
    'shape',
    `A tangent given to equilibriumJvp() ${what}.`,
    'Pass a tree like the input, float32, with null for what does not move.',
  )
