import type { Operator } from '@equilibria/spec'
import { EquilibriaError, scoped } from '@equilibria/tensor'
import type { PdhgInput } from './operator.ts'
import { type PdhgState, readLeaves, writeLeaves } from './state.ts'

/** A guess for one sample, in the units of its program. */
export interface Guess {
  /** `[n]` */
  readonly y: ArrayLike<number>
  /** `[m]`; left out: 0. */
  readonly dual?: ArrayLike<number>
}

/**
 * The state that begins at these guesses, one per sample: answer, iterate and anchor equal. `y` may be
 * outside its bounds: the first step brings it in. For `solve(input, { initial })`.
 *
 * @throws EquilibriaError when numbers or lengths do not fit
 */
export function startFrom(
  operator: Operator<PdhgState, PdhgInput>,
  input: PdhgInput,
  guesses: readonly Guess[],
): PdhgState {
  return scoped(() => {
    const cold = operator.bind(input).initial()
    const [batch, n] = cold.y.shape
    const m = cold.dual.shape[1]
    const out = structuredClone(readLeaves(cold))
    const bad = guesses.findIndex((g) => g.y.length !== n || (g.dual !== undefined && g.dual.length !== m))
    if (guesses.length !== batch || bad >= 0)
      throw new EquilibriaError(
        'shape',
        bad >= 0
          ? `Guess ${bad} has y of ${guesses[bad]!.y.length} and dual of ${guesses[bad]!.dual?.length ?? 0} entries.`
          : `${guesses.length} guesses for a batch of ${batch}.`,
        `Pass one guess per sample, with y of ${n} and dual of ${m} entries.`,
      )
    guesses.forEach(({ y, dual }, row) => {
      const odd = Array.from(y).findIndex((v) => !Number.isFinite(v))
      const oddDual = dual ? Array.from(dual).findIndex((v) => !Number.isFinite(v)) : -1
      if (odd >= 0 || oddDual >= 0)
        throw new EquilibriaError(
          'data',
          odd >= 0
            ? `Guess ${row} has y[${odd}] = ${y[odd]}.`
            : `Guess ${row} has dual[${oddDual}] = ${dual?.[oddDual]}.`,
          'A warm start is made of finite numbers; leave it out to start cold.',
        )
      for (let j = 0, k = row * n; j < n; j++, k++) {
        out.y[k] = out.yAnchor[k] = y[j]!
        out.yLow[k] = y[j]! - out.y[k]!
      }
      if (dual)
        for (let i = 0, k = row * m; i < m; i++, k++) {
          out.dual[k] = out.dualAnchor[k] = dual[i]!
          out.dualLow[k] = dual[i]! - out.dual[k]!
        }
    })
    return writeLeaves(out, batch, m, n)
  })
}
