import { affine, expansive, implicitEuler, jordan, rotation } from './linear.ts'
import type { ZooProblem } from './problem.ts'
import { babylonian, dottie, kepler, lambert, logisticCycling, logisticStable, reciprocal, relu } from './scalar.ts'
import { bellman, tanhDeq } from './vector.ts'

export { zooError, type ZooProblem } from './problem.ts'
export { monotone, type MonotoneProblem } from './monotone.ts'
export { published } from './published.ts'

/** Problems with known answers, each made afresh by a call. */
export const zoo: {
  readonly affine: () => ZooProblem
  readonly jordan: () => ZooProblem
  readonly rotation: () => ZooProblem
  readonly expansive: () => ZooProblem
  readonly implicitEuler: () => ZooProblem
  readonly dottie: () => ZooProblem
  readonly kepler: () => ZooProblem
  readonly logisticStable: () => ZooProblem
  readonly logisticCycling: () => ZooProblem
  readonly lambert: () => ZooProblem
  readonly babylonian: () => ZooProblem
  readonly reciprocal: () => ZooProblem
  readonly relu: () => ZooProblem
  readonly tanhDeq: () => ZooProblem
  readonly bellman: () => ZooProblem
} = {
  affine,
  jordan,
  rotation,
  expansive,
  implicitEuler,
  dottie,
  kepler,
  logisticStable,
  logisticCycling,
  lambert,
  babylonian,
  reciprocal,
  relu,
  tanhDeq,
  bellman,
}
