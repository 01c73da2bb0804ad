import * as tf from '@tensorflow/tfjs-core'
import { EquilibriaError } from '@equilibria/tensor'

/**
 * What lies beyond the edge. `zero`: nothing, same size out as in. `circular`: the other end, same size. `valid`: nothing
 * is asked beyond the edge, `kernel − 1` fewer entries out than in.
 */
export type Padding = 'zero' | 'circular' | 'valid'

/** How far a kernel reaches before and after its centre; an even one reaches further after it. */
const reach = (kernel: number): [number, number] => [Math.floor((kernel - 1) / 2), Math.ceil((kernel - 1) / 2)]

/** `x` `[batch, height, width, channels]`, with room for a kernel `[height, width]` at every place. */
export function padded(
  layer: string,
  x: tf.Tensor,
  kernel: readonly [height: number, width: number],
  padding: Padding,
): tf.Tensor {
  const most = padding === 'valid' ? [0, 0] : kernel.map((k) => reach(k)[1])
  kernel.forEach((k, i) => {
    const size = x.shape[i + 1]!
    if (padding === 'valid' ? size < k : padding === 'circular' && size < most[i]!)
      throw new EquilibriaError(
        'shape',
        `${layer} with ${padding} padding and a kernel of ${k} was given ${size} entries along an axis.`,
        `Pass at least ${padding === 'valid' ? k : most[i]!}, or use zero padding.`,
      )
  })
  if (padding === 'valid') return x
  const both = kernel.map(reach)
  if (padding === 'zero') return tf.pad(x, [[0, 0], ...(both as [number, number][]), [0, 0]])
  return both.reduce((t, [before, after], i) => wrapped(t, i + 1, before, after), x)
}

function wrapped(x: tf.Tensor, axis: number, before: number, after: number): tf.Tensor {
  const piece = (begin: number, length: number): tf.Tensor =>
    tf.slice(
      x,
      x.shape.map((_, i) => (i === axis ? begin : 0)),
      x.shape.map((n, i) => (i === axis ? length : n)),
    )
  const size = x.shape[axis]!
  const parts = [...(before ? [piece(size - before, before)] : []), x, ...(after ? [piece(0, after)] : [])]
  return parts.length === 1 ? x : tf.concat(parts, axis)
}
