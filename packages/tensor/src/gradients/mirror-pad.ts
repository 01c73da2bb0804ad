import * as tf from '@tensorflow/tfjs-core'
import { repair, type Repair } from './repair.ts'

interface Attributes {
  readonly paddings: readonly (readonly [number, number])[]
  readonly mode: 'reflect' | 'symmetric'
}

const piece = (t: tf.Tensor, axis: number, begin: number, size: number): tf.Tensor =>
  tf.slice(
    t,
    t.shape.map((_, i) => (i === axis ? begin : 0)),
    t.shape.map((n, i) => (i === axis ? size : n)),
  )

/** Zeros around `t` along one axis, so that it starts at `begin` of `length`. */
const place = (t: tf.Tensor, axis: number, begin: number, length: number): tf.Tensor =>
  tf.pad(
    t,
    t.shape.map((n, i) => (i === axis ? [begin, length - begin - n] : [0, 0])),
  )

/**
 * The border of a mirrored array is a copy of its inside, so its cotangent belongs there, reversed. tfjs drops it: the
 * gradient is off by whole entries, silently. Axis by axis, since the padding is.
 */
export const mirrorPad: Repair = repair<Attributes>('MirrorPad', { inputs: ['x'] }, (dy, [x], { paddings, mode }) => ({
  x: () =>
    paddings.reduce((t, [before, after], axis) => {
      const n = x!.shape[axis]!
      const edge = mode === 'reflect' ? 1 : 0 // `reflect` does not repeat the border entry
      let inner = before + after === 0 ? t : piece(t, axis, before, n)
      if (before > 0) inner = tf.add(inner, place(tf.reverse(piece(t, axis, 0, before), axis), axis, edge, n))
      if (after > 0)
        inner = tf.add(inner, place(tf.reverse(piece(t, axis, before + n, after), axis), axis, n - edge - after, n))
      return inner
    }, dy),
}))
