import type { Requirements } from './backend.ts'
import type { GradientMode } from './gradient.ts'
import type { Operator } from './operator.ts'
import type { Solver } from './solver.ts'
import type { Task } from './task.ts'
import type { Analyzer } from './theory.ts'
import type { Loose, TensorTree } from './tree.ts'

/** A tiny solved instance. It is the plugin's test, its documentation and its benchmark. */
export interface Sample<S extends TensorTree = TensorTree, X extends TensorTree = TensorTree> {
  readonly summary: string
  operator(): Operator<S, X>
  /** Fresh tensors on every call; the caller disposes. */
  input(): X
  /** The exact answer, when it is known. */
  expected?(input: X): Loose<S>
  /** Largest absolute difference allowed to `expected`. Default `1e-3`. */
  readonly tolerance?: number
  /** Most solver steps the checks may take. Default `200`. */
  readonly maxSteps?: number
  /** `false`: skip the finite-difference check on the input (integer or combinatorial leaves). Default `true`. */
  readonly differentiable?: boolean
}

/* A plugin's table holds factories with unrelated options, states and inputs: `any` is what lets their exact types
 * survive into a kit. These four aliases are the only place where the contract says it. */
/* oxlint-disable typescript/no-explicit-any */
/** Makes one part of a plugin; works without options. */
export type Factory<T> = (options?: any) => T
/** An operator of whatever state and input. */
export type AnyOperator = Operator<any, any>
/** A sample of whatever state and input. */
export type AnySample = Sample<any, any>
/** A task of whatever input and answer. */
export type AnyTask = Task<any, any>
/* oxlint-enable typescript/no-explicit-any */

/** The tables of factories that a plugin brings, by name. */
export interface Parts {
  readonly operators?: Readonly<Record<string, Factory<AnyOperator>>>
  readonly solvers?: Readonly<Record<string, Factory<Solver>>>
  readonly gradients?: Readonly<Record<string, Factory<GradientMode>>>
  readonly analyzers?: Readonly<Record<string, Factory<Analyzer>>>
  readonly tasks?: Readonly<Record<string, Factory<AnyTask>>>
}

/** One domain, as a value: its parts, and the solved instances that test and document them. */
export interface Plugin<N extends string = string, P extends Parts = Parts> {
  readonly kind: 'plugin'
  readonly spec: 1
  /** Namespace of everything inside: `kepler` gives `kepler/anomaly`. */
  readonly name: N
  readonly version: string
  readonly summary: string
  readonly requires?: Requirements
  readonly parts: P
  readonly samples: Readonly<Record<string, AnySample>>
}
