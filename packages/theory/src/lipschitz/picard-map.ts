import type { Operator, TensorTree } from '@equilibria/spec'
import { onTape, packing, scoped, sub } from '@equilibria/tensor'
import type { SteppedAnswer, SteppedMap } from '../map.ts'
import { rowNorms } from '../host.ts'

/**
 * The t-step Picard map of an operator, `y_0 = initial(x), y_t = G(y_{t−1}, x)`, recorded on the tape when there is one.
 * Residuals `‖G(y_t) − y_t‖₂ / max(‖y_t‖₂, 1)` are reported off the tape, which costs one more evaluation per run.
 */
export function picardMap<S extends TensorTree, X extends TensorTree>(
  operator: Operator<S, X>,
  options: { readonly residuals?: boolean } = {},
): SteppedMap<X, S> {
  const { residuals = true } = options
  return (input, steps) => {
    const measure = residuals && !onTape()
    const bound = operator.bind(input)
    const answers: SteppedAnswer<S>[] = []
    const last = steps.at(-1) ?? 0
    let y = bound.initial()
    for (let t = 0; t <= last; t++) {
      const asked = steps.includes(t)
      const next = t < last || (asked && measure) ? (bound.apply(y) as unknown as S) : y // Loose<S>: shapes as in initial()
      if (asked) answers.push({ steps: t, y, ...(measure ? { residual: relativeResidual(y, next) } : {}) })
      y = next
    }
    return answers
  }
}

function relativeResidual(y: TensorTree, next: TensorTree): Float64Array {
  return scoped(() => {
    const { pack } = packing(y)
    const [state, image] = [pack(y), pack(next)]
    const sizes = rowNorms(state)
    return rowNorms(sub(image, state)).map((norm, i) => norm / Math.max(sizes[i]!, 1))
  })
}
