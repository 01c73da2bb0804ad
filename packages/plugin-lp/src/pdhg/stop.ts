import type { StopRule } from '@equilibria/spec'
import { EquilibriaError } from '@equilibria/tensor'
import type { LinearProgram } from '../program/program.ts'
import { evaluator, type Kkt, kktError } from './kkt.ts'
import { readPacked } from './state.ts'

/** The program of each sample, in the order of the batch. */
export const perSample = (programs: readonly LinearProgram[], rule: string) => {
  const made = new Map<number, ReturnType<typeof evaluator>>()
  return (sample: number): ReturnType<typeof evaluator> => {
    const known = made.get(sample)
    if (known) return known
    const program = programs[sample]
    if (!program)
      throw new EquilibriaError(
        'shape',
        `${rule} was given ${programs.length} programs; the batch has a sample ${sample}.`,
        'Pass one program per sample, in the order of the batch: programsOf(input) for graph batches.',
      )
    const next = evaluator(program)
    made.set(sample, next)
    return next
  }
}

/** The state of the sample, or an error that says what is missing. */
export function packedOf(seen: { readonly packed?: () => Float32Array }, rule: string): Float32Array {
  if (seen.packed) return seen.packed()
  throw new EquilibriaError(
    'requirement',
    `${rule} looks at the state, and this driver does not offer it.`,
    'Use the driver of @equilibria/core.',
  )
}

/**
 * `converged` when the relative KKT error of the answer in the state, measured in float64 against the program as it was
 * given, is at most `tolerance` (see `kktError` for the formula). Works on every state that begins with `y` and `dual`
 * in pairs, as `PdhgState` does.
 *
 * `programs` holds one program per sample of the batch. `onMeasured` hears every value.
 *
 * @cost one product with `A` and one with `Aᵀ` per sample and step, and one readback of the states per step
 * @throws EquilibriaError when `tolerance` is not a number ≥ 0
 * @cite applegate2021
 */
export function kktBelow(
  tolerance: number,
  programs: readonly LinearProgram[],
  onMeasured?: (sample: number, kkt: Kkt) => void,
): StopRule {
  if (!(tolerance >= 0))
    throw new EquilibriaError('option', `kktBelow(${tolerance}) is not a tolerance.`, 'Pass a number ≥ 0.')
  const name = `kkt≤${tolerance}`
  const of = perSample(programs, name)
  return {
    kind: 'stop-rule',
    spec: 1,
    name,
    start: () => (seen) => {
      const one = of(seen.sample)
      const { rows, columns } = one.program.matrix
      const { y, dual } = readPacked(packedOf(seen, name), rows, columns)
      const kkt = kktError(one, y, dual)
      onMeasured?.(seen.sample, kkt)
      return Number.isNaN(kkt.error) ? 'non-finite' : kkt.error <= tolerance ? 'converged' : undefined
    },
  }
}
