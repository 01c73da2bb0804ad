// A first implicit layer: solve z = tanh(zW + x), look at how it went, and differentiate through the answer.
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@equilibria/tensor/gradients'
import { defineOperator, equilibrium } from '@equilibria/core'
import { implicit } from '@equilibria/implicit-diff'
import { anderson } from '@equilibria/solvers'
import { gmres } from '@equilibria/solvers/linear'

await tf.setBackend('cpu')

const W = tf.variable(
  tf.tensor2d([
    [0.3, 0.1],
    [-0.2, 0.4],
  ]),
)
const operator = defineOperator({
  name: 'tanh cell',
  initial: (x: tf.Tensor2D) => tf.zerosLike(x),
  apply: (z, x) => tf.tanh(tf.add(tf.matMul(z, W), x)),
})
const layer = equilibrium(operator, { solver: anderson(), gradient: implicit({ solver: gmres() }), tolerance: 1e-6 })

const x = tf.tensor2d([
  [0.5, -0.2],
  [1, 0.3],
])
const { state, status, stats } = layer.solve(x)
console.log(status, 'after', stats.steps, 'steps; residual', stats.residual)
console.log('z* =', state.arraySync())

// The gradient costs one linear solve, whatever the number of steps was.
const { grads } = tf.variableGrads(() => tf.sum(tf.square(layer.solve(x).state)), [W])
console.log('d‖z*‖²/dW =', Object.values(grads)[0]!.arraySync())
