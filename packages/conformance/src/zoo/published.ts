import { affineNonsymmetric, affineSymmetric } from './affine.ts'
import { bratu, chandrasekhar, helmholtz, poisson, tanhLayer } from './equations.ts'
import { expansive, jordan, rotation } from './linear.ts'
import { navierStokes } from './navier-stokes.ts'
import type { ZooProblem } from './problem.ts'
import { kepler, logisticCycling, logisticStable } from './scalar.ts'
import { bellman } from './vector.ts'

/** The names of the published problems. */
export type PublishedName =
  | 'affineSymmetric90'
  | 'affineSymmetric99'
  | 'affineNonsymmetric90'
  | 'affineNonsymmetric99'
  | 'rotation'
  | 'jordan'
  | 'expansive'
  | 'chandrasekhar90'
  | 'chandrasekhar99'
  | 'chandrasekhar9999'
  | 'bratu1'
  | 'bratu3'
  | 'tanhLayer09'
  | 'tanhLayer15'
  | 'tanhLayer20'
  | 'logisticStable'
  | 'logisticCycling'
  | 'kepler'
  | 'poisson'
  | 'helmholtz'
  | 'bellman'
  | 'navierStokes'

/**
 * The set on which work is counted: problems of the literature with answers in float64, each made afresh by a call.
 * Picard needs thousands of steps on some and fails on others.
 */
export const published: Readonly<Record<PublishedName, () => ZooProblem>> = {
  affineSymmetric90: () => affineSymmetric(0.9),
  affineSymmetric99: () => affineSymmetric(0.99),
  affineNonsymmetric90: () => affineNonsymmetric(0.9),
  affineNonsymmetric99: () => affineNonsymmetric(0.99),
  rotation,
  jordan,
  expansive,
  chandrasekhar90: () => chandrasekhar(0.9),
  chandrasekhar99: () => chandrasekhar(0.99),
  chandrasekhar9999: () => chandrasekhar(0.9999),
  bratu1: () => bratu(1),
  bratu3: () => bratu(3),
  tanhLayer09: () => tanhLayer(0.9),
  tanhLayer15: () => tanhLayer(1.5),
  tanhLayer20: () => tanhLayer(2),
  logisticStable,
  logisticCycling,
  kepler,
  poisson,
  helmholtz,
  bellman,
  navierStokes,
}
