/**
 * The only file in the repository that touches the internals of tfjs, and long for that reason.
 *
 * tfjs keeps one global gradient tape. Two things an implicit layer needs are impossible through
 * its public API: running a solve that the tape does not see but that may itself take gradients,
 * and taking gradients inside the `gradFunc` of `customGrad` (the nested call sets the tape to
 * `null`, and the outer backward pass dies with "Cannot read properties of null").
 * Both become safe when the tape is put aside and put back.
 */
import * as tf from '@tensorflow/tfjs-core'
import type { Linearization, Vector } from '@equilibria/spec'
import { EquilibriaError } from './errors.ts'
import { scoped } from './scope.ts'

type Tape = ReturnType<typeof tf.engine>['state']['activeTape']
const engineState = () => tf.engine().state

/** `true` while a gradient is being recorded, so that what is computed now can be differentiated later. */
export const onTape = (): boolean => tf.engine().isTapeOn()

/** What the tape keeps alive for a backward pass that will not come. */
function free(tape: Tape | null, from = 0): void {
  for (const node of tape?.slice(from) ?? []) for (const t of node.saved ?? []) t.dispose()
}

/**
 * Run `fn` as if no gradient were being recorded; `fn` may take gradients of its own. Reentrant. When `fn` throws, the
 * outer tape is back in place and what an inner, unfinished one had kept is freed (tfjs leaks it).
 * @throws what `fn` throws
 */
export function offTape<T>(fn: () => T): T {
  const state = engineState()
  const { activeTape, gradientDepth, kernelDepth } = state
  Object.assign(state, { activeTape: [], gradientDepth: 0, kernelDepth: 0 })
  try {
    return fn()
  } catch (error) {
    free(state.activeTape)
    throw error
  } finally {
    Object.assign(state, { activeTape, gradientDepth, kernelDepth })
  }
}

/** `fn()` with a fresh tape that is on; `fn` gets the tape, which grows as it computes. */
const recording = <T>(fn: (tape: Tape) => T): T =>
  offTape(() => {
    engineState().gradientDepth = 1
    return fn(engineState().activeTape)
  })

/** `f(z)` as a tensor of its own, even where `f` answers with its argument or with a tensor it holds. */
function own(f: () => tf.Tensor, tape: Tape, from = 0): tf.Tensor {
  const value = f()
  const made = tape.slice(from).some(({ outputs }) => outputs.some(({ id }) => id === value.id))
  return made ? value : tf.clone(value)
}

/**
 * Free what a tape holds on to when its backward pass is about to fail. tfjs frees saved tensors at the end of the
 * outermost backward pass only, so an exception on the way leaks them. Call it from a `gradFunc`, right before throwing.
 * While an outer gradient is still recording, its record goes too: should the error be caught inside it, then pulling
 * back through what was recorded before is an error, and never a gradient with parts missing.
 */
export function abandonTape(): void {
  const state = engineState()
  free(state.activeTape)
  if (state.gradientDepth === 0) Object.assign(state, { activeTape: [] })
  else for (const node of state.activeTape ?? []) node.gradient = lost
}

function lost(): never {
  abandonTape() // what was recorded since
  throw new EquilibriaError(
    'gradient',
    'A gradient inside this one failed, and what had been recorded before went with it.',
    'Let that error through, or catch it outside of the outermost gradient.',
  )
}

/**
 * Run `fn`; if it throws, take what it recorded off the live tape and free what that had saved. Nothing that `fn` made
 * got out, so no gradient can miss it; without this, tfjs leaks the saved tensors of every forward pass that throws.
 */
export function recordOrForget<T>(fn: () => T): T {
  const tape = onTape() ? engineState().activeTape : undefined
  const start = tape?.length ?? 0
  try {
    return fn()
  } catch (error) {
    if (tape) {
      free(tape, start)
      tape.length = start
    }
    throw error
  }
}

/** One application on the live tape, and products with its Jacobian `J`; everything is `[batch, size]`. */
export interface Recorded {
  readonly value: Vector
  /** `u ↦ Jᵀu`, unseen by any tape; owned by the caller (or its `tidy`). */
  vjp(u: Vector): Vector
  /** `v ↦ Jv`, likewise. The pullback is recorded once, aside, and kept until `dispose()`. */
  tangents(): { push(v: Vector): Vector; dispose(): void }
  /** Both products as the live tape sees them: differentiable in `u` or `v`, and in everything that `f` depends on. */
  readonly taped: { vjp(u: Vector): Vector; jvp(v: Vector): Vector }
  /**
   * In derivatives of what is recorded from now on, the application counts as one at `state`, a tensor of the live tape
   * whose value is that of `z`. What was made of `value` before keeps its gradient: `z` a constant. Once per recording.
   */
  follow(state: tf.Tensor): void
}

/**
 * Apply `f` on the live tape, and keep the right to pull cotangents back through that one application, as often as
 * needed, until the outer backward pass ends. Nothing is recomputed. Call it where a gradient is being recorded
 * (`onTape()`); elsewhere use {@link linearize}.
 *
 * @cost one recorded evaluation of `f`; each `vjp` about one evaluation more, at constant memory; each `taped.vjp` one
 * recorded evaluation, each `taped.jvp` two
 * @throws EquilibriaError `gradient` when nothing is being recorded, or (from products) when an op of `f` has no gradient
 */
export function record(f: (z: Vector) => Vector, z: Vector): Recorded {
  if (!onTape())
    throw new EquilibriaError(
      'gradient',
      'record() was called where no gradient is being recorded.',
      'Call it inside the function given to tf.grad or tf.variableGrads; elsewhere use linearize().',
    )
  const tape = engineState().activeTape
  const start = tape.length
  try {
    const value = own(() => f(z), tape, start) as Vector
    const nodes = tape.slice(start)
    const back = path(nodes, z)
    let followed = false
    nameMissing(nodes)
    return {
      value,
      vjp: pullback(back, value, z) as (u: Vector) => Vector,
      tangents: () => transposed(back, z, value) as { push(v: Vector): Vector; dispose(): void },
      taped: {
        vjp: (u) => nameMissingIn(() => tf.tidy(() => sweep(back, value, z, u))) as Vector,
        jvp: (v) =>
          nameMissingIn(() =>
            tf.tidy(() => {
              const u = tf.zeros(value.shape)
              const mark = engineState().activeTape.length
              const pulled = sweep(back, value, z, u)
              return sweep(path(engineState().activeTape.slice(mark), u), pulled, u, v)
            }),
          ) as Vector,
      },
      follow(state) {
        // On another tape (a product taken aside), whatever f depends on is a constant anyway.
        if (followed || engineState().activeTape !== tape) return
        followed = true
        repeat(tape, nodes, z, state)
      },
    }
  } catch (error) {
    free(tape, start)
    tape.length = start
    throw error
  }
}

/** Where a gradient is missing, the backward pass says so in our words (and only if it comes by). */
function nameMissing(nodes: Tape): void {
  for (const node of nodes)
    node.gradient ??= () => {
      abandonTape()
      throw missing(node.kernelName)
    }
}

/** The same for what `fn` records. */
function nameMissingIn<T>(fn: () => T): T {
  const mark = engineState().activeTape.length
  const value = fn()
  nameMissing(engineState().activeTape.slice(mark))
  return value
}

/**
 * Put a second copy of `nodes` at the end of the tape, where `z` is `state`.
 *
 * What their gradients saved belongs to the copy from then on, since it is named by the tensors it saved: whatever is
 * recorded with it depends on `state`. The originals keep their place with stand-ins for tensors (a tape looks at names
 * and shapes only), so that cotangents of their outputs still end at a constant `z`. No data is copied and nothing is
 * computed.
 */
function repeat(tape: Tape, nodes: Tape, z: tf.Tensor, state: tf.Tensor): void {
  if (nodes.length === 0) return
  const at = tape.findIndex(({ id }) => id === nodes[0]!.id)
  const originals = tape.slice(at, at + nodes.length)
  const standIns = new Map([[z.id, standIn(z)]])
  for (const { outputs } of originals) for (const t of outputs) standIns.set(t.id, standIn(t))
  const rename = (t: tf.Tensor): tf.Tensor => (t && standIns.get(t.id)) ?? t // optional inputs are undefined
  for (let i = at; i < tape.length; i++) {
    const node = tape[i]!
    const inside = i < at + nodes.length
    tape[i] = {
      ...node,
      ...(inside ? { id: nextNodeId(), outputs: node.outputs.map(rename) } : {}),
      inputs: Object.fromEntries(Object.entries(node.inputs).map(([name, t]) => [name, rename(t)])),
    }
  }
  const same = { kernelName: 'Followed', inputs: { x: state }, outputs: [z], saved: [] }
  tape.push({ id: nextNodeId(), ...same, gradient: ([dy]) => ({ x: () => dy! }) }, ...originals)
}

const nextNodeId = (): number => (engineState() as { nextTapeNodeId: number }).nextTapeNodeId++

/** Another name for `t`, without data of its own. */
const standIn = (t: tf.Tensor): tf.Tensor =>
  Object.create(t, {
    id: { value: (tf.engine() as unknown as { nextTensorId(): number }).nextTensorId() },
  }) as tf.Tensor

/**
 * Freeze `f` at `z`, away from any tape: its value, `u ↦ Jᵀu` and `v ↦ Jv`, as often as wanted, without recomputing `f`.
 * `z`, the value and every `u` are `[batch, size]`. Not for training through: the outer tape sees none of it.
 *
 * @cost one evaluation of `f`, and its intermediate tensors until `dispose()`; each `vjp` about one evaluation, at
 * constant memory; the first `jvp` records the pullback (about two evaluations), each `jvp` about one more. The caller disposes the result of `vjp`, and calls `dispose()` once.
 * @throws EquilibriaError `gradient` (from products) when an op of `f` has no gradient; `requirement` after `dispose()`
 * @example
 * ```ts
 * import * as tf from '@tensorflow/tfjs-core'
 * import '@tensorflow/tfjs-backend-cpu'
 * import '@equilibria/tensor/gradients'
 * import { linearize } from '@equilibria/tensor'
 *
 * const square = linearize((z) => tf.square(z), tf.tensor2d([[1, 2, 3]]))
 * console.log(square.value.dataSync()) // [1, 4, 9]
 * console.log(square.vjp(tf.tensor2d([[1, 1, 1]])).dataSync()) // [2, 4, 6]
 * square.dispose()
 * ```
 */
export function linearize(f: (z: Vector) => Vector, z: Vector): Linearization {
  return recording((tape) => {
    const value = tf.tidy(() => own(() => f(z), tape)) as Vector
    let forward: { push(v: tf.Tensor): tf.Tensor; dispose(): void } | undefined
    let gone = false
    const alive = (): void => {
      if (gone)
        throw new EquilibriaError(
          'requirement',
          'A linearization was asked for a product after its dispose().',
          'Call dispose() when all products are taken.',
        )
    }
    const back = pullback(path(tape, z), value, z)
    return {
      value,
      vjp(u: Vector) {
        alive()
        return back(u) as Vector
      },
      jvp(v: Vector) {
        alive()
        return (forward ??= transposed(path(tape, z), z, value)).push(v) as Vector
      },
      dispose() {
        gone = true
        forward?.dispose()
        forward = undefined
        free(tape)
        tape.length = 0
        value.dispose()
      },
    }
  })
}

/** `v ↦ Jv`: the pullback `u ↦ Jᵀu` is linear, so it is recorded once, and `v` is pulled back through it. */
function transposed(back: Path, z: tf.Tensor, value: tf.Tensor) {
  return recording((tape) => {
    const u = tf.keep(tf.zeros(value.shape))
    try {
      const pulled = tf.keep(tf.tidy(() => sweep(back, value, z, u)))
      return {
        push: pullback(path(tape, u), pulled, u),
        dispose() {
          free(tape)
          tape.length = 0
          tf.dispose([u, pulled])
        },
      }
    } catch (error) {
      free(tape)
      u.dispose()
      throw error
    }
  })
}

/**
 * The derivative of `f()` along `directions`, one per tensor of `at`: `Σ (∂f/∂aᵢ) dᵢ`, with reverse mode only. The map
 * `u ↦ (∂f/∂aᵢ)ᵀ u` is linear, so pulling the directions back through it gives the sum. `at` may hold variables and
 * anything else that `f` closes over. The result has the shape of `f()`, and the caller disposes it. Exact to rounding.
 */
export function derivativeAlong(
  f: () => tf.Tensor,
  at: readonly tf.Tensor[],
  directions: readonly tf.Tensor[],
): tf.Tensor {
  return recording((tape) => {
    try {
      return tf.tidy(() => {
        const value = own(f, tape)
        const back = path(tape, ...at)
        const mark = tape.length
        const u = tf.zeros(value.shape)
        const found = backward(back, [[value.id, u]])
        const seeds = new Map<number, tf.Tensor>()
        at.forEach(({ id }, i) => {
          const pulled = found.get(id)
          if (!pulled) return // f does not depend on it
          const sum = seeds.get(pulled.id)
          seeds.set(pulled.id, sum ? tf.add(sum, directions[i]!) : directions[i]!)
        })
        const along = offTape(() => backward(path(tape.slice(mark), u), seeds).get(u.id))
        if (!along) return tf.zeros(value.shape)
        return directions.includes(along) ? tf.clone(along) : along
      })
    } finally {
      free(tape)
    }
  })
}

interface Path {
  readonly nodes: Tape
  readonly reached: ReadonlySet<number>
}

/** The nodes that depend on any of `roots`, last first. */
function path(tape: Tape, ...roots: readonly tf.Tensor[]): Path {
  const reached = new Set(roots.map((t) => t.id))
  const nodes = tape.filter(({ inputs, outputs }) => {
    const hit = Object.values(inputs).some((t) => t && reached.has(t.id)) // optional inputs are undefined
    if (hit) for (const out of outputs) reached.add(out.id)
    return hit
  })
  return { nodes: nodes.reverse(), reached }
}

/** One backward pass from these cotangents, by tensor id: the cotangent of everything reached. Recorded if the tape is on. */
function backward({ nodes, reached }: Path, seeds: Iterable<readonly [number, tf.Tensor]>): Map<number, tf.Tensor> {
  const cotangent = new Map<number, tf.Tensor>(seeds)
  for (const { kernelName, inputs, outputs, gradient } of nodes) {
    const dys = outputs.map((out) => cotangent.get(out.id))
    if (dys.every((dy) => dy === undefined)) continue
    if (!gradient) throw missing(kernelName)
    const wanted = Object.fromEntries(Object.entries(inputs).filter(([, t]) => t && reached.has(t.id)))
    const pull = gradient.call({ inputs: wanted }, dys as tf.Tensor[]) // as tfjs calls it, on a node of pruned inputs
    for (const [name, input] of Object.entries(wanted)) {
      const piece = pull[name]!()
      const sum = cotangent.get(input.id)
      cotangent.set(input.id, sum ? tf.add(sum, piece) : piece)
    }
  }
  return cotangent
}

function sweep(back: Path, value: tf.Tensor, z: tf.Tensor, u: tf.Tensor): tf.Tensor {
  const found = backward(back, [[value.id, u]]).get(z.id)
  if (!found) return tf.zeros(z.shape)
  return found === u ? tf.clone(u) : found // the caller owns what it gets, and may dispose both
}

function pullback(back: Path, value: tf.Tensor, z: tf.Tensor): (u: tf.Tensor) => tf.Tensor {
  return (u) => {
    if (u.shape.join() !== value.shape.join())
      throw new EquilibriaError(
        'shape',
        `A cotangent of shape (${u.shape}) was pulled back through a value of shape (${value.shape}).`,
        'Pass a cotangent of the shape of the value.',
      )
    return offTape(() => tf.tidy(() => sweep(back, value, z, u)))
  }
}

function missing(kernelName: string): EquilibriaError {
  return tf.getGradient('Sum')
    ? new EquilibriaError(
        'gradient',
        `The op "${kernelName}" has no gradient.`,
        'Write it with other ops, or give it a gradient with tf.customGrad; for jvp(), use method: "finite-difference".',
      )
    : new EquilibriaError(
        'gradient',
        `No gradient is registered for "${kernelName}", nor for any other op.`,
        "Add `import '@equilibria/tensor/gradients'`: tfjs-core alone registers none in Node.",
      )
}

/** Tensors with a smaller `id` were made before this call. */
export const now = (): number => (tf.engine() as unknown as { nextTensorId(): number }).nextTensorId()

/**
 * What `fn` computes, and the float32 tensors it read that were there before: its arguments and all that it closes over,
 * parameters included. A tape of its own finds them, and is thrown away.
 */
export function reads<T>(fn: () => T): { readonly value: T; readonly inputs: readonly tf.Tensor[] } {
  const born = now()
  return recording((tape) => {
    const value = scoped(fn)
    const found = new Map<number, tf.Tensor>()
    for (const { inputs } of tape)
      for (const t of Object.values(inputs)) if (t && t.id < born && t.dtype === 'float32') found.set(t.id, t)
    free(tape)
    tape.length = 0
    return { value, inputs: [...found.values()] }
  })
}

/**
 * Run `fn` again and pull cotangents of its results (`undefined`: none) back to `roots`; `undefined` where no path leads.
 * Recorded on the live tape when it is on, so that the pullback has derivatives itself.
 */
export function pullThrough(
  fn: () => readonly tf.Tensor[],
  roots: readonly tf.Tensor[],
  cotangents: readonly (tf.Tensor | undefined)[],
): (tf.Tensor | undefined)[] {
  const seeded = (values: readonly tf.Tensor[]): Map<number, tf.Tensor> => {
    const seeds = new Map<number, tf.Tensor>()
    values.forEach(({ id }, i) => {
      const [sum, dy] = [seeds.get(id), cotangents[i]]
      if (dy) seeds.set(id, sum ? tf.add(sum, dy) : dy)
    })
    return seeds
  }
  const back = (tape: Tape, values: readonly tf.Tensor[]) => {
    const found = backward(path(tape, ...roots), seeded(values))
    const given = new Set<tf.Tensor | undefined>(cotangents)
    return roots.map(({ id }) => {
      const t = found.get(id)
      if (!t || !given.has(t)) {
        given.add(t)
        return t
      }
      return tf.clone(t) // the caller owns what it gets, each by itself
    })
  }
  if (onTape()) {
    const tape = engineState().activeTape
    const from = tape.length
    const values = fn()
    return back(tape.slice(from), values)
  }
  return recording((tape) => {
    try {
      return scoped(() => {
        const values = fn()
        return offTape(() => back(tape, values))
      })
    } finally {
      free(tape)
      tape.length = 0
    }
  })
}

/** An operation put on the live tape by hand. */
interface TapeEntry {
  readonly name: string
  readonly inputs: readonly tf.Tensor[]
  readonly outputs: readonly tf.Tensor[]
  /** Freed with the tape. */
  readonly saved: readonly tf.Tensor[]
  /** All cotangents that are wanted, at once; `undefined` stands for 0. */
  pull(wanted: readonly tf.Tensor[], cotangents: readonly (tf.Tensor | undefined)[]): readonly (tf.Tensor | undefined)[]
}

/** tfjs asks a node for one input after the other, of those that lead to a parameter: `this` is the node pruned to them. */
export function putOnTape({ name, inputs, outputs, saved, pull }: TapeEntry): void {
  const state = engineState()
  const named = Object.fromEntries(inputs.map((t, i) => [String(i), t]))
  function gradient(
    this: { readonly inputs: typeof named } | undefined,
    dys: readonly (tf.Tensor | null | undefined)[],
  ) {
    const names = Object.keys(this?.inputs ?? named)
    try {
      const found = pull(
        names.map((n) => named[n]!),
        dys.map((dy) => dy ?? undefined),
      )
      return Object.fromEntries(names.map((n, i) => [n, () => found[i] ?? tf.zeros(named[n]!.shape)]))
    } catch (error) {
      abandonTape()
      throw error
    }
  }
  state.activeTape.push({
    id: state.nextTapeNodeId++,
    kernelName: name,
    inputs: named,
    outputs: [...outputs],
    saved: [...saved],
    gradient,
  })
}

/**
 * Copies of these tensors that live as long as the tape of the gradient being recorded, for work that is done in its
 * backward pass. They belong to the tape: never dispose them.
 */
export function keepForBackward(tensors: readonly tf.Tensor[]): readonly tf.Tensor[] {
  const saved = offTape(() => tensors.map((t) => tf.keep(tf.clone(t))))
  putOnTape({ name: 'Kept', inputs: [], outputs: [], saved, pull: () => [] })
  return saved
}

/** Whether `t` lives until the backward pass by itself: a variable, kept by somebody, or made before the gradient began. */
export function outlives(t: tf.Tensor): boolean {
  if (t instanceof tf.Variable || t.kept) return true
  const { scopeStack } = engineState()
  const first = scopeStack.findIndex(({ name }) => name === 'forward') // what tfjs calls the scope of a recorded function
  return first >= 0 && !scopeStack.slice(first).some(({ id }) => id === t.scopeId)
}

/** `fn()` while disposed `originals` stand for their `copies`: a closure can be run again after its tensors are gone. */
export function revived<T>(originals: readonly tf.Tensor[], copies: readonly tf.Tensor[], fn: () => T): T {
  const dead = originals.map((t, i) => [t as Mutable, copies[i] as Mutable] as const).filter(([t]) => t.isDisposed)
  const ids = dead.map(([t]) => t.dataId)
  for (const [t, copy] of dead) Object.assign(t, { dataId: copy.dataId, isDisposedInternal: false })
  try {
    return fn()
  } finally {
    dead.forEach(([t], i) => Object.assign(t, { dataId: ids[i], isDisposedInternal: true }))
  }
}
type Mutable = tf.Tensor & { dataId: object }

/**
 * Run `fn` and keep everything it makes until `release()`: for work that spans an `await`, where `tf.tidy` cannot go.
 * Tensors that `fn` itself keeps (`tf.keep`, variables) stay its own. When `fn` throws, everything is freed.
 *
 * @throws EquilibriaError `option` when `fn` is async: what it makes after its first `await` cannot be seen. Hold the
 * synchronous part, then await.
 */
export function hold<T>(fn: () => T): { readonly value: T; release(): void } {
  const engine = tf.engine()
  engine.startScope('hold')
  try {
    const value = fn()
    if (typeof (value as { then?: unknown } | null)?.then === 'function')
      throw new EquilibriaError(
        'option',
        'hold() was given an async function.',
        'Hold the synchronous part, await outside, then release().',
      )
    const made = engine.state.activeScope.track.filter((t) => !t.kept).map((t) => tf.keep(t))
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

type AddTapeNode = (name: string, inputs: object, outputs: readonly tf.Tensor[], ...rest: unknown[]) => void
const repaired = Symbol.for('@equilibria/tape-order')

/**
 * tfjs puts the copy of an output that a kernel saves for its own gradient on the tape *before* the kernel. Walking the
 * tape forward, the copy then hangs on nothing, and in a second derivative it counts as a constant: silently wrong for
 * tanh, exp, sigmoid, softmax, max, pow, logSoftmax, and every `customGrad` that saves its value. Behind the kernel,
 * where it belongs, derivatives of any order are right, and nothing is recomputed. Returns what undoes it.
 */
export function keepSavedOutputsOnTape(): () => void {
  const engine = tf.engine() as unknown as { addTapeNode: AddTapeNode & { [repaired]?: true } }
  const stock = engine.addTapeNode
  if (stock[repaired]) return () => {}
  engine.addTapeNode = Object.assign(
    function (this: unknown, ...args: Parameters<AddTapeNode>): void {
      stock.apply(this, args)
      const tape = engineState().activeTape
      const { saved, outputs } = tape.at(-1)!
      const has = (list: readonly tf.Tensor[], one: tf.Tensor | undefined): boolean =>
        list.some((t) => t.id === one?.id) // a few
      let first = tape.length - 1
      while (first > 0 && has(saved ?? [], tape[first - 1]!.outputs[0])) first--
      if (first === tape.length - 1) return
      const copies = tape.splice(first)
      const node = copies.pop()!
      const late = ({ inputs }: Tape[number]) => Object.values(inputs).some((t) => t && has(outputs, t))
      tape.push(...copies.filter((copy) => !late(copy)), node, ...copies.filter(late))
    },
    { [repaired]: true as const },
  )
  return () => {
    engine.addTapeNode = stock
  }
}

/**
 * Are the copies that kernels save of their outputs where {@link keepSavedOutputsOnTape} puts them? If not, second
 * derivatives of tanh, exp, sigmoid, softmax, … are silently wrong.
 */
export const secondDerivativesHold = (): boolean =>
  (tf.engine() as unknown as { addTapeNode: AddTapeNode & { [repaired]?: true } }).addTapeNode[repaired] === true

/** The engine's own entry for operations with a gradient, which `tf.customGrad` wraps; private in the typings only. */
interface GradientCall {
  readonly inputs: { readonly [name: string]: tf.Tensor }
  forwardFunc(backend: unknown, save: (tensors: tf.Tensor[]) => void): tf.Tensor
  backwardsFunc(cotangent: tf.Tensor, saved: tf.Tensor[]): { readonly [name: string]: () => tf.Tensor }
}
export const runWithGradient = (call: GradientCall): tf.Tensor =>
  (tf.engine() as unknown as { runKernelFunc(call: GradientCall): tf.Tensor }).runKernelFunc(call)
