/* Trains with a checkpoint file, slowly enough to be killed. Arguments: backend, file, resume (yes or no). */
import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import { fit } from '@equilibria/training'
import { checkpointFile } from '@equilibria/training/node'
import { bits, curveFit, curveModel } from './curve.ts'

const [backend, file, resume] = process.argv.slice(2) as [string, string, string]
await tf.setBackend(backend)
const model = curveModel()
const { status, steps, history, best } = await fit({
  ...curveFit(model, 60),
  checkpoint: { store: checkpointFile(file), every: 3, resume: resume === 'yes' },
  onProgress: ({ step }) => process.stderr.write(`step ${step}\n`),
})
process.stdout.write(JSON.stringify({ status, steps, history, best, weights: bits(model) }))
