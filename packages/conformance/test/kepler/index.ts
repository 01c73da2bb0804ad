import * as tf from '@tensorflow/tfjs-core'
import { definePlugin } from '@equilibria/plugin'
import { stepsNeeded } from './analyzer.ts'
import { anomaly, type Orbit } from './operator.ts'

export { anomaly, stepsNeeded }
export type { AnomalyOptions, Orbit } from './operator.ts'

/** Earth, Mars, Mercury, Halley-ish. */
const orbits = (): Orbit => ({
  meanAnomaly: tf.tensor2d([[0.5], [1], [2], [3]]),
  eccentricity: tf.tensor2d([[0.0167], [0.0934], [0.2056], [0.85]]),
})

/** Bisection in double precision: a second, unrelated way to the same answer. */
const bisect = (M: number, e: number): number => {
  let [lo, hi] = [M - e, M + e]
  for (let i = 0; i < 60; i++) {
    const mid = (lo + hi) / 2
    if (mid - e * Math.sin(mid) < M) lo = mid
    else hi = mid
  }
  return (lo + hi) / 2
}

export default definePlugin({
  name: 'kepler',
  version: '1.0.0',
  summary: "Where is the planet? Kepler's equation as an implicit layer.",
  requires: { features: ['float32'] },
  parts: { operators: { anomaly }, analyzers: { stepsNeeded } },
  samples: {
    'four-orbits': {
      summary: 'Four orbits of growing eccentricity, checked against bisection.',
      operator: () => anomaly(),
      input: orbits,
      expected: ({ meanAnomaly, eccentricity }: Orbit) => {
        const [M, e] = [meanAnomaly.dataSync(), eccentricity.dataSync()]
        return tf.tensor2d(Array.from(M, (m, i) => [bisect(m, e[i]!)]))
      },
      tolerance: 1e-4,
    },
  },
})
