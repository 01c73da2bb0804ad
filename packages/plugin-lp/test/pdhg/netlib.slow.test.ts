import { evaluator, farkas, type LpResult, solveLp } from '@equilibria/plugin-lp'
import { describe, expect, it } from 'vitest'
import { data, type Instance, instance, manifest, optimum, random } from './helpers.ts'

const print = (head: readonly string[], rows: readonly (readonly string[])[]): void => {
  const all = [head, ...rows]
  const widths = head.map((_, k) => Math.max(...all.map((row) => row[k]!.length)))
  console.log(
    all
      .map((row) => row.map((v, k) => (k === 0 ? v.padEnd(widths[k]!) : v.padStart(widths[k]!))).join('  '))
      .join('\n'),
  )
}
const exponent = (v: number) => v.toExponential(1)
const relative = (found: LpResult, one: Instance) =>
  Math.abs(found.objective - optimum(one)) / (1 + Math.abs(optimum(one)))

describe.skipIf(!data)('the whole table', () => {
  it('solves netlib and the relaxations', () => {
    const rows = [
      ...manifest('netlib').map((one) => ['netlib', one] as const),
      ...manifest('mip_relaxations').map((one) => ['mip_relaxations', one] as const),
    ].map(([set, one]) => {
      const program = instance(set, one)
      return { one, program, found: solveLp(program) }
    })
    print(
      [
        'instance',
        'rows',
        'cols',
        'nnz',
        'status',
        'iterations',
        'KKT',
        'primal',
        'dual',
        'gap',
        'objective',
        'rel. diff.',
        's',
      ],
      rows.map(({ one, program, found }) => [
        one.name,
        `${program.matrix.rows}`,
        `${program.matrix.columns}`,
        `${program.matrix.values.length}`,
        found.status,
        `${found.iterations}`,
        exponent(found.kkt.error),
        exponent(found.kkt.primal),
        exponent(found.kkt.dual),
        exponent(found.kkt.gap),
        found.objective.toPrecision(9),
        exponent(relative(found, one)),
        (found.elapsedMs / 1000).toFixed(2),
      ]),
    )
    const named = (test: (row: (typeof rows)[number]) => boolean) => rows.filter(test).map(({ one }) => one.name)
    expect(named(({ found }) => found.status === 'infeasible' || found.status === 'unbounded')).toEqual([])
    expect(named(({ found, one }) => found.status === 'optimal' && !(relative(found, one) < 1e-2))).toEqual([])
    expect(rows.filter(({ found }) => found.status === 'optimal').length).toBe(34) // asked for: 20 of 30, and the 4
  })

  it('proves infeasibility', () => {
    const rows = manifest('infeasible').map((one) => ({ one, program: instance('infeasible', one) }))
    const found = rows.map(({ program }) => solveLp(program))
    print(
      ['instance', 'rows', 'cols', 'status', 'iterations', 'Farkas value', 'violation', 's'],
      rows.map(({ one, program }, k) => [
        one.name,
        `${program.matrix.rows}`,
        `${program.matrix.columns}`,
        found[k]!.status,
        `${found[k]!.iterations}`,
        exponent(found[k]!.certificate?.value ?? Number.NaN),
        exponent(found[k]!.certificate?.violation ?? Number.NaN),
        (found[k]!.elapsedMs / 1000).toFixed(2),
      ]),
    )
    const proved = found.filter(
      (f, k) => f.status === 'infeasible' && farkas(evaluator(rows[k]!.program), f.certificate!.vector),
    )
    expect(proved.length).toBeGreaterThanOrEqual(4)
  })

  it('tells feasible and infeasible random programs apart', () => {
    for (const { program, objective } of random('test', 500)) {
      const found = solveLp(program)
      expect(found.status).toBe('optimal')
      expect(Math.abs(found.objective - objective)).toBeLessThan(1e-2 * (1 + Math.abs(objective)))
    }
    for (const { program } of random('test_infeasible', 50)) expect(solveLp(program).status).toBe('infeasible')
  })
})
