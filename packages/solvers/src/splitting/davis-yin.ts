import type { Solver } from '@equilibria/spec'
import { checkRelaxation, type RelaxedSplittingOptions } from './douglas-rachford.ts'
import { checkStep, missing, reflectedStep, resolventStep, splittingSolver } from './parts.ts'

/**
 * Davis–Yin splitting on three monotone parts of `G`, `0 ∈ A z + B z + C z`, `C` cocoercive:
 *
 * `y = (I + αA)⁻¹ (2z − x − αC z)`,   `x ← x + λ (y − z)`,   `z ← (I + αB)⁻¹ x`.
 *
 * Converges for `0 < α < 2β`, `β` the cocoercivity of `C` (`1/L` for the gradient of an `L`-smooth convex function), when
 * there is a solution. Without `C` it is `douglasRachford()`, without `A` `forwardBackward()`. Steps default to `β`;
 * without it to what Douglas–Rachford takes, which knows nothing of `C`: give a step then.
 *
 * States are `[batch, size]`; each row moves by itself. The auxiliary point `x` is memory.
 *
 * @cost 1 evaluation, which only measures the residual, 1 resolvent of `A` and `B` and 1 application of `C` per step; 2
 * stored vectors
 * @throws EquilibriaError `option` on a step that is not positive or a relaxation outside `(0, 2)`; `requirement` (from the
 * solve) when the operator has no splitting, or an `A` without its resolvent
 * @cite davis2017
 */
export function davisYin({ step, relaxation = 1 }: RelaxedSplittingOptions = {}): Solver {
  checkStep('davisYin', step)
  checkRelaxation('davisYin', relaxation)
  return splittingSolver({
    name: 'davis-yin',
    check({ applyA, resolventA }) {
      if (applyA && !resolventA)
        missing(
          'davisYin',
          'needs the resolvent (I + αA)⁻¹, which this splitting does not have',
          'Use forwardBackward().',
        )
    },
    alpha: (parts, symmetric) => step ?? parts.cocoercivity ?? resolventStep(parts, symmetric),
    move: (parts, at, alpha) => reflectedStep(parts, at, alpha, relaxation),
  })
}
