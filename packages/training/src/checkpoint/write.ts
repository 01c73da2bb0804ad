import type { History } from '../fit/progress.ts'
import type { Vectors } from '../optimisers/optimiser.ts'
import { type WritableTensor, writeSafetensors } from '../safetensors/write.ts'
import { type Checkpoint, checkpointKind, checkpointVersion } from './checkpoint.ts'
import { canonical } from './json.ts'

/** The columns of the tensor `history/steps`, in order. */
export const stepColumns = ['step', 'loss', 'learningRate', 'gradientNorm', 'gradientMax', 'skipped'] as const

/**
 * The bytes of a checkpoint: one safetensors file. Weights and optimiser vectors are F32 tensors, histories are F64
 * tables (JSON knows no NaN), and the rest is JSON in the metadata field `manifest`. The same checkpoint gives the same
 * bytes.
 */
export function writeCheckpoint({ model, versions, shapes, weights, training }: Checkpoint): Uint8Array<ArrayBuffer> {
  const table: Record<string, WritableTensor> = {}
  const put = (prefix: string, vectors: Vectors) => {
    for (const [name, data] of Object.entries(vectors)) table[prefix + name] = { shape: shapes[name]!, data }
  }
  put('weights/', weights)
  const manifest: Record<string, unknown> = { kind: checkpointKind, version: checkpointVersion, model, versions }
  if (training) {
    const { optimiser, bestWeights, history, ...rest } = training
    const slots = Object.keys(optimiser.slots)
    for (const slot of slots) put(`optimiser/${slot}/`, optimiser.slots[slot]!)
    if (bestWeights) put('best/', bestWeights)
    const metrics = Object.keys(history.validations[0]?.metrics ?? {})
    Object.assign(table, historyTables(history, metrics))
    manifest['training'] = {
      ...rest,
      optimiser: { step: optimiser.step, slots },
      bestWeights: bestWeights !== undefined,
      metrics,
    }
  }
  return writeSafetensors(table, { format: 'tfjs', manifest: canonical(manifest) })
}

function historyTables({ steps, validations }: History, metrics: readonly string[]): Record<string, WritableTensor> {
  const rows = steps.flatMap((record) => stepColumns.map((column) => record[column]))
  const checks = validations.flatMap(({ step, loss, metrics: m }) => [step, loss, ...metrics.map((name) => m[name]!)])
  return {
    'history/steps': { shape: [steps.length, stepColumns.length], data: Float64Array.from(rows) },
    'history/validations': { shape: [validations.length, 2 + metrics.length], data: Float64Array.from(checks) },
  }
}
