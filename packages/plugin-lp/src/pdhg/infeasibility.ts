import type { StopRule } from '@equilibria/spec'
import type { LinearProgram } from '../program/program.ts'
import { type Certificate, farkas, ray } from './certificate.ts'
import { refinedFarkas } from './refine.ts'
import { readPacked } from './state.ts'
import { packedOf, perSample } from './stop.ts'

/**
 * `diverged` when the iterates run away along a direction that is a verified certificate of infeasibility or
 * unboundedness. When a program has no optimum, PDHG's differences `z − T(z)` and the distance travelled since the
 * epoch began both tend to such a direction, and so does what became of the iterate itself; each is tried, now and then
 * also after refinement, and only what `farkas` or `ray` accepts counts.
 *
 * @cost six products with `A` per sample every `every` steps (default 4), and a refinement every eighth time
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
      const travelled = against(dual, at('dualAnchor'))
      const found =
        farkas(
          one,
          at('dualStep').map((v) => -v),
        ) ??
        farkas(one, travelled) ??
        farkas(one, dual) ??
        ray(
          one,
          at('yStep').map((v) => -v),
        ) ??
        ray(one, against(y, at('yAnchor'))) ??
        ray(one, y) ??
        (seen.step % (every * 8) === 0 ? (refinedFarkas(one, travelled) ?? refinedFarkas(one, dual)) : undefined)
      if (!found) return undefined
      onFound?.(seen.sample, found)
      return 'diverged'
    },
  }
}
