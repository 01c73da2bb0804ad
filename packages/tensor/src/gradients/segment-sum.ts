import * as tf from '@tensorflow/tfjs-core'

type Numbers = Float32Array | Int32Array

/** What we use of tfjs-backend-wasm: tensors as views of its linear memory, nothing copied. */
interface WasmBackend {
  makeOutput(shape: readonly number[], dtype: tf.DataType): tf.TensorInfo
  typedArrayFromHeap(info: tf.TensorInfo): Numbers
}

/** The same of tfjs-backend-cpu. */
interface CpuBackend {
  readonly data: { get(dataId: object): { readonly values: Numbers } }
  makeTensorInfo(shape: readonly number[], dtype: tf.DataType, values: Numbers): tf.TensorInfo
}

/** Adds row `i` of `from` to row `segment[i]` of `to`; rows with a segment outside `to` are dropped. */
function addRows(from: Numbers, segment: Numbers, to: Numbers, segments: number): void {
  const width = segment.length === 0 ? 0 : from.length / segment.length
  for (let row = 0; row < segment.length; row++) {
    const s = segment[row]!
    if (s < 0 || s >= segments) continue
    for (let i = 0, p = row * width, q = s * width; i < width; i++) to[q + i] = to[q + i]! + from[p + i]!
  }
}

type Run = (x: tf.TensorInfo, ids: tf.TensorInfo, shape: number[], backend: unknown) => tf.TensorInfo

const register = (backendName: string, run: Run): void =>
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const x = inputs['x']!
      const ids = inputs['segmentIds']!
      const { numSegments } = attrs as { numSegments: number }
      return run(x, ids, [numSegments, ...x.shape.slice(ids.shape.length)], backend)
    },
  })

/**
 * tfjs-backend-wasm has no UnsortedSegmentSum, so there `gather` has no gradient and graph networks do not run at all;
 * that of tfjs-backend-cpu passes over all rows once per segment (2048 rows of 16 into 512: 3.8 s, against 0.07 ms here).
 * The cpu kernel is replaced if its backend is imported first; another one that is already on wasm is left alone.
 */
export function registerSegmentSum(): void {
  if (!tf.getKernel('UnsortedSegmentSum', 'wasm'))
    register('wasm', (x, ids, shape, backend) => {
      const wasm = backend as WasmBackend
      const out = wasm.makeOutput(shape, x.dtype)
      // Views only after the allocation: growing the memory detaches older ones.
      const to = wasm.typedArrayFromHeap(out)
      to.fill(0)
      addRows(wasm.typedArrayFromHeap(x), wasm.typedArrayFromHeap(ids), to, shape[0]!)
      return out
    })
  if (tf.getKernel('UnsortedSegmentSum', 'cpu')) {
    tf.unregisterKernel('UnsortedSegmentSum', 'cpu')
    register('cpu', (x, ids, shape, backend) => {
      const cpu = backend as CpuBackend
      const read = ({ dataId }: tf.TensorInfo): Numbers => cpu.data.get(dataId).values
      const size = shape.reduce((a, b) => a * b, 1)
      const to = x.dtype === 'int32' ? new Int32Array(size) : new Float32Array(size)
      addRows(read(x), read(ids), to, shape[0]!)
      return cpu.makeTensorInfo(shape, x.dtype, to)
    })
  }
}
