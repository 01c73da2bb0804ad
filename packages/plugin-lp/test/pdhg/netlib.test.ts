import { evaluator, farkas, solveLp } from '@equilibria/plugin-lp'
import { describe, expect, it } from 'vitest'
import { data, instance, manifest, optimum } from './helpers.ts'

/* The fast ones; all of them are in netlib.slow.test.ts, which also prints the table. */
const fast = [
  'afiro',
  'adlittle',
  'sc50a',
  'sc50b',
  'blend',
  'recipe',
  'israel',
  'scsd1',
  'standata',
  'degen2',
  'boeing2',
]

describe.skipIf(!data)('netlib', () => {
  it.each(manifest('netlib').filter((one) => fast.includes(one.name)))('$name is solved to 1e-4', (one) => {
    const found = solveLp(instance('netlib', one))
    expect(found.status).toBe('optimal')
    expect(found.kkt.error).toBeLessThanOrEqual(1e-4)
    // the gap is 1e-4 relative; residuals of 1e-4 move the objective by their product with the multipliers
    expect(Math.abs(found.objective - optimum(one)) / (1 + Math.abs(optimum(one)))).toBeLessThan(2e-3)
  })

  it.each(manifest('mip_relaxations'))('relaxation of $name', (one) => {
    const found = solveLp(instance('mip_relaxations', one), { tolerance: 1e-6 })
    expect(found.status).toBe('optimal')
    expect(Math.abs(found.objective - optimum(one)) / (1 + Math.abs(optimum(one)))).toBeLessThan(2e-5)
  })

  it.each(manifest('infeasible').filter(({ name }) => name !== 'klein1'))('$name is infeasible', (one) => {
    const program = instance('infeasible', one)
    const found = solveLp(program)
    expect(found.status).toBe('infeasible')
    expect(found.certificate?.kind).toBe('farkas')
    expect(farkas(evaluator(program), found.certificate!.vector)?.value).toBeGreaterThan(0)
  })
})
