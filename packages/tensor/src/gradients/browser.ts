/** Registers every gradient tfjs has, then our repairs. Importing this module is a side effect, on purpose. */
import '@tensorflow/tfjs-core/dist/register_all_gradients'
import { installRepairs } from './repairs.ts'

/** Takes our repairs out again and leaves the gradients of stock tfjs: for comparisons, not for use. */
export const removeRepairs: () => void = installRepairs()
