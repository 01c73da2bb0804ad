import type { LinearOptions, LinearResult, Problem, Solver, Splitting, StopRule, Vector } from '@equilibria/spec'
import { anyOf, divergence, drive, nonFinite } from '@equilibria/core'
import { add, EquilibriaError, rowDot, scoped, sub } from '@equilibria/tensor'

/**
 * `u ← Jᵀu + v` by a fixed-point solver, started at `v` (or `initial`), stopped relative to `‖v‖` as a linear solver would.
 * `splitting`: the parts of that map, not of `G`.
 */
export function fixedPointAdjoint(
  solver: Solver,
  problem: Problem,
  vjp: (u: Vector) => Vector,
  v: Vector,
  { tolerance, maxSteps, initial }: LinearOptions,
  splitting?: Splitting<Vector>,
): LinearResult {
  const dual: Problem = {
    batch: problem.batch,
    size: problem.size,
    traits: problem.traits,
    kernels: problem.kernels,
    ...(splitting ? { splitting } : {}),
    apply: (u) => add(vjp(u), v),
    linearize: () => {
      throw new EquilibriaError(
        'requirement',
        `Solver "${solver.name}" asks for products with J itself; an adjoint problem only has products with Jᵀ.`,
        'Use gmres(), or a fixed-point solver that only evaluates.',
      )
    },
  }
  const size = rowDot(v, v).map((s) => Math.sqrt(s) || 1)
  const residual = new Float32Array(v.shape[0])
  const relative: StopRule = {
    kind: 'stop-rule',
    spec: 1,
    name: 'adjoint',
    start:
      () =>
      ({ absolute, sample }) => {
        residual[sample] = absolute / size[sample]! // the driver measures the state that it returns last
        return residual[sample]! <= tolerance ? 'converged' : undefined
      },
  }
  const driven = drive(dual, solver, initial ?? v, {
    stop: anyOf(nonFinite(), relative, divergence()),
    maxSteps,
    compaction: false,
  })
  if (solver.answer === 'best' || solver.after) {
    // What was seen last need not be what is returned.
    const off = scoped(() => sub(dual.apply(driven.z), driven.z))
    rowDot(off, off).forEach((s, b) => (residual[b] = Math.sqrt(s) / size[b]!))
    off.dispose()
  }
  return { u: driven.z, steps: driven.total, residual, perSampleSteps: driven.steps }
}
