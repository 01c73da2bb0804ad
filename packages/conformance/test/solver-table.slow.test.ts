import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import * as tf from '@tensorflow/tfjs-core'
import { describe, expect, test } from 'vitest'
import * as exported from '@equilibria/solvers'
import {
  formatSolverTable,
  isSolved,
  parseSolverTable,
  type TableCell,
  tableCell,
  tableColumns,
  tableRows,
} from '@equilibria/conformance'

const root = path.resolve(import.meta.dirname, '../../..')
const pack = process.env['EQUILIBRIA_DATA'] ?? path.resolve(root, '../shared/data')
const truthFile = path.join(pack, 'truth', 'truth_cases.json')
const truth = existsSync(truthFile) ? (JSON.parse(readFileSync(truthFile, 'utf8')) as unknown) : undefined
if (!truth) console.log(`skipped: the truth cases, no ${truthFile}`)
const rows = tableRows(truth)
const file = readFileSync(path.join(root, 'docs/reference/solver-table.md'), 'utf8')
const page = parseSolverTable(file, tf.getBackend() === 'cpu' ? 'first' : 'second')

test('rows have names of their own', () => {
  expect(new Set(rows.map((row) => row.name)).size).toBe(rows.length)
})

describe('every solver on every problem', () => {
  const all: TableCell[] = []
  for (const row of rows)
    test(`${row.name}: what the page says, and auto solves what any single method solves`, () => {
      const before = tf.memory().numTensors
      const cells = tableColumns.map((column) => tableCell(row, column))
      all.push(...cells)
      expect(tf.memory().numTensors).toBe(before)
      const by = cells.filter((cell) => cell.column !== 'auto' && isSolved(cell)).map((cell) => cell.column)
      const auto = cells.find((cell) => cell.column === 'auto')!
      expect({ by, auto: isSolved(auto) || by.length === 0 }).toEqual({ by, auto: true })
      const said = page.get(row.name)
      const wrong = cells.filter((cell) => !agrees(cell, said?.get(cell.column)))
      expect(wrong.map((cell) => ({ ...cell, page: said?.get(cell.column) }))).toEqual([])
    })
  test('every exported solver is a column', () => {
    // Whatever makes a solver without being told what to wrap.
    const others = new Set(['bestSoFar', 'bounded', 'damped', 'safeguarded'])
    const makers = Object.entries(exported).flatMap(([name, make]) => {
      if (typeof make !== 'function' || others.has(name)) return []
      try {
        const made = (make as (options: unknown) => unknown)({ radius: 0.5 })
        return (made as { kind?: unknown } | undefined)?.kind === 'solver' ? [name] : []
      } catch {
        return []
      }
    })
    expect(makers.filter((name) => !tableColumns.some((c) => c.name === name))).toEqual([])
  })
  test('the page has these rows and columns, and no others', () => {
    console.log(formatSolverTable(rows, all))
    if (!truth) return
    expect([...page.keys()]).toEqual(rows.map((row) => row.name))
    const shown = new Set([...page.values()].flatMap((cells) => [...cells.keys()]))
    expect([...shown].sort()).toEqual(tableColumns.map((c) => c.name).sort())
  })
})

/**
 * The status word for word, evaluations to a tenth and 3: another backend, or another version of JavaScript, rounds
 * exponentials otherwise, which moves long runs by some steps.
 */
function agrees(cell: TableCell, said: string | undefined): boolean {
  if (said === undefined || cell.outcome === 'none') return cell.outcome === 'none' && (said ?? '·') === '·'
  const want = Number.parseInt(said, 10)
  if (Number.isNaN(want)) return said === cell.outcome
  return (
    isSolved(cell) &&
    said.endsWith('*') === (cell.outcome === 'elsewhere') &&
    Math.abs(cell.evaluations - want) <= 3 + want / 10
  )
}
