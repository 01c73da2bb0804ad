import { repair, zeros, type Repair } from './repair.ts'

/**
 * Comparisons are flat, so their gradient is zero. tfjs registers it for GreaterEqual only; without the others
 * `where(greater(x, 0), …)` has no first-order gradient, and relu6, leakyRelu, selu, clip, max, min, logSumExp,
 * maximum and minimum have no second-order one. The stock GreaterEqual answers with the dtype of its inputs, which
 * the backward pass refuses for integers.
 */
export const comparisons: readonly Repair[] = [
  ...['Equal', 'NotEqual', 'Less', 'LessEqual', 'Greater', 'GreaterEqual', 'LogicalAnd', 'LogicalOr'].map((name) =>
    repair(name, { inputs: ['a', 'b'] }, (_, [a, b]) => ({ a: zeros(a!), b: zeros(b!) })),
  ),
  repair('LogicalNot', { inputs: ['x'] }, (_, [x]) => ({ x: zeros(x!) })),
]
