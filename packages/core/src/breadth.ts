import * as tf from '@tensorflow/tfjs-core'
import type { Breadth, Vector } from '@equilibria/spec'
import { hold, scoped } from '@equilibria/tensor'
import { pick } from './drive/batch.ts'
import type { Driven } from './drive/types.ts'
import { requireRange, requireWhole } from './validate.ts'

/** @throws EquilibriaError `option` on settings that are not usable */
export function checkBreadth({ starts, noise = 1, seed = 0 }: Breadth): void {
  requireWhole('breadth.starts', starts, 1)
  requireRange('breadth.noise', noise, 0, Number.MAX_VALUE)
  requireRange('breadth.seed', seed, -Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER)
}

/** The plain start, then noisy ones; the same noise for every sample: no answer may depend on who shares the batch. */
function startsOf(breadth: Breadth | undefined, start: Vector): Vector[] {
  const { starts = 1, noise = 1, seed = 0 } = breadth ?? {}
  return Array.from({ length: starts }, (_, i) =>
    i === 0
      ? start
      : tf.tidy(
          () => tf.add(start, tf.randomNormal([1, start.shape[1]], 0, noise, 'float32', seed * 1009 + i)) as Vector,
        ),
  )
}

/** Search from every start, and keep the better state per sample. Call it inside a scope. */
export const broad = (breadth: Breadth | undefined, start: Vector, search: (z0: Vector) => Driven): Driven =>
  startsOf(breadth, start).map(search).reduce(better)

/** The same across awaits; frees everything when a search fails. */
export async function broadAsync(
  breadth: Breadth | undefined,
  start: Vector,
  search: (z0: Vector) => Promise<Driven>,
): Promise<Driven> {
  const all = hold(() => startsOf(breadth, start))
  let found: Driven | undefined
  try {
    for (const z0 of all.value) {
      const next = await search(z0)
      found = found ? better(found, next) : next
    }
    return found!
  } catch (error) {
    found?.z.dispose()
    throw error
  } finally {
    all.release()
  }
}

/** Per sample, the run with the smaller residual. Takes both states over. */
function better(a: Driven, b: Driven): Driven {
  const takeB = Array.from(
    b.residual,
    (r, i) => r < a.residual[i]! || (Number.isNaN(a.residual[i]!) && !Number.isNaN(r)),
  )
  const z = scoped(() => pick(takeB, b.z, a.z))
  a.z.dispose()
  b.z.dispose()
  return {
    z,
    status: takeB.map((t, i) => (t ? b : a).status[i]!),
    steps: Int32Array.from(takeB, (t, i) => (t ? b : a).steps[i]!),
    residual: Float32Array.from(takeB, (t, i) => (t ? b : a).residual[i]!),
    total: Math.max(a.total, b.total),
    rowSteps: a.rowSteps + b.rowSteps,
    trace: Float32Array.from([...a.trace, ...b.trace]),
    ...(a.tried && b.tried ? { tried: takeB.map((t, i) => (t ? b : a).tried![i]!) } : {}),
  }
}
