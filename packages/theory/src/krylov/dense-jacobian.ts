import type { Linearization, Vector } from '@equilibria/spec'
import type { Matrix } from '../dense/matrix.ts'
import { hostProduct } from './rows.ts'

/** The whole Jacobian of every sample, from `size` pullbacks of unit vectors. @cost `size` pullbacks */
export function denseJacobian(linear: Pick<Linearization, 'vjp'>, like: Vector): Matrix[] {
  const [batch, size] = like.shape
  const back = hostProduct((u) => linear.vjp(u), batch)
  const all = Array.from({ length: batch }, () => new Float64Array(size * size))
  for (let i = 0; i < size; i++) {
    const unit = new Float64Array(batch * size)
    for (let b = 0; b < batch; b++) unit[b * size + i] = 1
    const row = back(unit)
    all.forEach((data, b) => data.set(row.subarray(b * size, (b + 1) * size), i * size))
  }
  return all.map((data) => ({ rows: size, columns: size, data }))
}
