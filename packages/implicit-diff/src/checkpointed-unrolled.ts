import * as tf from '@tensorflow/tfjs-core'
import type { AttachSite, GradientMode, Memory, Vector } from '@equilibria/spec'
import { pick, requireWhole } from '@equilibria/core'
import { checkpointed, EquilibriaError, leaves, offTape, rebuild, scoped, type Segment } from '@equilibria/tensor'
import { requireExactSteps } from './adjoint/second-order.ts'
import { reporting, reportInexact } from './phantom.ts'

export interface CheckpointedUnrolledOptions {
  /** Steps between two states that are remembered. Default: the square root of the number of steps, rounded up. */
  readonly every?: number
}

/**
 * The gradient of `unrolled()`, to rounding, without its memory: of `T` steps, only every `every`-th state (and what the
 * solver remembers with it) is stored; the backward pass takes the steps between once more before it differentiates them.
 *
 * Each sample stops where it stopped in the solve. Works with any single solver; while `anderson()` mixes, its
 * coefficients count as constants, as in `unrolled()`. Second derivatives are right, or refused, as there; the second pass is
 * recorded in full.
 *
 * Not for operators that draw random numbers in `apply`: draw them in `bind`. Not with several starts (`breadth`), nor with
 * solvers that answer with their best state or have fallbacks, whose path is not their steps in order.
 *
 * @cost 3 evaluations per step (the solve, the pass that stores, the pass that is differentiated) and the backward pass;
 * memory of `T / every` states and of `every` recorded steps, least at `every = √T`
 * @throws EquilibriaError `option` on an `every` that is not a whole number ≥ 1; `requirement` where the solve cannot be
 * repeated step by step; `gradient` on second derivatives as `unrolled()`
 * @cite griewank2000, scieur2022
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@equilibria/tensor/gradients'
 * import { defineOperator, equilibrium } from '@equilibria/core'
 * import { picard } from '@equilibria/solvers'
 * import { checkpointedUnrolled } from '@equilibria/implicit-diff'
 *
 * const half = defineOperator({ name: 'half', initial: (x: tf.Tensor2D) => tf.zerosLike(x), apply: (z, x) => tf.add(tf.mul(z, 0.5), x) })
 * const layer = equilibrium(half, { solver: picard(), gradient: checkpointedUnrolled({ every: 2 }), tolerance: 0 })
 * const slope = tf.grad((x: tf.Tensor) => tf.sum(layer.solve(x as tf.Tensor2D, { steps: 3 }).state))(tf.ones([1, 2]))
 * console.log(slope.dataSync()) // [1.75, 1.75]: 1 + 1/2 + 1/4
 * ```
 */
export function checkpointedUnrolled({ every }: CheckpointedUnrolledOptions = {}): GradientMode {
  if (every !== undefined) requireWhole('checkpointedUnrolled({ every })', every, 1)
  const name = `checkpointed unrolling${every === undefined ? '' : `(every ${every})`}`
  return {
    kind: 'gradient',
    spec: 1,
    name,
    forward: 'detached',
    attach(site) {
      const z = unroll(name, site, every)
      return reporting(z, () => {
        requireExactSteps(name, site.run)
        reportInexact(name, 0, site, true)
      })
    },
  }
}

function unroll(name: string, { z: found, problem, status, run }: AttachSite, every?: number): Vector {
  if (!run || run.solver.after || run.solver.answer === 'best')
    throw new EquilibriaError(
      'requirement',
      `${name} repeats a solve step by step; ${run ? `the answer of "${run.solver.name}" is not its last step` : 'there were several starts, or a memory was resumed'}.`,
      'Use one start and a single solver such as picard() or anderson(), or implicit({ solver: gmres() }).',
    )
  const { solver, start, steps } = run
  // A row that stopped keeps the state that its last step measured; one that left by an exit rule took that step.
  const still = Array.from(steps, (s, b) => {
    if (status[b] === 'max-steps' || status[b] === 'aborted') return Number.POSITIVE_INFINITY
    return status[b] === 'exited' ? s + 1 : s
  })
  const frozen = (step: number): boolean[] => still.map((s) => step >= s)
  const total = Math.max(0, ...steps)
  /** Rows measured in the last step kept what was measured; rows measured after it had taken it: the answer tells. */
  let last: readonly boolean[] | undefined
  const lastFrozen = (z: Vector, next: Vector): readonly boolean[] => {
    const [kept, taken] = offTape(() => [z, next].map((t) => tf.sum(tf.abs(tf.sub(t, found)), 1).dataSync()))
    return frozen(total).map((stopped, b) => stopped && (still[b]! < total || !(taken![b]! < kept![b]!)))
  }
  const length = every ?? Math.max(1, Math.ceil(Math.sqrt(total)))

  const shapes: Memory[] = [] // of the solver's memory before each segment
  const segment =
    (k: number): Segment =>
    ([first, ...rest]) => {
      let z = first as Vector
      let memory = k === 0 ? scoped(() => solver.init(problem, z)) : rebuild(shapes[k]!, rest)
      const end = Math.min(total, (k + 1) * length)
      for (let step = k * length + 1; step <= end; step++) {
        const taken = scoped(() => {
          const { next, memory: kept } = solver.step(problem, z, memory)
          const stopped = step < total ? frozen(step) : (last ??= lastFrozen(z, next))
          return { z: stopped.some(Boolean) ? pick(stopped, z, next) : next, memory: kept }
        })
        z = taken.z
        memory = taken.memory
      }
      shapes[k + 1] = memory
      return end === total ? [z] : [z, ...leaves(memory)]
    }
  if (total === 0) return tf.clone(start)
  return checkpointed(
    [start],
    Array.from({ length: Math.ceil(total / length) }, (_, k) => segment(k)),
  )[0] as Vector
}
