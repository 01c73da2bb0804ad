import { kernel, repair, zeros, type Repair } from './repair.ts'

/**
 * Gradients of gradient kernels. Each is linear in `dy` (and bilinear with the filter), so its adjoint is the forward
 * op again. Without them a second derivative, and with it a Jacobian–vector product, throws.
 */
const resize = (forward: string): Repair =>
  repair<{ alignCorners: boolean; halfPixelCenters?: boolean }>(
    `${forward}Grad`,
    { inputs: ['images', 'dy'] },
    (ddx, [images, dy], attrs) => ({
      images: zeros(images!),
      dy: () => kernel(forward, { images: ddx }, { ...attrs, size: dy!.shape.slice(1, 3) }),
    }),
  )

/** Attributes as tfjs-core passes them; only the shape is replaced. */
const depthwise: readonly Repair[] = [
  repair('DepthwiseConv2dNativeBackpropInput', { inputs: ['dy', 'filter'] }, (ddx, [dy, filter], attrs) => ({
    dy: () => kernel('DepthwiseConv2dNative', { x: ddx, filter: filter! }, attrs),
    filter: () =>
      kernel('DepthwiseConv2dNativeBackpropFilter', { x: ddx, dy: dy! }, { ...attrs, filterShape: filter!.shape }),
  })),
  repair('DepthwiseConv2dNativeBackpropFilter', { inputs: ['x', 'dy'] }, (ddw, [x, dy], attrs) => ({
    x: () => kernel('DepthwiseConv2dNativeBackpropInput', { dy: dy!, filter: ddw }, { ...attrs, inputShape: x!.shape }),
    dy: () => kernel('DepthwiseConv2dNative', { x: x!, filter: ddw }, attrs),
  })),
]

const convolution: Repair = repair('Conv2DBackpropFilter', { inputs: ['x', 'dy'] }, (ddw, [x, dy], attrs) => ({
  x: () => kernel('Conv2DBackpropInput', { dy: dy!, filter: ddw }, { ...attrs, inputShape: x!.shape }),
  dy: () => kernel('Conv2D', { x: x!, filter: ddw }, { ...attrs, dilations: [1, 1] }),
}))

export const linearKernels: readonly Repair[] = [
  resize('ResizeBilinear'),
  resize('ResizeNearestNeighbor'),
  ...depthwise,
  convolution,
]
