import * as tf from '@tensorflow/tfjs-core'
import type { BackwardStats, GradientMode } from '@equilibria/spec'
import { defineOperator, EquilibriaError, equilibrium } from '@equilibria/core'
import { anderson, picard } from '@equilibria/solvers'
import { type Check, distance, expectThat } from './check.ts'

const weights = [0.3, 0.1, 0, 0.4]
const inputs = [
  [0.5, -0.2],
  [1, 0.3],
]

/** `L(W) = ½ Σ z²` at `z = tanh(z W + x)`, and its gradient by central differences, all in float64. */
function truth(): number[] {
  const loss = (w: readonly number[]) => {
    let sum = 0
    for (const x of inputs) {
      let z = [0, 0]
      for (let k = 0; k < 300; k++) z = [0, 1].map((j) => Math.tanh(z[0]! * w[j]! + z[1]! * w[2 + j]! + x[j]!))
      sum += (z[0]! ** 2 + z[1]! ** 2) / 2
    }
    return sum
  }
  const h = 1e-5
  return weights.map((_, i) => {
    const at = (s: number) => loss(weights.map((w, j) => (j === i ? w + s : w)))
    return (at(h) - at(-h)) / (2 * h)
  })
}

/**
 * Checks on a gradient mode, against a gradient computed in float64 without tfjs.
 *
 * `exact: true` (default) asks for the gradient itself to `1e-4`; `false` only for a descent direction. A report must
 * arrive in the backward pass, and no tensor may be left after it. A second derivative is right, or an `EquilibriaError`:
 * never a number with parts missing.
 */
export function gradientChecks(make: () => GradientMode, { exact = true }: { readonly exact?: boolean } = {}): Check[] {
  const name = make().name
  return [
    {
      name: `${name}: ${exact ? 'matches' : 'points along'} the true gradient of z = tanh(zW + x)`,
      run: () => {
        const { got } = backward(make)
        const want = truth()
        // Forward and adjoint residuals of 1e-6 with ‖(I − J)⁻¹‖ < 2, in float32; 1e-4 leaves a factor of 20.
        if (exact) expectThat(distance(got, want) < 1e-4, `Got [${got}], want [${want}].`)
        else expectThat(got.reduce((s, g, i) => s + g * want[i]!, 0) > 0, 'Not a descent direction.')
      },
    },
    {
      name: `${name}: reports once per backward pass, one status per sample`,
      run: () => {
        const { reports, before } = backward(make)
        expectThat(before === 0, 'It reported before the backward pass.')
        expectThat(reports.length === 1, `It reported ${reports.length} times.`)
        expectThat(
          reports[0]!.perSample.status.length === inputs.length,
          `It reported ${reports[0]!.perSample.status.length} statuses for ${inputs.length} samples.`,
        )
      },
    },
    {
      name: `${name}: its second derivative is right, or a clear error`,
      run: () => secondDerivative(make),
    },
  ]
}

/** `z = tanh(w z + 0.4)`: `z'' = 0.5318631` at `w = 0.3`, also found by central differences of a float64 iteration. */
function secondDerivative(make: () => GradientMode): void {
  const start = tf.memory().numTensors
  const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'tanh',
    initial: (w) => tf.zerosLike(w),
    apply: (z, w) => tf.tanh(tf.add(tf.mul(w, z), 0.4)),
  })
  const layer = equilibrium(operator, { solver: picard(), gradient: make(), tolerance: 1e-7, maxSteps: 60 })
  const first = (w: tf.Tensor) => tf.grad((v: tf.Tensor) => tf.sum(layer.solve(v as tf.Tensor2D).state))(w)
  try {
    const found = tf.tidy(
      () =>
        tf
          .grad((w: tf.Tensor) => tf.sum(first(w)))(tf.tensor2d([[0.3]]))
          .dataSync()[0]!,
    )
    // Two residuals of 1e-7 in float32 and curvature below 3; damped modes that pass `exact` are within 1e-4.
    expectThat(Math.abs(found - 0.5318631) < 1e-4, `The second derivative is ${found}, not 0.5318631.`)
  } catch (error) {
    if (!EquilibriaError.is(error) || error.code !== 'gradient') throw error
  }
  const extra = tf.memory().numTensors - start
  expectThat(extra === 0, `A second derivative leaked ${extra} tensor(s).`)
}

function backward(make: () => GradientMode) {
  const start = tf.memory().numTensors
  const reports: BackwardStats[] = []
  let before = -1
  const W = tf.tidy(() => tf.variable<tf.Rank.R2>(tf.tensor2d(weights, [2, 2])))
  const x = tf.tensor2d(inputs)
  const operator = defineOperator<tf.Tensor2D, tf.Tensor2D>({
    name: 'tanh',
    initial: (u) => tf.zerosLike(u),
    apply: (z, u) => tf.tanh(tf.add(tf.matMul(z, W), u)),
  })
  const layer = equilibrium(operator, { solver: anderson(), gradient: make(), tolerance: 1e-6, maxSteps: 100 })
  const { value, grads } = tf.variableGrads(() => {
    const { state } = layer.solve(x, { onBackward: (stats) => reports.push(stats) })
    before = reports.length
    return tf.mul(tf.sum(tf.square(state)), 0.5) as tf.Scalar
  }, [W])
  const got = Array.from(Object.values(grads)[0]!.dataSync())
  tf.dispose([value, ...Object.values(grads), W, x])
  const extra = tf.memory().numTensors - start
  expectThat(extra === 0, `Leaked ${extra} tensor(s).`)
  return { got, reports, before }
}
