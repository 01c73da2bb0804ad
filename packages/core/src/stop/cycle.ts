import type { Observation, StopRule } from '@equilibria/spec'

const LONGEST = 4
/** Residuals that return this closely are worth a look at the states. */
const SIMILAR = 1e-4
/** `‖z_{k+p} − z_k‖ ≤ CLOSED · r`: an oscillation that shrinks by more than 5e-6 per step is none. */
const CLOSED = 1e-5
/** Below `64 u ‖z‖` the iterates repeat because of rounding: that is a floor. */
const ROUNDING = 64 * 2 ** -24

interface Watch {
  readonly anchor: Float32Array
  readonly since: number
  /** Steps after which the state was back, among the last `2 · LONGEST`. */
  readonly back: number[]
}

/**
 * `cycle` when the iterates repeat with a period of 2, 3 or 4: `‖z_{k+p} − z_k‖₂ ≤ 1e-5 · r` and again after `2p`, with
 * `r = ‖G(z) − z‖₂`. Picard does this where a stable orbit surrounds an unstable fixed point, and for ever: damping, or
 * a method that takes the Jacobian into account, finds the point.
 *
 * Cheap: residuals are compared first, and states are read back for a few steps only when a period of residuals returns
 * to 1e-4, ever more rarely where that is deceptive (rotations). An oscillation that converges is not mistaken for a
 * cycle unless it loses less than 5e-6 of its size per step. Cycles smaller than about `6e-3 ‖z‖` are seen only if they
 * repeat to the bit.
 *
 * @cost a few comparisons per sample and step
 */
export const cycle = (): StopRule => ({
  kind: 'stop-rule',
  spec: 1,
  name: 'cycle',
  start: (batch) => {
    const past = new Float64Array(batch * 2 * LONGEST).fill(Number.NaN) // of each sample, at step modulo 8
    const patience = new Int32Array(batch).fill(2 * LONGEST)
    const notBefore = new Int32Array(batch)
    const watched = new Map<number, Watch>()
    return (seen) => {
      const { sample, step, absolute, norm } = seen
      const at = (k: number) => sample * 2 * LONGEST + (k % (2 * LONGEST))
      past[at(step)] = absolute
      const watch = watched.get(sample)
      if (watch) return follow(seen, watch)
      if (step < notBefore[sample]! || !seen.packed || !(absolute > ROUNDING * norm)) return undefined
      const returns = (p: number) => {
        for (let i = 0; i < p; i++)
          if (!(Math.abs(past[at(step - i)]! - past[at(step - i - p)]!) <= SIMILAR * absolute)) return false
        return true
      }
      if (step >= 2 * LONGEST && (returns(2) || returns(3) || returns(4)))
        watched.set(sample, { anchor: seen.packed().slice(), since: step, back: [] })
      return undefined
    }

    function follow({ sample, step, absolute, packed }: Observation, { anchor, since, back }: Watch) {
      const p = step - since
      if (distance(packed!(), anchor) <= CLOSED * absolute) back.push(p)
      if (back[0] !== 1 && back.some((q) => q <= LONGEST && back.includes(2 * q))) return 'cycle'
      if (p >= 2 * LONGEST || back[0] === 1 || (p >= LONGEST && back.length === 0)) {
        watched.delete(sample)
        patience[sample] = patience[sample]! * 2
        notBefore[sample] = step + patience[sample]!
      }
      return undefined
    }
  },
})

function distance(a: Float32Array, b: Float32Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) sum += (a[i]! - b[i]!) ** 2
  return Math.sqrt(sum)
}
