import * as tf from '@tensorflow/tfjs-core'

/** What we use of tfjs-backend-wasm: tensors as views of its linear memory, nothing copied. */
interface WasmBackend {
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo
  typedArrayFromHeap(info: tf.TensorInfo): Float32Array | Int32Array
}

/**
 * tfjs-backend-wasm has no UnsortedSegmentSum, so there `gather` has no gradient and graph networks do not run at all.
 * One pass over the rows, in place in the linear memory. Rows with a segment outside `[0, numSegments)` are dropped, as
 * on the cpu backend.
 */
export function registerSegmentSum(): void {
  if (tf.getKernel('UnsortedSegmentSum', 'wasm')) return
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName: 'wasm',
    kernelFunc: ({ inputs, attrs, backend }) => {
      const wasm = backend as WasmBackend
      const x = inputs['x']!
      const segmentIds = inputs['segmentIds']!
      const { numSegments } = attrs as { numSegments: number }
      const out = wasm.makeOutput([numSegments, ...x.shape.slice(segmentIds.shape.length)], x.dtype)
      // Views only after the allocation: growing the memory detaches older ones.
      const from = wasm.typedArrayFromHeap(x)
      const segment = wasm.typedArrayFromHeap(segmentIds)
      const to = wasm.typedArrayFromHeap(out)
      to.fill(0)
      const width = segment.length === 0 ? 0 : from.length / segment.length
      for (let row = 0; row < segment.length; row++) {
        const s = segment[row]!
        if (s < 0 || s >= numSegments) continue
        for (let i = 0, p = row * width, q = s * width; i < width; i++) to[q + i] = to[q + i]! + from[p + i]!
      }
      return out
    },
  })
}
