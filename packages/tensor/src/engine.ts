/**
 * The only file in the repository that touches the internals of tfjs.
 *
 * tfjs keeps one global gradient tape. Two things an implicit layer needs are impossible through
 * its public API: running a solve that the tape does not see but that may itself take gradients,
 * and taking gradients inside the `gradFunc` of `customGrad` (the nested call sets the tape to
 * `null`, and the outer backward pass dies with "Cannot read properties of null").
 * Both become safe when the tape is put aside and put back.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Linearization, Vector } from '@equilibria/spec'

type Tape = ReturnType<typeof tf.engine>['state']['activeTape']
const engineState = () => tf.engine().state

/** Is someone recording gradients right now? */
export const onTape = (): boolean => tf.engine().isTapeOn()

/** Run `fn` as if no gradient were being recorded. Reentrant and exception-safe. */
export function offTape<T>(fn: () => T): T {
  const state = engineState()
  const { activeTape, gradientDepth, kernelDepth } = state
  Object.assign(state, { activeTape: [], gradientDepth: 0, kernelDepth: 0 })
  try {
    return fn()
  } finally {
    Object.assign(state, { activeTape, gradientDepth, kernelDepth })
  }
}

/**
 * Free what a tape holds on to when its backward pass is about to fail. tfjs frees saved tensors at the end of a backward
 * pass only, so an exception on the way leaks them. Call it from a `gradFunc`, right before throwing; a tape that an
 * outer gradient still needs is left alone.
 */
export function abandonTape(): void {
  const state = engineState()
  if (state.gradientDepth > 0) return
  for (const node of state.activeTape ?? []) for (const t of node.saved ?? []) if (!t.isDisposed) t.dispose()
  Object.assign(state, { activeTape: [] })
}

/**
 * Apply `f` on the live tape, and keep the right to pull cotangents back through that one
 * application, as often as needed, until the outer backward pass ends. Nothing is recomputed.
 */
export function record(f: (z: Vector) => Vector, z: Vector): Omit<Linearization, 'dispose'> {
  const tape = engineState().activeTape
  const start = tape.length
  const value = f(z)
  return { value, vjp: pullback(tape.slice(start), z, value) }
}

/** The same, away from any tape. The caller disposes. */
export function linearize(f: (z: Vector) => Vector, z: Vector): Linearization {
  return offTape(() => {
    const state = engineState()
    state.gradientDepth = 1
    const value = tf.tidy(() => f(z))
    const tape = state.activeTape
    return {
      value,
      vjp: pullback(tape, z, value),
      dispose() {
        for (const node of tape) for (const t of node.saved ?? []) t.dispose()
        value.dispose()
      },
    }
  })
}

function pullback(tape: Tape, z: Vector, value: Vector): (u: Vector) => Vector {
  const reached = new Set([z.id])
  const path = tape.filter(({ inputs, outputs }) => {
    const hit = Object.values(inputs).some((t) => reached.has(t.id))
    if (hit) for (const out of outputs) reached.add(out.id)
    return hit
  })
  path.reverse()

  return (u) =>
    offTape(() =>
      tf.tidy(() => {
        const cotangent = new Map<number, tf.Tensor>([[value.id, u]])
        for (const { kernelName, inputs, outputs, gradient } of path) {
          const dys = outputs.map((out) => cotangent.get(out.id))
          if (dys.every((dy) => dy === undefined)) continue
          if (!gradient)
            throw new Error(`No gradient is registered for "${kernelName}". Was registerGradients() called?`)
          const pull = gradient(dys as tf.Tensor[])
          for (const [name, input] of Object.entries(inputs)) {
            if (!reached.has(input.id)) continue
            const piece = pull[name]!()
            const sum = cotangent.get(input.id)
            cotangent.set(input.id, sum ? tf.add(sum, piece) : piece)
          }
        }
        return (cotangent.get(z.id) ?? tf.zerosLike(u)) as Vector
      }),
    )
}

/** Run `fn` and keep everything it makes until `release()`. For work that spans an `await`. */
export function hold<T>(fn: () => T): { readonly value: T; release(): void } {
  const engine = tf.engine()
  const made: tf.Tensor[] = []
  engine.startScope('hold')
  try {
    const value = fn()
    made.push(...engine.state.activeScope.track.map(tf.keep))
    return {
      value,
      release: () => {
        for (const t of made) if (!t.isDisposed) t.dispose()
      },
    }
  } finally {
    engine.endScope()
  }
}
