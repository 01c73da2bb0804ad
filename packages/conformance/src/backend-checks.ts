import * as tf from '@tensorflow/tfjs-core'
import type { Backend, KernelName, Kernels, Vector } from '@equilibria/spec'
import { referenceKernels, resolveKernels } from '@equilibria/core'
import { type Check, distance, expectThat, leakless, values } from './check.ts'

const SHAPES = [
  [1, 1],
  [2, 3],
  [5, 17],
  [3, 1000],
] as const

const vectors = (batch: number, size: number, count: number): Vector[] =>
  Array.from({ length: count }, (_, i) => tf.randomNormal([batch, size], 0, 1, 'float32', i + 1) as Vector)

const runs: { readonly [K in KernelName]: (k: Kernels, batch: number, size: number) => number[] } = {
  norms: (k, b, n) => {
    const [r, z] = vectors(b, n, 2)
    return Array.from(k.norms(r!, z!))
  },
  leastSquares: (k, b, n) => {
    const [r, ...d] = vectors(b, n, 1 + Math.min(n, 3))
    const depth = Array.from({ length: b }, (_, row) => row)
    const [all, some] = [{}, { depth }].map((o) => k.leastSquares(r!, d, { regularization: 1e-6, cap: 1e4, ...o }))
    return [...values(all!), ...values(some!)]
  },
  combine: (k, b, n) => values(k.combine(tf.randomNormal([b, 3], 0, 1, 'float32', 9) as tf.Tensor2D, vectors(b, n, 3))),
}

/**
 * Checks on a backend: every kernel it brings agrees with the reference on several shapes, to `tolerance` relative to the
 * largest entry, and frees what it takes.
 */
export function backendChecks(backend: Backend, { tolerance = 1e-4 }: { readonly tolerance?: number } = {}): Check[] {
  return (Object.keys(backend.kernels) as KernelName[]).flatMap((kernel) =>
    SHAPES.map(([batch, size]): Check => ({
      name: `${backend.name}.${kernel} agrees with the reference on [${batch}, ${size}]`,
      run: () =>
        leakless(kernel, () => {
          const want = runs[kernel](referenceKernels, batch, size)
          const gap = distance(runs[kernel](resolveKernels(backend), batch, size), want)
          const largest = Math.max(1, ...want.map(Math.abs))
          expectThat(gap <= tolerance * largest, `Off by ${gap.toExponential(2)}.`)
        }),
    })),
  )
}
