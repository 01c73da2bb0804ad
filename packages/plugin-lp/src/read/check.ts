import { EquilibriaError } from '@equilibria/tensor'
import type { LinearProgram } from '../program/program.ts'
import { quote } from './fail.ts'

const rowOf = (p: LinearProgram, i: number): string =>
  p.rowNames?.[i] === undefined ? `row ${i}` : `row ${i} (${quote(p.rowNames[i])})`
const columnOf = (p: LinearProgram, j: number): string =>
  p.columnNames?.[j] === undefined ? `column ${j}` : `column ${j} (${quote(p.columnNames[j])})`

/**
 * Refuses what is no linear program: lengths that disagree, entries outside of the matrix, NaN, infinite costs or
 * coefficients, bounds that leave no finite value. `O(m + n + entries)`. Infeasible programs pass: that is an answer.
 * @throws `data`, naming the program and the row, column or entry.
 */
export function checkProgram(program: LinearProgram): void {
  const { matrix, c, lower, upper, rowLower, rowUpper } = program
  const { rows: m, columns: n, starts, indices, values } = matrix
  const fail = (what: string, hint: string): never => {
    throw new EquilibriaError('data', `Linear program ${quote(program.name)}: ${what}.`, hint)
  }
  const lengths: [string, number, number][] = [
    ['c', c.length, n],
    ['lower', lower.length, n],
    ['upper', upper.length, n],
    ['rowLower', rowLower.length, m],
    ['rowUpper', rowUpper.length, m],
    ['matrix.starts', starts.length, m + 1],
    ['matrix.values', values.length, indices.length],
  ]
  for (const [what, seen, expected] of lengths) {
    if (seen !== expected) fail(`${what} has length ${seen}, not ${expected}`, `The matrix is ${m} × ${n}.`)
  }
  if (!Number.isFinite(program.offset)) fail(`the offset is ${program.offset}`, 'Give a finite number.')
  for (let i = 0; i < m; i++) {
    const from = starts[i] ?? 0
    const to = starts[i + 1] ?? 0
    if (from > to || (i === 0 && from !== 0) || to > indices.length || (i === m - 1 && to !== indices.length)) {
      fail(
        `${rowOf(program, i)} holds entries ${from} to ${to} of ${indices.length}`,
        'starts must run from 0 to the number of entries, never down.',
      )
    }
    for (let k = from; k < to; k++) {
      const j = indices[k] ?? -1
      if (j < 0 || j >= n) fail(`${rowOf(program, i)} has an entry in column ${j} of ${n}`, 'Columns count from 0.')
      if (!Number.isFinite(values[k])) {
        fail(
          `the coefficient at ${rowOf(program, i)}, ${columnOf(program, j)} is ${values[k]}`,
          'Coefficients must be finite.',
        )
      }
    }
    checkInterval(rowOf(program, i), rowLower[i] ?? NaN, rowUpper[i] ?? NaN, fail)
  }
  for (let j = 0; j < n; j++) {
    if (!Number.isFinite(c[j])) fail(`the cost of ${columnOf(program, j)} is ${c[j]}`, 'Costs must be finite.')
    checkInterval(columnOf(program, j), lower[j] ?? NaN, upper[j] ?? NaN, fail)
  }
}

function checkInterval(what: string, low: number, high: number, fail: (what: string, hint: string) => never): void {
  if (low <= high && low < Infinity && high > -Infinity) return
  fail(
    `the bounds of ${what} are ${low} and ${high}`,
    'They must be numbers, lower ≤ upper, with ±Infinity for "none".',
  )
}
