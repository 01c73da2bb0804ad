import type * as tf from '@tensorflow/tfjs-core'
import {
  aol,
  cayley,
  type CertifiedOperator,
  circularConvolution,
  compose,
  dense,
  firmlyNonexpansive,
  logNorm,
  perron,
  positiveConcave,
  rowSum,
  spectral,
  spectralNorm,
  stateDecay,
  subhomogeneous,
} from '@equilibria/operators'
import { pick, type Random, type Scales, TAME, WILD } from './families-support.ts'

/** One family: how to make a random member, and what its draws may look like. */
export interface Entry {
  readonly name: string
  make(random: Random, activation?: string): CertifiedOperator<tf.Tensor, tf.Tensor>
  /** Of one input. */
  readonly input: readonly number[]
  /** Terms in the sums of one entry of `G`, products of state and input together. */
  readonly terms: number
  /** Of weights for which the guarantee is checked; and those with which a solve ends in a few thousand steps. */
  readonly wild: Scales
  readonly tame: Scales
  /** `‖ |W| ‖ ≤ absolute · modulus` in the norm of the certificate: what the roundings of `z W` are relative to. */
  absolute(size: number): number
  /** The activation it is trained with; default: drawn. */
  readonly trainWith?: string
}

const SIZES = [1, 2, 3, 5, 8]
const MODULI = [0.3, 0.7, 0.9, 0.95]
const ACTIVATIONS = ['tanh', 'relu', 'identity', 'softplus', 'sigmoid', 'leakyRelu'] as const
const INPUTS = 2
const all: Pick<Entry, 'input' | 'terms' | 'wild' | 'tame'> = {
  input: [INPUTS],
  terms: 8 + INPUTS + 1,
  // The free weight may be anything; the rest sets the size of the answers, and of their roundings.
  wild: { '*': TAME, weight: WILD },
  tame: { '*': TAME, weight: WILD },
}
const common = (random: Random) => ({
  size: pick(random, SIZES),
  inputs: INPUTS,
  seed: Math.floor(random() * 1e6),
})
const plain = (random: Random, activation?: string) => ({
  ...common(random),
  modulus: pick(random, MODULI),
  activation: (activation ?? pick(random, ACTIVATIONS)) as 'tanh',
})
const loosen = (family: CertifiedOperator<tf.Tensor2D, tf.Tensor2D>) =>
  family as unknown as CertifiedOperator<tf.Tensor, tf.Tensor>

export const families: readonly Entry[] = [
  {
    ...all,
    name: 'spectral',
    trainWith: 'identity',
    make: (r, a) => loosen(spectral(plain(r, a))),
    absolute: Math.sqrt,
  },
  { ...all, name: 'aol', trainWith: 'identity', make: (r, a) => loosen(aol(plain(r, a))), absolute: Math.sqrt },
  { ...all, name: 'cayley', trainWith: 'identity', make: (r, a) => loosen(cayley(plain(r, a))), absolute: Math.sqrt },
  { ...all, name: 'rowSum', trainWith: 'identity', make: (r, a) => loosen(rowSum(plain(r, a))), absolute: () => 1 },
  { ...all, name: 'perron', trainWith: 'identity', make: (r, a) => loosen(perron(plain(r, a))), absolute: () => 1 },
  {
    ...all,
    name: 'circularConvolution',
    trainWith: 'identity',
    make: (random, activation) => {
      const two = random() < 0.5
      return circularConvolution({
        ...plain(random, activation),
        grid: two ? [pick(random, [3, 4]), 3] : [pick(random, [3, 6, 7])],
        channels: pick(random, [1, 2]),
        taps: pick(random, [1, 2, 3]),
      })
    },
    input: [], // depends on the member: see `inputShape`
    terms: 18 + INPUTS + 1,
    wild: { '*': TAME, kernel: WILD },
    tame: { '*': TAME, kernel: WILD },
    absolute: () => Math.sqrt(18),
  },
  {
    ...all,
    name: 'logNorm',
    trainWith: 'identity',
    make: (random, activation) =>
      loosen(
        logNorm({
          ...common(random),
          modulus: pick(random, [-2, 0, 0.5]),
          activation: (activation ?? pick(random, ACTIVATIONS)) as 'tanh',
        }),
      ),
    wild: { '*': TAME, weight: WILD, scale: WILD },
    // steps grow as the largest weight, and as the ratio of the weights of the norm
    tame: { '*': TAME, scale: [0, 0.3] },
    absolute: () => 1,
  },
  {
    ...all,
    name: 'positiveConcave',
    make: (random) =>
      loosen(
        positiveConcave({
          ...common(random),
          activation: pick(random, ['tanh', 'softsign', 'relu6', 'sigmoid'] as const),
          floor: pick(random, [0.05, 0.1, 1]),
        }),
      ),
    wild: { '*': WILD },
    tame: { '*': WILD },
    absolute: () => 1,
  },
  {
    ...all,
    name: 'subhomogeneous',
    make: (random) =>
      loosen(
        subhomogeneous({ ...common(random), degree: pick(random, [0.1, 0.5, 0.7]), floor: pick(random, [0.01, 1]) }),
      ),
    wild: { '*': WILD },
    // W z at the equilibrium, which grows as W^{1/(1−p)}, has to fit into float32
    tame: { '*': [1e-10, 1, 100, 1e4] },
    absolute: () => 1,
  },
  {
    ...all,
    name: 'firmlyNonexpansive',
    make: (random, activation) =>
      loosen(
        firmlyNonexpansive({
          ...common(random),
          matrix: pick(random, ['aol', 'cayley', 'spectral'] as const),
          activation: (activation ?? pick(random, ['tanh', 'sigmoid'])) as 'tanh',
        }),
      ),
    absolute: Math.sqrt,
  },
  {
    ...all,
    name: 'stateDecay',
    make: (random) => loosen(stateDecay(common(random))),
    wild: { '*': TAME, rate: WILD, step: WILD },
    tame: { '*': [0.1, 1] },
    absolute: () => 1,
  },
]

/** With a remainder of its own Lipschitz bound: only a bounded state is promised. */
export const decayWithRemainder = (): CertifiedOperator<tf.Tensor2D, tf.Tensor2D> =>
  stateDecay({
    size: 4,
    inputs: INPUTS,
    remainder: compose(spectralNorm(dense({ inputs: 4 + INPUTS, outputs: 4, gain: 5, seed: 3 }), { limit: 0.2 })),
  })

/** The shape of one input of this member. */
export function inputShape(entry: Entry, family: CertifiedOperator<tf.Tensor, tf.Tensor>): readonly number[] {
  if (entry.name !== 'circularConvolution') return entry.input
  const grid = family.certificate.assumptions.at(-1)!.match(/\d+/g)!.map(Number)
  return [...grid, INPUTS]
}
