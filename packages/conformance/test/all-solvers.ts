import type { Solver } from '@equilibria/spec'
import type { ZooProblem } from '@equilibria/conformance'
import {
  aitken,
  anderson,
  andersonI,
  auto,
  bestSoFar,
  bounded,
  broyden,
  chebyshev,
  damped,
  halpern,
  krasnoselskiiMann,
  levenbergMarquardt,
  minimalPolynomial,
  newtonKrylov,
  picard,
  pseudoTransient,
  reducedRank,
  safeguarded,
  vectorEpsilon,
} from '@equilibria/solvers'

/** A solver as the generic tests see it. Add yours here, and every one of them runs on it. */
export interface SolverEntry {
  readonly name: string
  make(): Solver
  /** Problems of the zoo that it solves to 1e-6 within 600 steps; left out: all of them. */
  readonly able?: (problem: ZooProblem) => boolean
}

const contractive = (p: ZooProblem): boolean => p.picard !== 'fails'
const but =
  (...names: readonly string[]) =>
  (p: ZooProblem): boolean =>
    !names.includes(p.name)

export const allSolvers: readonly SolverEntry[] = [
  { name: 'picard', make: () => picard(), able: contractive },
  { name: 'anderson', make: () => anderson() },
  { name: 'anderson m=2', make: () => anderson({ memory: 2 }) },
  { name: 'anderson type I', make: () => andersonI() },
  { name: 'broyden', make: () => broyden() },
  { name: 'broyden bad', make: () => broyden({ update: 'bad' }) },
  { name: 'broyden armijo', make: () => broyden({ lineSearch: 'armijo' }) },
  { name: 'broyden li-fukushima', make: () => broyden({ lineSearch: 'li-fukushima' }) },
  { name: 'krasnoselskii-mann', make: () => krasnoselskiiMann() },
  {
    name: 'krasnoselskii-mann 1/2',
    make: () => krasnoselskiiMann({ damping: 0.5 }),
    // β = 1/2 takes multipliers above −3; at −3 it stands still.
    able: (p) => but('expansive', 'implicit-euler')(p),
  },
  {
    name: 'halpern',
    make: () => halpern(),
    // Neither nonexpansive (jordan: norm 10), nor fast enough at a modulus of 0.95 in 600 steps.
    able: (p) => but('jordan', 'expansive', 'implicit-euler', 'reciprocal')(p),
  },
  // One factor for a defective pair of modes is not enough.
  { name: 'aitken', make: () => aitken(), able: but('jordan') },
  {
    name: 'aitken by component',
    make: () => aitken({ by: 'component' }),
    able: but('rotation', 'expansive', 'tanh-deq', 'bellman'), // coupled components
  },
  {
    name: 'chebyshev',
    make: () => chebyshev({ radius: 0.95 }),
    able: (p) => contractive(p) && p.name !== 'rotation', // a complex pair
  },
  { name: 'chebyshev interval', make: () => chebyshev({ interval: [-6, 0.95] }), able: but('rotation') },
  { name: 'pseudo-transient', make: () => pseudoTransient() },
  { name: 'reduced-rank', make: () => reducedRank(), able: but('logistic-cycling') }, // Picard's cycle has no limit to see
  { name: 'minimal-polynomial', make: () => minimalPolynomial(), able: but('logistic-cycling') },
  {
    name: 'vector-epsilon',
    make: () => vectorEpsilon({ modes: 2 }),
  },
  { name: 'newton-krylov', make: () => newtonKrylov() },
  { name: 'levenberg-marquardt', make: () => levenbergMarquardt() },
  { name: 'auto', make: () => auto() },
  { name: 'damped aitken', make: () => damped(aitken(), 0.7), able: but('jordan') },
  { name: 'safeguarded aitken', make: () => safeguarded(aitken()), able: but('jordan') },
  { name: 'safeguarded anderson', make: () => safeguarded(anderson()) },
  { name: 'safeguarded picard', make: () => safeguarded(picard()), able: but('logistic-cycling') },
  { name: 'bounded anderson', make: () => bounded(anderson(), { lower: -2000, upper: 2000 }) },
  { name: 'best of anderson', make: () => bestSoFar(anderson()) },
]
