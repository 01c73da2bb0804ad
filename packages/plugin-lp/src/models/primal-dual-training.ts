import * as tf from '@tensorflow/tfjs-core'
import { offTape, scoped } from '@equilibria/tensor'
import type { LpInput, LpOutput } from '../graph/input.ts'
import type { Parameters } from './parameters.ts'
import { primalDualMap, type PrimalDualNodes, type PrimalDualSizes } from './primal-dual-operator.ts'

/**
 * The answer that training sees: each sample of the batch is read at a depth of its own, so that one loss makes all
 * depths good. In turn by row: after 1/3, 2/3 and all of `depth` recorded steps from the start; and after all of them
 * from a state that took `depth / 2`, or `depth`, unrecorded steps before, which makes twice the depth good at the
 * memory of one.
 *
 * A function of the batch alone: nothing random, nothing remembered, so training resumes exactly.
 */
export function staggered(weights: Parameters, sizes: PrimalDualSizes, input: LpInput, depth: number): LpOutput {
  const [batch, n] = input.c.shape
  const m = input.b.shape[1]
  const map = primalDualMap(weights, sizes, input)
  const half = Math.max(1, Math.round(depth / 2))
  const turn = (row: number) => row % GROUPS
  const mask = (nodes: number, wanted: (group: number) => boolean) =>
    tf.tensor2d(
      Float32Array.from({ length: batch * nodes }, (_, i) => (wanted(turn(Math.floor(i / nodes))) ? 1 : 0)),
      [1, batch * nodes],
    )
  let state: PrimalDualNodes = batch > SHORT + 1 ? offTape(() => scoped(warm)) : map.start()
  const readings = [Math.max(1, Math.round(depth / 3)), Math.max(1, Math.round((2 * depth) / 3)), depth]
  let primal: tf.Tensor = tf.zeros([1, batch * n])
  for (let t = 1; t <= depth; t++) {
    state = map.step(state)
    const groups = readings.flatMap((r, g) => (r === t ? [g] : []))
    if (groups.length === 0) continue
    const here = mask(n, (g) => groups.includes(Math.min(g, SHORT)))
    primal = tf.add(primal, tf.mul(here, state.primal))
  }
  const { centre, half: unit } = map.scaled
  return tf.add(centre, tf.mul(unit, tf.reshape(primal, [batch, n]))) as LpOutput

  /** Rows of the last two groups have walked already; the others are where they start. */
  function warm(): PrimalDualNodes {
    const cold = map.start()
    let walked = cold
    let mixed = cold
    for (let t = 1; t <= depth; t++) {
      walked = map.step(walked)
      const group = t === half ? SHORT + 1 : t === depth ? SHORT + 2 : 0
      if (group === 0) continue
      const [variables, constraints] = [mask(n, (g) => g === group), mask(m, (g) => g === group)]
      mixed = Object.fromEntries(
        Object.entries(mixed).map(([name, from]) => {
          const to = walked[name as keyof PrimalDualNodes]
          const chosen = to.shape[1] === batch * n && PRIMAL.has(name) ? variables : constraints
          return [name, tf.add(from, tf.mul(chosen, tf.sub(to, from)))]
        }),
      ) as unknown as PrimalDualNodes
    }
    return mixed
  }
}

/* Groups 0, 1, 2 start cold and are read at three depths; 3 and 4 start warm and are read at the last one. */
const [SHORT, GROUPS] = [2, 5]
const PRIMAL: ReadonlySet<string> = new Set(['primal', 'primalMove', 'variableMemory'])
