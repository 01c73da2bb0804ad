import * as tf from '@tensorflow/tfjs-core'
import type { Aux, BoundOperator, Kernels, Operator, Problem, Splitting, TensorTree, Vector } from '@equilibria/spec'
import {
  EquilibriaError,
  hold,
  leaves,
  linearize,
  packing,
  rebuild,
  scoped,
  shapeOf,
  takeRows,
} from '@equilibria/tensor'

/** Calls of `G` on some batch, products with its Jacobian included, and rows they were on. */
export interface Count {
  evaluations: number
  rows: number
}

/** An operator tied to one input, packed as solvers see it, with the way back to trees. */
export interface Bound<S extends TensorTree, A extends Aux = Aux> {
  readonly problem: Problem
  /** `[batch, size]`. */
  readonly start: Vector
  pack(state: S): Vector
  unpack(z: Vector): S
  /** What the operator says at a state beside it; tensors of its own, `undefined` if nothing. */
  aux(state: S): A
  /** Running totals of this binding. */
  readonly count: Count
  /** Why finished samples cannot leave the batch; `undefined` when they can. */
  readonly coupled: string | undefined
}

/**
 * Tie an operator to an input and lay its state out as `[batch, size]`. The tensors made here belong to the scope it is
 * called in; `input` and `initial` are borrowed.
 *
 * @throws EquilibriaError `shape` when a state is not a float32 tree of leaves `[batch, …]` with at least one sample, when
 * `initial` differs from what the operator starts from, or (at an evaluation) when `G` changes structure, shapes or dtypes
 */
export function bindProblem<S extends TensorTree, X extends TensorTree, A extends Aux = Aux>(
  operator: Operator<S, X, A>,
  input: X,
  kernels: Kernels,
  initial?: S,
): Bound<S, A> {
  const bound = operator.bind(input)
  const own = bound.initial()
  checkState(operator.name, own)
  const like = initial === undefined ? own : align(own, initial)
  if (like === undefined || shapeOf(own) !== shapeOf(like))
    throw new EquilibriaError(
      'shape',
      `The initial state given to "${operator.name}" is ${describe(initial!)}; the operator starts from ${describe(own)}.`,
      'Pass a state of that structure, for example the state of an earlier solution on inputs of the same shape.',
    )
  checkState(operator.name, like)
  const { batch, size, pack, unpack } = packing(like)
  const count: Count = { evaluations: 0, rows: 0 }
  const tally = ({ shape: [rows] }: Vector): void => {
    count.evaluations++
    count.rows += rows
  }
  const tallied =
    (product: (v: Vector) => Vector) =>
    (v: Vector): Vector => {
      tally(v)
      return product(v)
    }
  const shapes = leaves(like).map((t) => t.shape)

  const applier =
    (one: BoundOperator<S>) =>
    (z: Vector): Vector => {
      tally(z)
      const state = unpack(z)
      const out = one.apply(state) as TensorTree // Loose<S>: structure and ranks are checked here
      const aligned = align(like as TensorTree, out)
      const fits =
        aligned !== undefined &&
        leaves(aligned).every((t, i) => t.dtype === 'float32' && t.shape.join() === rowsOf(shapes[i]!, z.shape[0]))
      if (!fits)
        throw new EquilibriaError(
          'shape',
          `Operator "${operator.name}" turned a state ${describe(state)} into ${describe(out)}.`,
          'G(z, x) must return the structure and shapes of initial(), as float32.',
        )
      return pack(aligned as S)
    }

  const stray = batch > 1 ? leaves(input).find((t) => t.shape[0] !== batch) : undefined
  const coupled =
    operator.traits.rowwise === false
      ? `operator "${operator.name}" declares that its samples are coupled`
      : stray
        ? `an input leaf of "${operator.name}" has shape (${stray.shape}), not [${batch}, …]`
        : undefined

  const problemOf = (one: BoundOperator<S>, rows: number): Problem => {
    const apply = applier(one)
    return {
      batch: rows,
      size,
      traits: operator.traits,
      kernels,
      apply,
      linearize: (z) => {
        const { vjp, jvp, ...rest } = linearize(apply, z)
        return { ...rest, vjp: tallied(vjp), jvp: tallied(jvp) }
      },
      ...(one.splitting ? { splitting: packedSplitting(one.splitting, { pack, unpack }) } : {}),
    }
  }
  const problem: Problem = {
    ...problemOf(bound, batch),
    ...(coupled === undefined && batch > 1
      ? {
          select: (rows) => {
            const held = hold(() => operator.bind(takeRows(input, rows)))
            return { problem: problemOf(held.value, rows.length), dispose: held.release }
          },
        }
      : {}),
  }
  const aux = (state: S): A => {
    const said = bound.aux?.(state) as A
    // Clones: what comes out belongs to the caller, also where it is the state, the input or a weight.
    return (
      said &&
      (scoped(() =>
        rebuild(
          said,
          leaves(said).map((t) => tf.clone(t)),
        ),
      ) as A)
    )
  }
  return { problem, start: pack(like), pack, unpack, aux, count, coupled }
}

/** The shape of a leaf for so many rows, as text; a leaf of rank 0 is one row, and stays so. */
const rowsOf = (shape: readonly number[], rows: number): string =>
  (shape.length === 0 ? [] : [rows, ...shape.slice(1)]).join()

/** The parts of an operator as solvers see them. */
function packedSplitting<S extends TensorTree>(
  parts: Splitting<S>,
  { pack, unpack }: { pack(state: S): Vector; unpack(z: Vector): S },
): Splitting<Vector> {
  const { resolventA, applyA, applyC, stateOf, linearize, ...rest } = parts
  return {
    ...rest,
    resolventB: (v, alpha) => pack(parts.resolventB(unpack(v), alpha)),
    ...(resolventA ? { resolventA: (v, alpha) => pack(resolventA(unpack(v), alpha)) } : {}),
    ...(applyA ? { applyA: (v) => pack(applyA(unpack(v))) } : {}),
    ...(applyC ? { applyC: (v) => pack(applyC(unpack(v))) } : {}),
    ...(stateOf ? { stateOf: (p) => pack(stateOf(unpack(p))) } : {}),
    ...(linearize
      ? {
          linearize: (z) => {
            const { tensors, adjoint, tangent } = linearize(unpack(z))
            const side =
              (parts: typeof adjoint) =>
              (v: Vector, kept: readonly tf.Tensor[]): Splitting<Vector> =>
                packedSplitting(parts(unpack(v), kept), { pack, unpack })
            return { tensors, adjoint: side(adjoint), ...(tangent ? { tangent: side(tangent) } : {}) }
          },
        }
      : {}),
  }
}

function checkState(name: string, state: TensorTree): void {
  const all = leaves(state)
  const batch = all[0]?.shape[0]
  const other = all.find((t) => t.dtype !== 'float32')
  if (batch === 0 || all.some((t) => t.size === 0) || other)
    throw new EquilibriaError(
      'shape',
      `The state of "${name}" is ${describe(state)}${other ? '' : ', which is empty'}.`,
      'A state has at least one sample, and float32 leaves without empty axes.',
    )
}

/**
 * `tree` with the keys in the order of `like`: JavaScript keeps the order in which keys were written, and two leaves of
 * one shape must not change places because `apply` wrote them the other way round. `undefined` when structures differ.
 */
export function align<T extends TensorTree>(like: T, tree: TensorTree): T | undefined {
  const walk = (a: TensorTree, b: TensorTree | undefined): TensorTree | undefined => {
    if (typeof b !== 'object' || b === null) return undefined
    if (a instanceof tf.Tensor || b instanceof tf.Tensor)
      return a instanceof tf.Tensor && b instanceof tf.Tensor ? b : undefined
    if (Array.isArray(a) !== Array.isArray(b)) return undefined
    const [keys, theirs] = [Object.keys(a), Object.keys(b)]
    if (keys.length !== theirs.length) return undefined
    const parts: [string, TensorTree][] = []
    for (const key of keys) {
      const part = walk((a as Record<string, TensorTree>)[key]!, (b as Record<string, TensorTree>)[key])
      if (part === undefined) return undefined
      parts.push([key, part])
    }
    return Array.isArray(a) ? parts.map(([, part]) => part) : Object.fromEntries(parts)
  }
  return walk(like, tree) as T | undefined
}

/** Structure and shapes, for messages: `{ h: (2,3), maps: [(2,2,2)] }`. */
export function describe(tree: TensorTree | undefined | null): string {
  if (tree === undefined || tree === null || typeof tree !== 'object') return String(tree)
  if (tree instanceof tf.Tensor) return `(${tree.shape})${tree.dtype === 'float32' ? '' : ` of ${tree.dtype}`}`
  if (Array.isArray(tree)) return `[${(tree as readonly TensorTree[]).map(describe).join(', ')}]`
  return `{ ${Object.entries(tree)
    .map(([key, value]) => `${key}: ${describe(value)}`)
    .join(', ')} }`
}
