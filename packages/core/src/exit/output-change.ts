import type * as tf from '@tensorflow/tfjs-core'
import type { ExitRule, TensorTree } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import { requireRange } from '../validate.ts'

/** Decoded answers of the running rows, `[rows, …]`, read back to the host. */
export interface Decoded<S extends TensorTree> {
  /** From the state to what is watched: logits, a picture, a field. */
  readonly decode: (state: S) => tf.Tensor
}

/** Calls `judge` with the new and the previous decoded row of each running sample. */
export function watch<S extends TensorTree>(
  name: string,
  decode: (state: S) => tf.Tensor,
  start: (
    batch: number,
  ) => (now: Float32Array, before: Float32Array | undefined, sample: number, step: number) => boolean,
): ExitRule<S> {
  return {
    kind: 'exit-rule',
    spec: 1,
    name,
    start: (batch) => {
      const last = new Map<number, Float32Array>()
      const judge = start(batch)
      return ({ state, rows, step }) => {
        const answer = decode(state)
        if (answer.shape[0] !== rows.length)
          throw new EquilibriaError(
            'shape',
            `Exit rule "${name}": decode() gave (${answer.shape}) for ${rows.length} samples.`,
            'It returns [rows, …], one row per sample of the state it is given.',
          )
        const values = answer.dataSync() as Float32Array
        const width = values.length / rows.length
        return rows.map((sample, i) => {
          const now = values.slice(i * width, (i + 1) * width)
          const done = judge(now, last.get(sample), sample, step)
          last.set(sample, now)
          return done
        })
      }
    },
  }
}

const norm = (v: ArrayLike<number>): number => {
  let s = 0
  for (let i = 0; i < v.length; i++) s += v[i]! * v[i]!
  return Math.sqrt(s)
}

/**
 * Leaves when the decoded answer moved by at most `tolerance · max(‖answer‖₂, 1)` in one step.
 *
 * @throws EquilibriaError `option` when the tolerance is not a number ≥ 0
 */
export const outputChange = <S extends TensorTree>({
  decode,
  tolerance = 1e-3,
}: Decoded<S> & { readonly tolerance?: number }): ExitRule<S> => {
  requireRange('outputChange({ tolerance })', tolerance, 0)
  return watch(
    `output-change≤${tolerance}`,
    decode,
    () => (now, before) =>
      before !== undefined && norm(now.map((v, i) => v - before[i]!)) <= tolerance * Math.max(norm(now), 1),
  )
}
