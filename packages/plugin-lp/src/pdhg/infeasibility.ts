import type { StopRule } from '@equilibria/spec'
import type { LinearProgram } from '../program/program.ts'
import { type Certificate, farkas, ray } from './certificate.ts'
import { readPacked } from './state.ts'
import { packedOf, perSample } from './stop.ts'

/**
 * `diverged` when the iterates run away along a direction that is a verified certificate of infeasibility or
 * unboundedness. When a program has no optimum, PDHG's differences `z − T(z)` and the distance travelled since the
 * epoch began both tend to such a direction; each is tried, both ways, and only what `farkas` or `ray` accepts counts.
 *
 * @cost four products with `A` per sample, every `every` steps (default 4)
 * @cite applegate2024
 */
export function certificateFound(
  programs: readonly LinearProgram[],
  onFound?: (sample: number, certificate: Certificate) => void,
  { every = 4 }: { readonly every?: number } = {},
): StopRule {
  const name = 'certificate'
  const of = perSample(programs, name)
  return {
    kind: 'stop-rule',
    spec: 1,
    name,
    start: () => (seen) => {
      if (seen.step % every !== 0) return undefined
      const one = of(seen.sample)
      const { rows: m, columns: n } = one.program.matrix
      const { y, dual, at } = readPacked(packedOf(seen, name), m, n)
      const against = (v: Float64Array, from: Float32Array) => v.map((x, i) => x - from[i]!)
      const found =
        farkas(
          one,
          at('dualStep').map((v) => -v),
        ) ??
        farkas(one, against(dual, at('dualAnchor'))) ??
        ray(
          one,
          at('yStep').map((v) => -v),
        ) ??
        ray(one, against(y, at('yAnchor')))
      if (!found) return undefined
      onFound?.(seen.sample, found)
      return 'diverged'
    },
  }
}
