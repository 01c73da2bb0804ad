import type { Problem } from './problem.ts'
import type { AdjointStatus, Status } from './solution.ts'
import type { Memory, Solver } from './solver.ts'
import type { Vector } from './tree.ts'

/** How a loss reaches the parameters and the input through an equilibrium. */
export interface GradientMode {
  readonly kind: 'gradient'
  readonly spec: 1
  readonly name: string
  /** `detached`: the solve is invisible to autodiff. `taped`: the solve itself is differentiated. */
  readonly forward: 'detached' | 'taped'
  /** `memory`: the forward solver's memory is kept for `attach` (no compaction then). */
  readonly needs?: readonly 'memory'[]
  /** Called only while gradients are being recorded. Returns the value of `site.z`, with a gradient. */
  attach(site: AttachSite): Vector
}

/** Where a gradient mode does its work: the solution found, and the problem it solves. */
export interface AttachSite {
  readonly z: Vector
  /** On the tape: whatever `apply` computes here is recorded, `∂G/∂θ` and `∂G/∂x` included. */
  readonly problem: Problem
  /** How each sample of the forward solve ended. */
  readonly status: readonly Status[]
  /** How `z` was found, for modes that go over it again; absent after several starts. */
  readonly run?: {
    readonly solver: Solver
    /** Where it began, `[batch, size]`. */
    readonly start: Vector
    /** Steps per sample. */
    readonly steps: Int32Array
  }
  /** With `needs: ['memory']`: what the solver remembered when it stopped. */
  readonly memory?: { readonly solver: Solver; readonly memory: Memory }
  report(stats: BackwardStats): void
}

/** How one backward pass went. Plain numbers, per sample and in all. */
export interface BackwardStats {
  readonly mode: string
  /** Vector–Jacobian products. */
  readonly steps: number
  /** Worst relative residual of the adjoint system. */
  readonly residual: number
  readonly converged: boolean
  readonly perSample: {
    readonly status: readonly AdjointStatus[]
    readonly steps: Int32Array
    readonly residual: Float32Array
  }
  /** Set when the mode's policy replaced the exact adjoint of some samples. */
  readonly fallback?: string
  /** What the numbers do not say: samples whose forward solve failed, the method that was chosen and why. */
  readonly notes?: readonly string[]
}
