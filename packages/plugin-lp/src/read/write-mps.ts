import { transpose } from '../program/csr.ts'
import type { LinearProgram } from '../program/program.ts'
import { checkProgram } from './check.ts'

/**
 * The program in free MPS. Numbers are written so that `readMps` gives back the same float64, with two exceptions of
 * the format itself: bounds of size 1e20 and more read as infinite, and a row bounded on both sides is stored as one
 * end and a width, which may miss the other end by a rounding. Names that free MPS cannot hold (white space, doubles)
 * are replaced by `R0…` and `C0…`, all of them. A row without any bound becomes `≥ −1e30`.
 *
 * `maximize` of a program that came from a maximising file is not restored: what is written minimises.
 * @throws `data` for what is no program: see `checkProgram`.
 */
export function writeMps(program: LinearProgram): string {
  checkProgram(program)
  const { matrix, c, lower, upper, rowLower, rowUpper } = program
  const { rows: m, columns: n } = matrix
  const rows = usableNames(program.rowNames, m, 'R')
  const columns = usableNames(program.columnNames, n, 'C')
  let cost = 'COST'
  while (rows.includes(cost)) cost += '_'
  const out = [`NAME ${program.name.trim().replace(/\s+/g, '_')}`, 'ROWS', ` N ${cost}`]
  const sides = rows.map((_, i) => side(rowLower[i] ?? 0, rowUpper[i] ?? 0))
  rows.forEach((name, i) => out.push(` ${sides[i]?.type} ${name}`))
  out.push('COLUMNS')
  const { starts, indices, values } = transpose(matrix)
  columns.forEach((name, j) => {
    const from = starts[j] ?? 0
    const to = starts[j + 1] ?? 0
    if (c[j] !== 0 || from === to) out.push(` ${name} ${cost} ${c[j]}`)
    for (let k = from; k < to; k++) out.push(` ${name} ${rows[indices[k] ?? 0]} ${values[k]}`)
  })
  out.push('RHS')
  if (program.offset !== 0) out.push(` RHS ${cost} ${-program.offset}`)
  sides.forEach(({ rhs }, i) => rhs !== 0 && out.push(` RHS ${rows[i]} ${rhs}`))
  if (sides.some(({ range }) => range !== undefined)) out.push('RANGES')
  sides.forEach(({ range }, i) => range !== undefined && out.push(` RNG ${rows[i]} ${range}`))
  out.push('BOUNDS')
  columns.forEach((name, j) => out.push(...bounds(lower[j] ?? 0, upper[j] ?? Infinity, name)))
  return [...out, 'ENDATA', ''].join('\n')
}

function usableNames(names: readonly string[] | undefined, count: number, letter: string): readonly string[] {
  const usable = names?.every((name) => /^[^\s$][^\s]*$/.test(name) && !name.includes("'MARKER'")) ?? false
  if (names !== undefined && usable && names.length === count && new Set(names).size === count) return names
  return Array.from({ length: count }, (_, k) => `${letter}${k}`)
}

interface Side {
  readonly type: 'L' | 'G' | 'E'
  readonly rhs: number
  readonly range?: number
}

function side(low: number, high: number): Side {
  if (low === high) return { type: 'E', rhs: low }
  if (low === -Infinity) return high === Infinity ? { type: 'G', rhs: -1e30 } : { type: 'L', rhs: high }
  if (high === Infinity) return { type: 'G', rhs: low }
  const width = high - low
  // The width is rounded; one of its neighbours, or the other end, may hit exactly.
  const nudge = Math.max(Math.abs(low), Math.abs(high)) * 2 ** -53
  for (const range of [width, width + nudge, width - nudge]) {
    if (low + range === high) return { type: 'G', rhs: low, range }
    if (high - range === low) return { type: 'L', rhs: high, range }
  }
  return { type: 'G', rhs: low, range: width }
}

function bounds(low: number, high: number, name: string): string[] {
  if (low === high) return [` FX BND ${name} ${low}`]
  if (low === -Infinity && high === Infinity) return [` FR BND ${name}`]
  const lines = low === -Infinity ? [` MI BND ${name}`] : low === 0 ? [] : [` LO BND ${name} ${low}`]
  return high === Infinity ? lines : [...lines, ` UP BND ${name} ${high}`]
}
