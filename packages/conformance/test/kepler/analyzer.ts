import type { Analyzer } from '@equilibria/spec'

/** Kepler's map contracts with factor `e`: the number of Picard steps follows from it. */
export function stepsNeeded({ digits = 6 }: { readonly digits?: number } = {}): Analyzer<{ readonly steps: number }> {
  return {
    kind: 'analyzer',
    spec: 1,
    name: 'kepler/steps-needed',
    analyze(problem) {
      const e = problem.traits.lipschitz ?? 1
      const steps = Math.ceil((-digits * Math.LN10) / Math.log(e))
      return {
        kind: 'report',
        property: 'contraction',
        verdict: e < 1 ? 'holds' : 'fails',
        evidence: 'proof',
        value: e,
        statement: `The map contracts by ${e} per step, so ${digits} digits take at most ${steps} Picard steps.`,
        assumptions: ['0 ≤ e < 1'],
        sources: ['colwell1993'],
        detail: { steps },
      }
    },
  }
}
