import type { Problem, Solver, Vector } from '@equilibria/spec'
import { iterate } from './iterate.ts'
import type { Driven, DriveOptions } from './types.ts'

/** Runs the loop to its end, without yielding. */
export function drive(problem: Problem, solver: Solver, z0: Vector, options: DriveOptions): Driven {
  const loop = iterate(problem, solver, z0, options)
  for (;;) {
    const turn = loop.next()
    if (turn.done) return turn.value
  }
}

/** Gives the event loop a turn every `sliceMs`, so the page, timers and an `AbortSignal` stay alive. */
export async function driveAsync(
  problem: Problem,
  solver: Solver,
  z0: Vector,
  options: DriveOptions,
  sliceMs = 8,
): Promise<Driven> {
  const loop = iterate(problem, solver, z0, options)
  let since = performance.now()
  for (;;) {
    const turn = loop.next()
    if (turn.done) return turn.value
    if (performance.now() - since < sliceMs) continue
    await new Promise((resolve) => setTimeout(resolve, 0))
    since = performance.now()
  }
}
