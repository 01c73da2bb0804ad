import { createRequire } from 'node:module'
import { drawProgram, multiply, multiplyTransposed, readMps } from '@equilibria/plugin-lp'
import { loadExact, randomPrograms, solveExact } from '@equilibria/plugin-lp/exact'
import { EquilibriaError } from '@equilibria/tensor'
import type { Highs, Model, ModelData } from 'highs'
import { describe, expect, it } from 'vitest'
import { logarithm, philox, randomStream } from '../src/data/random.ts'

// The declarations describe the CommonJS build only.
const startHighs: () => Promise<Highs> = createRequire(import.meta.url)('highs')

describe('random numbers', () => {
  // Known answers of the Philox4x32-10 paper's reference implementation.
  it.each([
    [[0, 0, 0, 0], [0, 0], '6627e8d5 e169c58d bc57ac4c 9b00dbd8'],
    [
      [2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1, 2 ** 32 - 1],
      [2 ** 32 - 1, 2 ** 32 - 1],
      '408f276d 41c83b0e a20bc7c6 6d5451fd',
    ],
    [[0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0], 'd16cfe09 94fdcceb 5001e420 24126ea1'],
  ])('philox %#', (counter, [key0 = 0, key1 = 0], answer) => {
    const words = philox(Uint32Array.from(counter), key0, key1)
    expect([...words].map((w) => w.toString(16).padStart(8, '0')).join(' ')).toBe(answer)
  })

  it('the logarithm is that of Math to a few roundings', () => {
    const random = randomStream(3, 0)
    for (let k = 0; k < 5000; k++) {
      const s = random.uniform() ** 4
      // 13 terms and one sum: a handful of roundings of 2⁻⁵³, relative; absolute where ln s passes through 0.
      expect(Math.abs(logarithm(s) - Math.log(s))).toBeLessThan(8 * 2 ** -53 * Math.max(1, -Math.log(s)))
    }
  })

  it('uniform and normal have their moments', () => {
    const random = randomStream(1, 2)
    const count = 40_000
    const u = Array.from({ length: count }, () => random.uniform())
    const z = Array.from({ length: count }, () => random.normal())
    const mean = (v: readonly number[], p: number): number => v.reduce((s, x) => s + x ** p, 0) / count
    // Five standard errors of each moment: √(1/12), √(4/45), 1, √2, √15, √96 over √count.
    const error = 5 / Math.sqrt(count)
    expect(Math.abs(mean(u, 1) - 1 / 2)).toBeLessThan(error * 0.29)
    expect(Math.abs(mean(u, 2) - 1 / 3)).toBeLessThan(error * 0.3)
    expect(Math.abs(mean(z, 1))).toBeLessThan(error)
    expect(Math.abs(mean(z, 2) - 1)).toBeLessThan(error * Math.SQRT2)
    expect(Math.abs(mean(z, 3))).toBeLessThan(error * Math.sqrt(15))
    expect(Math.abs(mean(z, 4) - 3)).toBeLessThan(error * Math.sqrt(96))
  })
})

describe('random programs', () => {
  it('a draw has the shape of the published distribution and is the same everywhere', () => {
    const p = drawProgram({ seed: 7 }, 3)
    expect([p.matrix.rows, p.matrix.columns, p.matrix.indices.length]).toEqual([10, 50, 100])
    const places = new Set<string>()
    for (let i = 0; i < 10; i++) {
      for (let k = p.matrix.starts[i] ?? 0; k < (p.matrix.starts[i + 1] ?? 0); k++)
        places.add(`${i},${p.matrix.indices[k]}`)
    }
    expect(places.size).toBe(100)
    expect(p.c.every((v) => Math.abs(v) < 0.01)).toBe(true)
    expect(p.rowUpper.every((v) => Math.abs(v) < 1)).toBe(true)
    expect(p.lower.every((v, j) => v <= (p.upper[j] ?? 0))).toBe(true)
    // Written down once; arithmetic that IEEE 754 fixes gives these digits on every machine.
    expect([p.c[0], p.upper[49], p.matrix.values[99]]).toMatchInlineSnapshot(`
      [
        0.001851604897347523,
        2.2787764423842027,
        -0.24068292840258657,
      ]
    `)
  })

  it('equalities, bounds and coefficients over many draws', () => {
    const draws = Array.from({ length: 400 }, (_, k) => drawProgram({ seed: 11 }, k))
    const equalities = draws.reduce((s, p) => s + p.rowLower.filter((v) => v > -Infinity).length, 0) / 4000
    // Five standard errors of a share of 0.3 among 4 000.
    expect(Math.abs(equalities - 0.3)).toBeLessThan(5 * Math.sqrt(0.21 / 4000))
    const bounds = draws.flatMap((p) => [...p.lower, ...p.upper])
    const variance = bounds.reduce((s, v) => s + v * v, 0) / bounds.length
    // Sorting a pair changes neither the sum nor the squares: variance 100, standard error 100 √(2 / 40 000).
    expect(Math.abs(variance - 100)).toBeLessThan(5 * 100 * Math.sqrt(2 / 40_000))
    const perRow = draws.map((p) => p.matrix.starts[1] ?? 0)
    const mean = perRow.reduce((s, v) => s + v, 0) / perRow.length
    expect(Math.abs(mean - 10)).toBeLessThan((5 * 3) / Math.sqrt(400))
  })

  it('feasible ones with labels that satisfy every optimality condition', async () => {
    const labelled = await randomPrograms({ seed: 5, count: 40 })
    const again = await randomPrograms({ seed: 5, count: 40 })
    expect(again).toEqual(labelled)
    const draws = 1 + Number(labelled.at(-1)?.program.name.split('-').at(-1))
    // About 51 % of draws are feasible (2 500 of 4 859); five standard errors around 40 / 0.514 ≈ 78 draws.
    expect(Math.abs(40 / draws - 0.514)).toBeLessThan(5 * Math.sqrt(0.25 / draws))
    for (const { program, y, objective, rowDual, lowerDual, upperDual } of labelled) {
      const activity = multiply(program.matrix, y)
      const back = multiplyTransposed(program.matrix, rowDual)
      let [violation, dual] = [0, 0]
      activity.forEach((a, i) => {
        violation = Math.max(violation, a - (program.rowUpper[i] ?? 0), (program.rowLower[i] ?? 0) - a)
        if (program.rowLower[i] === -Infinity) violation = Math.max(violation, rowDual[i] ?? 0)
        dual += (rowDual[i] ?? 0) * (program.rowUpper[i] ?? 0)
      })
      program.c.forEach((cost, j) => {
        const reduced = (lowerDual[j] ?? 0) + (upperDual[j] ?? 0)
        violation = Math.max(violation, Math.abs(cost - (back[j] ?? 0) - reduced))
        violation = Math.max(violation, (program.lower[j] ?? 0) - (y[j] ?? 0), (y[j] ?? 0) - (program.upper[j] ?? 0))
        dual += (lowerDual[j] ?? 0) * (program.lower[j] ?? 0) + (upperDual[j] ?? 0) * (program.upper[j] ?? 0)
      })
      // A simplex basis solved in float64 with numbers up to 40: far below HiGHS's own 1e-7.
      expect(violation).toBeLessThan(1e-9)
      expect(Math.abs(objective - dual)).toBeLessThan(1e-9)
    }
  })

  it('other sizes, and what cannot be had', async () => {
    const [one] = await randomPrograms({ seed: 1, count: 1, constraints: 3, variables: 7, nonzeros: 21, equality: 0 })
    expect(one?.program.rowLower.every((v) => v === -Infinity)).toBe(true)
    expect(one?.program.matrix.indices.length).toBe(21)
    const refused = (options: object): Promise<unknown> =>
      randomPrograms({ seed: 1, count: 1, ...options }).catch((error: unknown) => error)
    for (const bad of [
      { nonzeros: 501 },
      { equality: 2 },
      { seed: -1 },
      { count: 0.5 },
      { maxDraws: 0 },
      { constraints: 1.5 },
    ]) {
      const error = await refused(bad)
      expect(EquilibriaError.is(error) && error.code).toBe('option')
    }
  })

  it('says how to get HiGHS when it is not there', async () => {
    const error: unknown = await loadExact(() => Promise.reject(new Error('not found'))).catch((e: unknown) => e)
    expect(EquilibriaError.is(error) && [error.code, error.hint]).toEqual([
      'requirement',
      'Install it: npm install highs@^1.15.3',
    ])
  })

  it('infeasible and unbounded are statuses', async () => {
    const p = drawProgram({ seed: 1, constraints: 2, variables: 3, nonzeros: 0, equality: 1 }, 0)
    expect((await solveExact(p)).status).toBe('infeasible')
    const nothing = readMps('ROWS\n N c\nCOLUMNS\nRHS\n RHS c 3\nENDATA')
    expect(await solveExact(nothing)).toMatchObject({ status: 'optimal', objective: -3 })
    const noColumns = readMps('ROWS\n N c\n G r\nCOLUMNS\nRHS\n RHS r 3\nENDATA')
    expect((await solveExact(noColumns)).status).toBe('infeasible')
    const open = {
      ...drawProgram({ seed: 1, constraints: 0, variables: 3, nonzeros: 0 }, 0),
      lower: new Float64Array(3).fill(-Infinity),
      upper: new Float64Array(3).fill(Infinity),
    }
    expect(['unbounded', 'infeasible-or-unbounded']).toContain((await solveExact(open)).status)
  })

  it('frees the native model of every solve', async () => {
    const models: Model[] = []
    const solve = await loadExact(async () => ({
      default: async () => {
        const highs = await startHighs()
        return {
          ...highs,
          withModel: <R>(source: ModelData, use: (model: Model) => R): R =>
            highs.withModel(source, (model) => {
              models.push(model)
              return use(model)
            }),
        }
      },
    }))
    solve(drawProgram({ seed: 2 }, 0))
    solve(drawProgram({ seed: 2 }, 1))
    expect(models).toHaveLength(2)
    for (const model of models) expect(() => model.run()).toThrow(/after disposal/)
  })
})
