import * as tf from '@tensorflow/tfjs-core'
import { kernel, repair, zeros, type Repair } from './repair.ts'

interface Attributes {
  readonly filterSize: number | number[]
  readonly strides: number | number[]
  readonly pad: 'valid' | 'same' | number
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil'
}

/** Per output position along one axis: how much of the window lies inside the input, as a fraction. */
const inside = (output: number, input: number, window: number, stride: number, before: number): number[] =>
  Array.from({ length: output }, (_, i) => {
    const start = i * stride - before
    return (Math.min(start + window, input) - Math.max(start, 0)) / window
  })

/** Product over the axes, shaped to multiply a pooled array: `[1, …, 1]` around the spatial axes. */
function coverage(axes: readonly number[][]): tf.Tensor {
  const values = axes.reduce((all, axis) => all.flatMap((p) => axis.map((q) => p * q)), [1])
  return tf.tensor(values, [1, ...axes.map((axis) => axis.length), 1])
}

/** `undefined` when every window lies inside. */
function coverageOf(x: tf.Tensor, { filterSize, strides, pad, dimRoundingMode }: Attributes): tf.Tensor | undefined {
  if (pad === 'valid' || pad === 0) return undefined
  if (x.rank === 4) {
    const i = tf.backend_util.computePool2DInfo(
      x.shape as never,
      filterSize as never,
      strides as never,
      1,
      pad,
      dimRoundingMode,
    )
    return coverage([
      inside(i.outHeight, i.inHeight, i.filterHeight, i.strideHeight, i.padInfo.top),
      inside(i.outWidth, i.inWidth, i.filterWidth, i.strideWidth, i.padInfo.left),
    ])
  }
  const i = tf.backend_util.computePool3DInfo(
    x.shape as never,
    filterSize as never,
    strides as never,
    1,
    pad,
    dimRoundingMode,
  )
  return coverage([
    inside(i.outDepth, i.inDepth, i.filterDepth, i.strideDepth, i.padInfo.front),
    inside(i.outHeight, i.inHeight, i.filterHeight, i.strideHeight, i.padInfo.top),
    inside(i.outWidth, i.inWidth, i.filterWidth, i.strideWidth, i.padInfo.left),
  ])
}

/**
 * Average pooling divides by the entries of a window that exist; the stock gradient divides by the whole window, wrong
 * wherever a window overhangs ('same' padding). The kernel is right once `dy` is divided by the covered fraction.
 * It gets a gradient of its own too: it is linear in `dy`, and its adjoint is the pooling again.
 */
const family = (pool: string, poolGrad: string): readonly Repair[] => [
  repair<Attributes>(pool, { inputs: ['x'] }, (dy, [x], attrs) => ({
    x: () => {
      const covered = coverageOf(x!, attrs)
      return kernel(poolGrad, { dy: covered ? tf.div(dy, covered) : dy, input: x! }, attrs)
    },
  })),
  repair<Attributes>(poolGrad, { inputs: ['input'] }, (ddx, [input], attrs) => ({
    dy: () => {
      const covered = coverageOf(input!, attrs)
      const pooled = kernel(pool, { x: ddx }, attrs)
      return covered ? tf.mul(pooled, covered) : pooled
    },
    input: zeros(input!),
  })),
]

export const avgPool: readonly Repair[] = [...family('AvgPool', 'AvgPoolGrad'), ...family('AvgPool3D', 'AvgPool3DGrad')]
