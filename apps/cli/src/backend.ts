import * as tf from '@tensorflow/tfjs-core'
import '@tensorflow/tfjs-backend-cpu'
import '@tensorflow/tfjs-backend-wasm'
import '@equilibria/tensor/gradients'
import { EquilibriaError } from '@equilibria/core'

export type BackendName = 'wasm' | 'cpu'

/** Starts a tfjs backend; numbers are reproducible for a seed on one backend. */
export async function startBackend(name: BackendName): Promise<void> {
  tf.enableProdMode() // silences tfjs's advertisement for its native backend
  const ok = await tf.setBackend(name)
  if (!ok)
    throw new EquilibriaError(
      'requirement',
      `The tfjs backend "${name}" did not start on this machine.`,
      'Try --backend cpu.',
    )
  await tf.ready()
}
