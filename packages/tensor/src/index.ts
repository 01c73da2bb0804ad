/**
 * What we need from tfjs and it does not offer.
 * @module tensor
 */
export { EquilibriaError, type ErrorCode } from './errors.ts'
export {
  abandonTape,
  derivativeAlong,
  hold,
  keepForBackward,
  linearize,
  offTape,
  onTape,
  record,
  recordOrForget,
  type Recorded,
  secondDerivativesHold,
} from './engine.ts'
export { checkpointed, type Segment } from './checkpoint.ts'
export { customOp } from './custom-op.ts'
export { jvp, type JvpOptions } from './jvp.ts'
export { scoped } from './scope.ts'
export { leaves, packing, rebuild, shapeOf, takeRows, type Packing } from './tree.ts'
export { add, column, rowDot, scale, sub } from './vec.ts'
