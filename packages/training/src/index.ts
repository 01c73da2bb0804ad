/**
 * Fit a model: optimisers, schedules, minibatches, checkpoints, exact resume, progress.
 * @module training
 */
export type { Dtype, HostArray, HostTensor } from './safetensors/dtypes.ts'
export { readSafetensors, type Safetensors } from './safetensors/read.ts'
export { writeSafetensors, type WritableTensor } from './safetensors/write.ts'
