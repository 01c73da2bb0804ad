import * as tf from '@tensorflow/tfjs-core'
import type { TensorTree } from '@equilibria/spec'
import { leaves } from '@equilibria/tensor'

/** One thing that must hold: a name, and a function that throws when it does not. */
export interface Check {
  readonly name: string
  run(): void | Promise<void>
}

/**
 * Hands checks to a test runner: vitest, jest, node:test, mocha, anything with `test(name, fn)`.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs-backend-cpu'
 * import '@equilibria/tensor/gradients'
 * import { picard } from '@equilibria/solvers'
 * import { runChecks, solverChecks } from '@equilibria/conformance'
 *
 * runChecks((name, run) => Promise.resolve(run()).then(() => console.log('ok', name)), solverChecks(() => picard()))
 * ```
 */
export function runChecks(
  test: (name: string, fn: () => void | Promise<void>) => unknown,
  checks: readonly Check[],
): void {
  for (const check of checks) test(check.name, () => check.run())
}

/** Throws with this message unless `ok`. */
export function expectThat(ok: boolean, message: string): asserts ok {
  if (!ok) throw new Error(message)
}

/** Every entry of every leaf, read back to the host. */
export const values = (tree: TensorTree): number[] => leaves(tree).flatMap((t) => Array.from(t.dataSync()))

/** Largest absolute difference; infinite when the lengths differ or an entry is `NaN`. */
export function distance(a: readonly number[], b: readonly number[]): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let gap = 0
  a.forEach((x, i) => {
    const d = Math.abs(x - b[i]!)
    gap = d <= gap ? gap : Number.isNaN(d) ? Number.POSITIVE_INFINITY : d
  })
  return gap
}

/** Runs inside a scope and insists that no tensor was born and forgotten. The result must hold no tensor. */
export function leakless<T>(what: string, fn: () => T): T {
  const before = tf.memory().numTensors
  const result = tf.tidy(() => fn() as never) as T
  const extra = tf.memory().numTensors - before
  expectThat(extra === 0, `${what} leaked ${extra} tensor(s).`)
  return result
}

/** Calls `fn`, swallows what it throws, and insists that nothing was left behind and that it did throw. */
export function leaklessFailure(what: string, fn: () => unknown): void {
  const before = tf.memory().numTensors
  let thrown = false
  try {
    fn()
  } catch {
    thrown = true
  }
  const extra = tf.memory().numTensors - before
  expectThat(thrown, `${what} swallowed an exception.`)
  expectThat(extra === 0, `${what} left ${extra} tensor(s) behind after an exception.`)
}
