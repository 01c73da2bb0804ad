import { discretised } from './discretised.ts'
import { matrixRoots } from './matrix-roots.ts'
import { planar } from './planar.ts'
import type { NonlinearSystem } from './problem.ts'
import { sums } from './sums.ts'
import { valleys } from './valleys.ts'

export { type NonlinearSystem, rootResidual, type RootResidual } from './problem.ts'

/**
 * The 23 test problems of NonlinearSolve.jl, which are those of Burkardt's TEST_NONLIN, with their published starts and
 * sizes, each as `G(z) = z − f(z)`; made afresh by each call, in their published order. Definitions are those of the
 * original papers: in Watson's function and the discrete integral equation the library's transcription differs from them.
 *
 * @cite burkardt-test-nonlin, more1981, pal2024
 */
export const nonlinearSolve23 = (): NonlinearSystem[] =>
  [...valleys(), ...sums(), ...discretised(), ...matrixRoots(), ...planar()].sort((a, b) => a.number - b.number)
