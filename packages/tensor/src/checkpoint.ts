import * as tf from '@tensorflow/tfjs-core'
import { now, offTape, onTape, outlives, pullThrough, putOnTape, reads, revived } from './engine.ts'
import { scoped } from './scope.ts'

/** One part of a long computation: state in, state out. Pure, and the same every time it is run. */
export type Segment = (state: readonly tf.Tensor[]) => readonly tf.Tensor[]

/**
 * Run `segments` one after the other, and remember only the states between them: the backward pass computes each segment
 * again before it differentiates it. The gradient is that of the plain run, in the state at the start *and* in everything
 * the segments close over (variables, inputs, intermediate results), which a `tf.customGrad` would lose.
 *
 * The states are lists of tensors of any shapes; the result is the state after the last segment, owned by the caller.
 * Derivatives of any order are right; a second one is recorded in full, without the saving.
 *
 * Not for segments with random numbers of their own (draw them before), nor for operations that read tensors their
 * gradient does not know of: such tensors must be variables or kept until the backward pass.
 *
 * @cost two runs and one backward pass; memory of `segments.length` states and of one recorded segment, and 1 copy of
 * each tensor closed over that would be gone by then
 * @cite griewank2000
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import '@equilibria/tensor/gradients'
 * import { checkpointed } from '@equilibria/tensor'
 *
 * const w = tf.variable(tf.scalar(2))
 * const cube = (x: tf.Tensor) => checkpointed([x], [([z]) => [tf.mul(z!, w)], ([z]) => [tf.mul(z!, tf.square(w))]])[0]!
 * const { grads } = tf.variableGrads(() => cube(tf.scalar(5)) as tf.Scalar, [w])
 * console.log(grads[w.name]!.dataSync()) // [60]: 3 · 2² · 5
 * ```
 */
export function checkpointed(start: readonly tf.Tensor[], segments: readonly Segment[]): readonly tf.Tensor[] {
  const run = () => segments.reduce((state, segment) => segment(state), start)
  if (!onTape() || segments.length === 0) return run()

  const born = now()
  const outside = new Map(start.map((t) => [t.id, t])) // what was there before, and is read
  const inside = new Map<number, tf.Tensor>() // the states between segments, which are ours to free
  const states: (readonly tf.Tensor[])[] = []
  let state = start
  try {
    for (const segment of segments) {
      states.push(state)
      const { value, inputs } = reads(() => segment(state))
      for (const t of inputs) if (!inside.has(t.id)) outside.set(t.id, t)
      state = value
      for (const t of state) {
        if (t.id < born) outside.set(t.id, t)
        else if (states.length < segments.length && !t.kept) inside.set(t.id, tf.keep(t))
      }
    }
  } catch (error) {
    tf.dispose([...inside.values()])
    throw error
  }
  // Results are new tensors, and never one of those that the tape frees.
  const taken = new Set([...outside.keys(), ...inside.keys()])
  const results = offTape(() =>
    state.map((t) => {
      if (taken.has(t.id)) return tf.clone(t)
      taken.add(t.id)
      return t
    }),
  )
  const inputs = [...outside.values()]
  const mortal = inputs.filter((t) => !outlives(t))
  const copies = offTape(() => mortal.map((t) => tf.keep(tf.clone(t))))

  putOnTape({
    name: 'Checkpointed',
    inputs,
    outputs: results,
    saved: [...inside.values(), ...copies],
    pull: (wanted, cotangents) =>
      revived(mortal, copies, () =>
        onTape()
          ? pullThrough(run, wanted, cotangents)
          : segmentBySegment(segments, states, inside, wanted, cotangents),
      ),
  })
  return results
}

/** From the last segment to the first; cotangents that are no longer needed are freed on the way. */
function segmentBySegment(
  segments: readonly Segment[],
  states: readonly (readonly tf.Tensor[])[],
  inside: ReadonlyMap<number, tf.Tensor>,
  wanted: readonly tf.Tensor[],
  cotangents: readonly (tf.Tensor | undefined)[],
): (tf.Tensor | undefined)[] {
  const sums: (tf.Tensor | undefined)[] = wanted.map(() => undefined)
  let dys = cotangents
  for (let k = segments.length - 1; k >= 0; k--) {
    // Each tensor once, and none of those before the first segment: they are among the wanted, or nobody asks.
    const passed = [...new Set(states[k]!)].filter((t) => inside.has(t.id))
    const found = pullThrough(() => segments[k]!(states[k]!), [...wanted, ...passed], dys)
    wanted.forEach((_, i) => {
      const [sum, piece] = [sums[i], found[i]]
      if (!piece) return
      sums[i] = sum ? scoped(() => tf.add(sum, piece)) : piece
      if (sum) tf.dispose([sum, piece])
    })
    if (k < segments.length - 1) tf.dispose(dys.filter((t) => t !== undefined))
    const back = found.slice(wanted.length)
    dys = states[k]!.map((t, i) => (states[k]!.indexOf(t) === i ? back[passed.indexOf(t)] : undefined))
  }
  return sums
}
