/**
 * Reports about an implicit model: contraction, Lipschitz curves.
 * @module theory
 */
export type { Aggregator, SteppedAnswer, SteppedMap } from './map.ts'
