import type { TensorTree } from '@equilibria/spec'
import type { Layer } from '../layer.ts'

/** A layer of any input and output, for what does not call it. */
export type SomeLayer = Layer<never, TensorTree>

/** What a layer says about its Lipschitz constant. */
export type Bounds = Pick<SomeLayer, 'lipschitz' | 'guaranteed'>

/**
 * The bounds of a combination, from those of its parts: absent unless all have one. `combine` may take as many operations
 * as there are parts and four more; the result is rounded up by as much.
 */
export function combined(parts: readonly Bounds[], combine: (bounds: readonly number[]) => number): Bounds {
  const up = (bounds: readonly number[]): number => combine(bounds) * (1 + (bounds.length + 4) * 2 ** -52)
  return {
    ...(parts.every((part) => part.lipschitz) ? { lipschitz: () => up(parts.map((part) => part.lipschitz!())) } : {}),
    ...(parts.every((part) => part.guaranteed !== undefined)
      ? { guaranteed: up(parts.map((part) => part.guaranteed!)) }
      : {}),
  }
}

/** `rowwise` and `dispose` of a combination. */
export const together = (parts: readonly SomeLayer[]): Pick<SomeLayer, 'dispose'> & { readonly rowwise: boolean } => ({
  rowwise: parts.every((part) => part.rowwise !== false),
  dispose: () => parts.forEach((part) => part.dispose()),
})
