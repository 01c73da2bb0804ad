import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@equilibria/tensor/gradients'

await tf.setBackend('cpu')
