/** A pair of dense matrices, row-major, to be made tensors of. */
export interface Basis {
  /** `[2 · modes, size]`, or `[2 · modes, 2 · size]` when complex: coordinates from values. */
  readonly analysis: Float32Array
  /** `[size, 2 · modes]` (`[2 · size, 2 · modes]`): values from coordinates. */
  readonly synthesis: Float32Array
}

/**
 * Real signals of `size` entries against the frequencies `0 … modes − 1`, orthonormal: coordinates are the real parts, then
 * the imaginary parts of `Σⱼ xⱼ exp(−2πikj/size)/√size`. The synthesis counts each frequency twice, for itself and its
 * conjugate, but for 0 and, with an even size, the highest. Computed in float64, rounded once.
 */
export function realBasis(size: number, modes: number): Basis {
  const analysis = new Float32Array(2 * modes * size)
  const synthesis = new Float32Array(2 * modes * size)
  for (let k = 0; k < modes; k++)
    for (let j = 0; j < size; j++) {
      const phase = (2 * Math.PI * ((k * j) % size)) / size
      const twice = k === 0 || 2 * k === size ? 1 : 2
      const parts = [Math.cos(phase) / Math.sqrt(size), -Math.sin(phase) / Math.sqrt(size)]
      parts.forEach((value, part) => {
        analysis[(part * modes + k) * size + j] = value
        synthesis[j * 2 * modes + part * modes + k] = twice * value
      })
    }
  return { analysis, synthesis }
}

/**
 * Complex signals of `size` entries (real parts first) against the frequencies `0 … modes − 1`, then `−modes … −1`:
 * orthonormal, so the synthesis is the transpose.
 */
export function complexBasis(size: number, modes: number): Basis {
  const count = 2 * modes
  const analysis = new Float32Array(2 * count * 2 * size)
  const synthesis = new Float32Array(analysis.length)
  const put = (row: number, column: number, value: number): void => {
    analysis[row * 2 * size + column] = value
    synthesis[column * 2 * count + row] = value
  }
  for (let i = 0; i < count; i++)
    for (let j = 0; j < size; j++) {
      const k = i < modes ? i : i - count + size // −k and size − k are one frequency
      const phase = (2 * Math.PI * ((k * j) % size)) / size
      const [cos, sin] = [Math.cos(phase) / Math.sqrt(size), Math.sin(phase) / Math.sqrt(size)]
      put(i, j, cos)
      put(i, size + j, sin)
      put(count + i, j, -sin)
      put(count + i, size + j, cos)
    }
  return { analysis, synthesis }
}
