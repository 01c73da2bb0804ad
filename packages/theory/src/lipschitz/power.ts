import type { TensorTree, Vector } from '@equilibria/spec'
import { linearize, offTape, packing, scoped } from '@equilibria/tensor'
import type { SteppedMap } from '../map.ts'
import { type TopSingularOptions, topSingular } from '../krylov/top-singular.ts'
import type { LipschitzSamples } from './samples.ts'

export interface PowerOptions extends TopSingularOptions {
  /** Depths, increasing. */
  readonly steps: readonly number[]
}

/**
 * The largest singular value of `M_t = ∂y_t/∂x` for every sample and depth: the local constant of the t-step map itself,
 * by Golub–Kahan bidiagonalisation.
 *
 * The map must record on the tape, step by step (`picardMap` does; `Model.trajectory` does not). All leaves of `x` are
 * moved together and must be float32.
 *
 * @cost per depth, one recorded run of `t` steps, then one product with `M_t` and one with `M_tᵀ` per step, each about one
 * run; the tape of `t` steps, and that of its pullback, in memory
 */
export function powerSamples<X extends TensorTree, Y extends TensorTree>(
  map: SteppedMap<X, Y>,
  input: X,
  options: PowerOptions,
): LipschitzSamples {
  const { steps } = options
  const { pack, unpack, batch } = packing(input)
  return offTape(() =>
    scoped(() => {
      const x = pack(input)
      const residuals = scoped(() => map(input, steps).map(({ residual }) => Array.from(residual ?? [])))
      const found = steps.map((t) => {
        const f = (at: Vector): Vector => {
          const [answer] = map(unpack(at), [t])
          return packing(answer!.y).pack(answer!.y)
        }
        const linear = linearize(f, x)
        try {
          return topSingular(linear, x, options)
        } finally {
          linear.dispose()
        }
      })
      return {
        method: 'power' as const,
        steps,
        perturbations: [],
        radius: null,
        repeats: 1,
        values: found.map(({ values }) => Array.from(values, (value) => Float64Array.of(value))),
        residuals,
        floors: steps.map(() => Array.from({ length: batch }, () => 0)),
        change: Math.max(...found.map(({ change }) => change)),
      }
    }),
  )
}
