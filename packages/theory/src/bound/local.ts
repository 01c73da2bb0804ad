import { absolute, build, type Matrix, multiply } from '../dense/matrix.ts'
import { gamma, normBound } from '../dense/positive.ts'
import { checkedWeights, type FeedForward, scalars } from './feed-forward.ts'

/** Where a local bound holds: `‖x − centre‖₂ ≤ radius`. */
export interface Ball {
  readonly centre: ArrayLike<number>
  readonly radius: number
}

/**
 * Values as affine forms: `centre + inputs·ε + noise·η ± box`, `‖ε‖₂ ≤ 1` for the ball, `|η_j| ≤ 1` for each relaxed
 * activation, `box ≥ 0` for rounding (and for everything, where only intervals are kept).
 */
interface Form {
  readonly centre: Float64Array
  readonly inputs: Matrix
  readonly noise: Matrix
  readonly box: Float64Array
}

/**
 * An upper bound on the Lipschitz constant of the network on a ball. Pre-activations are enclosed by intervals, or (`linear`)
 * by affine forms that remember how neurons depend on the input; that gives an interval of slopes per neuron, and
 * `J ∈ C ± R` entry by entry: `‖J‖₂ ≤ ‖C‖₂ + ‖R‖₂`. Also no more than `Π ‖diag(s⁺) W‖`.
 */
export function localBound(network: FeedForward, ball: Ball, relaxation: 'interval' | 'linear'): number {
  const weights = checkedWeights(network)
  const { slopes, slopesOn, value } = scalars[network.activation]
  let form: Form = {
    centre: Float64Array.from(ball.centre),
    inputs: build(weights[0]!.columns, weights[0]!.columns, (i, j) => (i === j ? ball.radius : 0)),
    noise: build(weights[0]!.columns, 0, () => 0),
    box: new Float64Array(weights[0]!.columns),
  }
  let c = weights[0]!
  let r: Matrix = { ...c, data: new Float64Array(c.data.length) }
  let product = 1
  weights.forEach((w, layer) => {
    if (layer === weights.length - 1) return
    form = affine(w, network.layers[layer]!.bias, form)
    const bounds = ranges(form)
    const local = bounds.map(([low, high]) => slopesOn?.(low, high) ?? slopes)
    const most = local.map(([low, high]) => Math.max(Math.abs(low), Math.abs(high)))
    product *= normBound(scaleRows(w, most)) * (1 + 2 ** -50)
    // D·(C ± R) with D ∈ m ± h: centre mC, radius h|C| + (|m| + h)R, rounded up.
    const middle = local.map(([low, high]) => (low + high) / 2)
    const half = local.map(([low, high], i) => Math.max(high - middle[i]!, middle[i]! - low) + 2 ** -52)
    const columns = c.columns
    const [before, wide] = [c, r]
    r = build(c.rows, columns, (i, j) => {
      const at = i * columns + j
      const size = Math.abs(before.data[at]!)
      return up(
        half[i]! * size + (Math.abs(middle[i]!) + half[i]!) * wide.data[at]! + 2 ** -52 * size * Math.abs(middle[i]!),
      )
    })
    c = scaleRows(before, middle)
    const next = weights[layer + 1]!
    const rounding = multiply(absolute(next), absolute(c))
    const spread = multiply(absolute(next), r)
    r = build(next.rows, columns, (i, j) => {
      const at = i * columns + j
      return up(spread.data[at]! * (1 + gamma(next.columns)) + gamma(next.columns + 2) * rounding.data[at]!)
    })
    c = multiply(next, c)
    form = activate(form, bounds, network.activation, relaxation, value)
  })
  product *= normBound(weights.at(-1)!) * (1 + 2 ** -50)
  return Math.min(product, weights.length === 1 ? normBound(c) : (normBound(c) + normBound(r)) * (1 + 2 ** -50))
}

const up = (x: number): number => x * (1 + 2 ** -49) + 1e-300
const scaleRows = (w: Matrix, factors: ArrayLike<number>): Matrix =>
  build(w.rows, w.columns, (i, j) => factors[i]! * w.data[i * w.columns + j]!)

/** `W·form + b`; the rounding of every sum goes into the box. */
function affine(w: Matrix, bias: ArrayLike<number> | undefined, form: Form): Form {
  const n = w.columns
  const { columns: generators } = form.inputs
  const noises = form.noise.columns
  const centre = new Float64Array(w.rows)
  const box = new Float64Array(w.rows)
  for (let i = 0; i < w.rows; i++) {
    let [sum, size, spread] = [bias?.[i] ?? 0, Math.abs(bias?.[i] ?? 0), 0]
    for (let k = 0; k < n; k++) {
      const x = w.data[i * n + k]!
      sum += x * form.centre[k]!
      let reach = Math.abs(form.centre[k]!)
      for (let g = 0; g < generators; g++) reach += Math.abs(form.inputs.data[k * generators + g]!)
      for (let g = 0; g < noises; g++) reach += Math.abs(form.noise.data[k * noises + g]!)
      size += Math.abs(x) * reach
      spread += Math.abs(x) * form.box[k]!
    }
    centre[i] = sum
    box[i] = up(spread * (1 + gamma(n)) + gamma(n + generators + noises + 4) * size)
  }
  return { centre, inputs: multiply(w, form.inputs), noise: multiply(w, form.noise), box }
}

/** An interval for every entry of the form. */
function ranges({ centre, inputs, noise, box }: Form): (readonly [number, number])[] {
  return Array.from(centre, (middle, i) => {
    let [squares, sum] = [0, 0]
    for (let g = 0; g < inputs.columns; g++) squares += inputs.data[i * inputs.columns + g]! ** 2
    for (let g = 0; g < noise.columns; g++) sum += Math.abs(noise.data[i * noise.columns + g]!)
    const terms = inputs.columns + noise.columns + 4
    const reach = (Math.sqrt(squares) + sum + box[i]!) * (1 + gamma(terms)) + 1e-300
    return [middle - reach - 2 ** -52 * Math.abs(middle), middle + reach + 2 ** -52 * Math.abs(middle)] as const
  })
}

/** `φ` of a form: the parallelogram `slope·x + offset ± width` around the graph, or the interval where slope is 0. */
function activate(
  form: Form,
  bounds: readonly (readonly [number, number])[],
  name: FeedForward['activation'],
  relaxation: 'interval' | 'linear',
  value: (x: number) => number,
): Form {
  const n = form.centre.length
  const relaxed = bounds.map(([low, high]) => {
    const [at, to] = valuesOn(name, value, low, high)
    const chord = relaxation === 'linear' && high > low ? slopeOf(name, low, high) : 0
    // φ − slope·x between its extremes: monotone for slopes below all local ones, at the ends; ReLU: at the ends and 0.
    const rest =
      name === 'relu' && low < 0 && high > 0
        ? [at - chord * low, 0, to - chord * high]
        : [at - chord * low, to - chord * high]
    const [least, most] = [Math.min(...rest), Math.max(...rest)]
    const offset = (least + most) / 2
    const scale = Math.abs(at) + Math.abs(to) + chord * (Math.abs(low) + Math.abs(high))
    return { chord, offset, width: up((most - least) / 2 + 2 ** -48 * scale) }
  })
  const exact = (i: number): boolean => name === 'identity' || (name === 'relu' && relaxed[i]!.width < 1e-12)
  const fresh = relaxed.map((_, i) => i).filter((i) => relaxation === 'linear' && !exact(i))
  const old = form.noise.columns
  return {
    centre: form.centre.map((x, i) => relaxed[i]!.chord * x + relaxed[i]!.offset),
    inputs: scaleRows(
      form.inputs,
      relaxed.map(({ chord }) => chord),
    ),
    noise: build(n, old + fresh.length, (i, j) =>
      j < old ? relaxed[i]!.chord * form.noise.data[i * old + j]! : fresh[j - old] === i ? relaxed[i]!.width : 0,
    ),
    box: form.box.map((x, i) => {
      const { chord, width, offset } = relaxed[i]!
      const rounding =
        2 ** -50 * (Math.abs(form.centre[i]!) + Math.abs(offset) + Math.abs(bounds[i]![1] - bounds[i]![0]))
      return up(chord * x + (fresh.includes(i) ? 0 : width) + rounding)
    }),
  }
}

/** `φ` at both ends, apart by a few units in the last place; activations without `slopesOn` are not monotone. */
function valuesOn(
  name: FeedForward['activation'],
  value: (x: number) => number,
  low: number,
  high: number,
): readonly [number, number] {
  if (name === 'gelu' || name === 'silu') {
    const ends = [value(low), value(high)]
    // Both fall to −.17 (−.28) at most, and rise beyond.
    return [Math.min(...ends, low < 0 ? -0.2785 : 0), Math.max(...ends, 0)]
  }
  return [value(low), value(high)]
}

function slopeOf(name: FeedForward['activation'], low: number, high: number): number {
  if (name === 'identity') return 1
  if (name === 'relu') return low >= 0 ? 1 : high <= 0 ? 0 : high / (high - low)
  return scalars[name].slopesOn?.(low, high)[0] ?? 0
}
