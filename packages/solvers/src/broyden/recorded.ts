import { EquilibriaError, onTape } from '@equilibria/tensor'

/**
 * The inverse that these methods learn is no constant, and its derivative is not recorded: on `z = z/2 + x` with two
 * entries, a solve that ends exact after three steps would get a slope of 1.5 for 2.
 *
 * @throws EquilibriaError `gradient` while gradients are being recorded
 */
export function refuseTape(who: string): void {
  if (onTape())
    throw new EquilibriaError(
      'gradient',
      `${who}() was asked to step while gradients are being recorded.`,
      'Its inverse is learnt off the tape: use implicit() or shine(), or picard() or anderson() with unrolled().',
    )
}
