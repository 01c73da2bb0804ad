import * as tf from '@tensorflow/tfjs-core'

/** A function with points where it is smooth; `kinks` keeps finite differences from straddling one. */
export interface Probe {
  readonly name: string
  readonly f: (x: tf.Tensor) => tf.Tensor
  /** A point; default `wave([2, 4])`. */
  readonly x?: () => tf.Tensor
  /** `f` cannot run on this backend (tfjs has no kernel, or a wrong one). */
  readonly not?: 'wasm'
}

/** Distinct values in ±1.2, away from 0, ±0.5 and from each other by more than a finite-difference step. */
export const wave = (shape: number[], scale = 1): tf.Tensor => {
  const n = shape.reduce((a, b) => a * b, 1)
  const at = (i: number) => ((((i * 7 + 3) % n) + 0.5) / n) * 2.4 - 1.2 + 0.013
  return tf.tensor(
    Array.from({ length: n }, (_, i) => at(i) * scale),
    shape,
  )
}

export const positive = (shape: number[]): tf.Tensor => tf.add(tf.abs(wave(shape)), 0.4)

const image = () => wave([1, 4, 4, 2])
const filter = () => wave([3, 3, 2, 2], 0.5)
const pick = () => tf.tensor1d([0, 2, 1, 0], 'int32')

export const probes: readonly Probe[] = [
  { name: 'tanh', f: tf.tanh },
  { name: 'exp', f: tf.exp },
  { name: 'sigmoid', f: tf.sigmoid },
  { name: 'softmax', f: (x) => tf.softmax(x) },
  { name: 'logSoftmax', f: (x) => tf.logSoftmax(x) },
  { name: 'logSigmoid', f: tf.logSigmoid },
  { name: 'elu', f: tf.elu },
  { name: 'selu', f: tf.selu },
  { name: 'relu', f: tf.relu },
  { name: 'relu6', f: (x) => tf.relu6(tf.mul(x, 7)) },
  { name: 'leakyRelu', f: (x) => tf.leakyRelu(x) },
  { name: 'prelu', f: (x) => tf.prelu(x, tf.tensor1d([0.1, 0.2, 0.3, 0.4])) },
  { name: 'softplus', f: tf.softplus },
  { name: 'clipByValue', f: (x) => tf.clipByValue(x, -0.7, 0.7) },
  { name: 'max', f: (x) => tf.max(x, 1) },
  { name: 'min', f: (x) => tf.min(x, 0) },
  { name: 'maximum with a broadcast argument', f: (x) => tf.maximum(x, tf.slice(x, [0, 0], [1, 4])) },
  { name: 'minimum with a broadcast argument', f: (x) => tf.minimum(tf.slice(x, [0, 0], [2, 1]), x) },
  { name: 'where(greater)', f: (x) => tf.where(tf.greater(x, 0), tf.square(x), tf.mul(x, 3)) },
  {
    name: 'where(logicalAnd(less, notEqual))',
    f: (x) => tf.where(tf.logicalAnd(tf.less(x, 1), tf.notEqual(x, 0)), tf.sin(x), x),
  },
  {
    name: 'where(logicalNot(lessEqual))',
    f: (x) => tf.where(tf.logicalNot(tf.logicalOr(tf.lessEqual(x, 0), tf.equal(x, 9))), tf.sin(x), x),
  },
  { name: 'logSumExp', f: (x) => tf.logSumExp(x, 1) },
  { name: 'erf', f: tf.erf },
  { name: 'pow', f: (x) => tf.pow(x, 3), x: () => positive([2, 4]) },
  { name: 'pow of an exponent', f: (x) => tf.pow(tf.scalar(1.7), x) },
  { name: 'sqrt', f: tf.sqrt, x: () => positive([2, 4]) },
  { name: 'rsqrt', f: tf.rsqrt, x: () => positive([2, 4]) },
  { name: 'log', f: tf.log, x: () => positive([2, 4]) },
  { name: 'sin', f: tf.sin },
  { name: 'norm', f: (x) => tf.norm(x, 2, 1) },
  {
    name: 'layer norm',
    f: (x) => {
      const { mean, variance } = tf.moments(x, 1, true)
      return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 0.1)))
    },
  },
  { name: 'matMul', f: (x) => tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D, false, true) },
  ...[true, false].flatMap((left) =>
    [true, false].map((right) => ({
      name: `matMul, transposes ${left} ${right}`,
      f: (x: tf.Tensor): tf.Tensor =>
        tf.matMul(tf.reshape(x, left ? [4, 2] : [2, 4]), tf.reshape(tf.sin(x), right ? [2, 4] : [4, 2]), left, right),
    })),
  ),
  {
    name: 'matMul, batched and broadcast',
    f: (x) => tf.matMul(tf.reshape(x, [2, 1, 2, 2]), tf.reshape(tf.slice(x, [0, 0], [1, 4]), [2, 2])),
  },
  { name: 'squaredDifference with broadcasting', f: (x) => tf.squaredDifference(x, tf.slice(x, [0, 0], [1, 4])) },
  { name: 'gather', f: (x) => tf.gather(tf.square(x), pick()), x: () => wave([4, 3]) },
  { name: 'gather along axis 1', f: (x) => tf.gather(tf.square(x), pick(), 1) },
  {
    name: 'gather with batchDims 1',
    f: (x) =>
      tf.gather(
        tf.square(x),
        tf.tensor2d(
          [
            [0, 2],
            [1, 0],
          ],
          [2, 2],
          'int32',
        ),
        1,
        1,
      ),
    x: () => wave([2, 5, 3]),
  },
  {
    name: 'unsortedSegmentSum',
    f: (x) => tf.unsortedSegmentSum(tf.square(x), tf.tensor1d([1, 0, 2, 1], 'int32'), 3),
    x: () => wave([4, 3]),
  },
  {
    name: 'concat, slice, pad, tile, stack, transpose',
    f: (x) => {
      const y = tf.concat([tf.slice(x, [0, 1], [2, 2]), tf.square(x)], 1)
      return tf.transpose(
        tf.stack([
          tf.pad(tf.tile(y, [1, 2]), [
            [1, 0],
            [0, 1],
          ]),
          tf.pad(tf.tile(y, [1, 2]), [
            [0, 1],
            [1, 0],
          ]),
        ]),
      )
    },
  },
  {
    name: 'gather with batchDims 1 along axis 2',
    f: (x) =>
      tf.gather(
        tf.square(x),
        tf.tensor2d(
          [
            [0, 2, 1],
            [1, 0, 0],
          ],
          [2, 3],
          'int32',
        ),
        2,
        1,
      ),
    x: () => wave([2, 2, 3]),
    not: 'wasm', // its kernel picks the wrong entries
  },
  { name: 'gather where the maximum is', f: (x) => tf.mul(x, tf.sum(tf.gather(tf.square(x), tf.argMax(x, 1), 1))) },
  { name: 'topk', f: (x) => tf.topk(tf.square(x), 2).values },
  { name: 'topk of rank 3', f: (x) => tf.topk(tf.square(x), 2).values, x: () => wave([2, 2, 3]) },
  {
    name: 'gatherND',
    f: (x) =>
      tf.gatherND(
        tf.square(x),
        tf.tensor2d(
          [
            [0, 1],
            [1, 3],
            [0, 1],
          ],
          [3, 2],
          'int32',
        ),
      ),
  },
  { name: 'scatterND', f: (x) => tf.scatterND(tf.tensor2d([[4], [1]], [2, 1], 'int32'), tf.square(x), [6, 4]) },
  { name: 'stridedSlice', f: (x) => tf.stridedSlice(tf.square(x), [0, 3], [2, 0], [1, -2]) },
  {
    name: 'depthToSpace',
    f: (x) => tf.depthToSpace(tf.square(x) as tf.Tensor4D, 2, 'NHWC'),
    x: () => wave([1, 2, 2, 4]),
  },
  { name: 'maxPool', f: (x) => tf.maxPool(tf.sin(x) as tf.Tensor4D, 2, 2, 'valid'), x: image },
  { name: 'maxPool same, overlapping', f: (x) => tf.maxPool(tf.sin(x) as tf.Tensor4D, 3, 2, 'same'), x: image },
  {
    name: 'maxPool of negative numbers',
    f: (x) => tf.maxPool(tf.sub(tf.sin(x), 3) as tf.Tensor4D, 3, 1, 'same'),
    x: image,
  },
  { name: 'cumsum', f: (x) => tf.cumsum(tf.square(x), 1) },
  { name: 'prod', f: (x) => tf.prod(x, 1) },
  { name: 'prod of everything', f: (x) => tf.prod(x) },
  { name: 'cumprod', f: (x) => tf.cumprod(x, 1) },
  { name: 'cumprod, exclusive and reversed', f: (x) => tf.cumprod(x, 0, true, true), x: () => wave([4, 2]) },
  { name: 'mod', f: (x) => tf.mul(tf.mod(x, 0.8), x), x: () => positive([2, 4]) },
  {
    name: 'mirrorPad reflect',
    f: (x) =>
      tf.mirrorPad(
        tf.square(x),
        [
          [1, 0],
          [2, 3],
        ],
        'reflect',
      ),
  },
  {
    name: 'mirrorPad symmetric',
    f: (x) =>
      tf.mirrorPad(
        tf.square(x),
        [
          [1, 2],
          [4, 0],
        ],
        'symmetric',
      ),
  },
  { name: 'avgPool same', f: (x) => tf.avgPool(tf.square(x) as tf.Tensor4D, 3, 2, 'same'), x: image },
  { name: 'avgPool valid', f: (x) => tf.avgPool(tf.square(x) as tf.Tensor4D, 2, 1, 'valid'), x: image },
  {
    name: 'avgPool3d same',
    f: (x) => tf.avgPool3d(tf.square(x) as tf.Tensor5D, 2, 2, 'same'),
    x: () => wave([1, 3, 3, 3, 1]),
  },
  { name: 'resizeBilinear', f: (x) => tf.image.resizeBilinear(tf.square(x) as tf.Tensor4D, [7, 5]), x: image },
  {
    name: 'resizeNearestNeighbor',
    f: (x) => tf.image.resizeNearestNeighbor(tf.square(x) as tf.Tensor4D, [7, 5]),
    x: image,
  },
  { name: 'conv2d', f: (x) => tf.conv2d(tf.square(x) as tf.Tensor4D, filter() as tf.Tensor4D, 1, 'same'), x: image },
  {
    name: 'conv2d in its filter',
    f: (w) => tf.conv2d(image() as tf.Tensor4D, tf.square(w) as tf.Tensor4D, 2, 'same'),
    x: filter,
    not: 'wasm',
  },
  {
    name: 'depthwiseConv2d',
    f: (x) => tf.depthwiseConv2d(tf.square(x) as tf.Tensor4D, filter() as tf.Tensor4D, 1, 'same'),
    x: image,
    not: 'wasm',
  },
  {
    name: 'depthwiseConv2d in its filter',
    f: (w) => tf.depthwiseConv2d(image() as tf.Tensor4D, tf.square(w) as tf.Tensor4D, 1, 'same'),
    x: filter,
    not: 'wasm',
  },
  {
    name: 'self-attention',
    f: (x) => tf.matMul(tf.softmax(tf.matMul(x as tf.Tensor2D, x as tf.Tensor2D, false, true)), x as tf.Tensor2D),
  },
]
