import * as tf from '@tensorflow/tfjs-core'
import type { KeptMemory, Memory, Problem, Solver } from '@equilibria/spec'
import { EquilibriaError, leaves } from '@equilibria/tensor'

/** Takes the tensors of a memory out of the running `tidy`, and over. */
export function keepMemory(solver: Solver, { batch, size }: Problem, memory: Memory): KeptMemory {
  const held = leaves(memory).map((t) => tf.keep(t))
  return {
    solver: solver.name,
    batch,
    size,
    memory,
    dispose: () => {
      for (const t of held) if (!t.isDisposed) t.dispose()
    },
  }
}

/** @throws EquilibriaError `option` when `solver` cannot start from this memory on this problem */
export function checkMemory(solver: Solver, { batch, size }: Problem, kept: KeptMemory | undefined): void {
  if (!kept) return
  const wrong = (seen: string, hint: string) => new EquilibriaError('option', seen, hint)
  if (!solver.resume)
    throw wrong(
      `Solver "${solver.name}" cannot start from a memory.`,
      'Leave "memory" out, or use a solver with resume().',
    )
  if (kept.solver !== solver.name)
    throw wrong(`A memory of "${kept.solver}" was given to "${solver.name}".`, 'Pass it to the solver that made it.')
  if (kept.batch !== batch || kept.size !== size)
    throw wrong(
      `A memory of [${kept.batch}, ${kept.size}] was given to a problem of [${batch}, ${size}].`,
      'Pass it to a solve with as many samples, and states of as many entries.',
    )
  if (leaves(kept.memory).some((t) => t.isDisposed))
    throw wrong('A memory was given that has been disposed.', 'Call its dispose() after the last solve that uses it.')
}
