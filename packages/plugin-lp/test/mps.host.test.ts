import { EquilibriaError } from '@equilibria/tensor'
import { readMps } from '@equilibria/plugin-lp'
import { describe, expect, it } from 'vitest'

const tiny = (parts: { rows?: string; columns?: string; rhs?: string; ranges?: string; bounds?: string }): string =>
  [
    'NAME tiny',
    'ROWS',
    parts.rows ?? ' N cost\n L r',
    'COLUMNS',
    parts.columns ?? ' x cost 1 r 2',
    'RHS',
    parts.rhs ?? '',
    ...(parts.ranges === undefined ? [] : ['RANGES', parts.ranges]),
    ...(parts.bounds === undefined ? [] : ['BOUNDS', parts.bounds]),
    'ENDATA',
  ].join('\n')

/** The reader's one error, with its message. */
function failure(text: string | Uint8Array, format: 'auto' | 'fixed' | 'free' = 'auto'): string {
  try {
    readMps(text, { name: 'bad.mps', format })
  } catch (error) {
    if (EquilibriaError.is(error) && error.code === 'file') return error.message
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('what MPS says', () => {
  it('row types, right-hand sides, the offset as the negative of the objective row', () => {
    const p = readMps(
      tiny({
        rows: ' N cost\n L a\n G b\n E c\n N other',
        columns: ' x cost 1 a 2\n x other 9\n y b 3 c 4',
        rhs: ' RHS cost 7 a 5\n RHS b -6 c 8',
      }),
    )
    expect([...p.rowLower]).toEqual([-Infinity, -6, 8])
    expect([...p.rowUpper]).toEqual([5, Infinity, 8])
    expect(p.offset).toBe(-7)
    expect([...p.c]).toEqual([1, 0])
    expect([...p.matrix.values]).toEqual([2, 3, 4])
    expect([...p.matrix.indices]).toEqual([0, 1, 1])
    expect(p.rowNames).toEqual(['a', 'b', 'c'])
    expect(p.notes.join()).toContain('N rows after the first')
  })

  it('every sign convention of RANGES', () => {
    const rows = ' N cost\n L a\n L a2\n G b\n G b2\n E c\n E d\n E e'
    const columns = ['a', 'a2', 'b', 'b2', 'c', 'd', 'e'].map((r) => ` x ${r} 1`).join('\n')
    const rhs = ['a', 'a2', 'b', 'b2', 'c', 'd', 'e'].map((r) => ` RHS ${r} 10`).join('\n')
    const ranges = ' RNG a 3 a2 -3\n RNG b 3 b2 -3\n RNG c 3 d -3\n RNG e 0'
    const p = readMps(tiny({ rows, columns, rhs, ranges }))
    expect([...p.rowLower]).toEqual([7, 7, 10, 10, 10, 7, 10])
    expect([...p.rowUpper]).toEqual([10, 10, 13, 13, 13, 10, 10])
  })

  it('every bound type', () => {
    const names = ['d', 'lo', 'up', 'fx', 'fr', 'mi', 'pl', 'bv', 'li', 'ui', 'sc', 'neg', 'neg0', 'inf']
    const p = readMps(
      tiny({
        columns: names.map((n) => ` ${n} r 1`).join('\n'),
        bounds: `
 LO B lo -2
 UP B up 4
 FX B fx 3
 FR B fr
 MI B mi
 PL B pl
 BV B bv
 LI B li 2
 UI B ui 9
 SC B sc 5
 UP B neg -1
 LO B neg0 -5
 UP B neg0 -1
 UP B inf 1e30`,
      }),
    )
    const bounds = Object.fromEntries(names.map((n, j) => [n, [p.lower[j], p.upper[j]]]))
    expect(bounds).toEqual({
      d: [0, Infinity],
      lo: [-2, Infinity],
      up: [0, 4],
      fx: [3, 3],
      fr: [-Infinity, Infinity],
      mi: [-Infinity, Infinity],
      pl: [0, Infinity],
      bv: [0, 1],
      li: [2, Infinity],
      ui: [0, 9],
      sc: [0, 5],
      neg: [-Infinity, -1],
      neg0: [-5, -1],
      inf: [0, Infinity],
    })
    expect(p.integer.map((j) => p.columnNames[j])).toEqual(['bv', 'li', 'ui', 'sc'])
    expect(p.notes.join()).toContain('negative UP')
  })

  it('integer markers: the relaxation, in [0, +inf), with a note', () => {
    const columns = ` x r 1\n M1 'MARKER' 'INTORG'\n y r 1\n M2 'MARKER' 'INTEND'\n z r 1`
    const p = readMps(tiny({ columns }))
    expect(p.integer).toEqual([1])
    expect(p.upper[1]).toBe(Infinity)
    expect(p.notes.join()).toContain('integer columns')
  })

  it('OBJSENSE on its own line and beside the header: the negative is minimised', () => {
    for (const head of ['OBJSENSE\n    MAX', 'OBJSENSE MAXIMIZE']) {
      const p = readMps(`${head}\n${tiny({ rhs: ' RHS cost 5' })}`)
      expect(p.maximize).toBe(true)
      expect([p.c[0], p.offset]).toEqual([-1, 5])
    }
    expect(readMps(`OBJSENSE MIN\n${tiny({})}`).maximize).toBe(false)
  })

  it('comments, blank lines, CRLF, tabs, doubled coefficients, Fortran exponents, missing vector names', () => {
    const text = tiny({
      columns: '* a comment\n\tx\tcost\t1.5D+1\n\n x r .5 \n x r 1.',
      rhs: ' r 3',
      bounds: ' UP x 2\n FR x',
    })
    for (const end of ['\n', '\r\n']) {
      const p = readMps(text.replaceAll('\n', end))
      expect([p.c[0], p.matrix.values[0], p.rowUpper[0]]).toEqual([15, 1.5, 3])
      expect([p.lower[0], p.upper[0]]).toEqual([-Infinity, Infinity])
      expect(p.notes.join()).toContain('added up')
    }
  })

  it('names with blanks in fixed columns are found out', () => {
    const text = [
      'NAME          SPACES',
      'ROWS',
      ' N  MY COST',
      ' G  ROW 1',
      'COLUMNS',
      '    COL 1     MY COST            1.0   ROW 1              2.0',
      'RHS',
      '    RHS 1     ROW 1              4.0',
      'BOUNDS',
      ' UP BND 1     COL 1              9.0',
      'ENDATA',
    ].join('\n')
    const p = readMps(text)
    expect([p.rowNames[0], p.columnNames[0], p.rowLower[0], p.upper[0]]).toEqual(['ROW 1', 'COL 1', 4, 9])
    expect(readMps(text, { format: 'fixed' }).upper[0]).toBe(9)
    expect(failure(text, 'free')).toContain('bad.mps, line 3, field 2')
  })

  it('only the first vector of RHS, RANGES and BOUNDS counts', () => {
    const p = readMps(tiny({ rhs: ' A r 1\n B r 2', bounds: ' UP A x 1\n UP B x 2' }))
    expect([p.rowUpper[0], p.upper[0]]).toEqual([1, 1])
    expect(p.notes).toHaveLength(2)
  })
})

describe('what is refused, with the place', () => {
  it.each([
    ['no ENDATA', tiny({}).replace('ENDATA', ''), 'bad.mps, line 7: the file ends without ENDATA'],
    ['empty', '', 'the file is empty'],
    ['unknown section', tiny({}).replace('RHS', 'QUADOBJ'), 'line 7, section: unknown section "QUADOBJ"'],
    ['section named like a method', 'constructor\n x', 'line 1, section: unknown section "constructor"'],
    ['doubled section', tiny({}).replace('RHS', 'ROWS'), 'section ROWS appears twice'],
    ['order', 'COLUMNS\nENDATA', 'COLUMNS comes before any ROWS'],
    ['unknown row type', tiny({ rows: ' N cost\n X r' }), 'line 4, field 1: unknown row type "X"'],
    ['doubled row', tiny({ rows: ' N cost\n L cost' }), 'line 4, field 2: row "cost" is declared twice'],
    ['unknown row', tiny({ columns: ' x nowhere 1' }), 'line 6, field 3: unknown row "nowhere"'],
    ['unknown row, second pair', tiny({ columns: ' x r 1 nowhere 1' }), 'line 6, field 5: unknown row "nowhere"'],
    ['bad number', tiny({ columns: ' x r 1.2.3' }), 'line 6, field 4: "1.2.3" is not a finite number'],
    ['NaN', tiny({ columns: ' x r NaN' }), 'field 4: "NaN" is not a finite number'],
    ['NaN before another pair', tiny({ columns: ' x cost nan r 1' }), 'line 6, field 4: "nan" is not a finite number'],
    ['cut in a pair', tiny({ columns: ' x cost 1 r' }), 'line 6, field 6: expected a name and pairs'],
    ['row of two words', tiny({ rows: ' N cost\n L r s' }), 'line 4, field 2: a ROWS line needs a type and a name'],
    ['overflow', tiny({ columns: ' x r 1e999' }), '"1e999" is not a finite number'],
    ['missing value', tiny({ columns: ' x' }), 'line 6, field 3: expected a name'],
    ['unknown column', tiny({ bounds: ' UP B y 3' }), 'line 10, field 3: unknown column "y"'],
    ['unknown bound', tiny({ bounds: ' XX B x 3' }), 'line 10, field 1: unknown bound type "XX"'],
    ['crossed bounds', tiny({ bounds: ' LO B x 3\n UP B x 2' }), 'line 11, column "x": the lower bound 3'],
    ['infinite right-hand side', tiny({ rhs: ' RHS r -inf' }), 'row "r": right-hand side -Infinity'],
    ['doubled right-hand side', tiny({ rhs: ' RHS r 1\n RHS r 2' }), 'line 9, field 4: this row already has a value'],
    ['doubled offset', tiny({ rhs: ' RHS cost 1\n RHS cost 2' }), 'line 9, field 4: this row already has a value'],
    ['marker', tiny({ columns: " M 'MARKER' 'SOSORG'" }), 'unknown marker'],
    ['sense', `OBJSENSE UP\n${tiny({})}`, 'line 1, OBJSENSE: unknown sense "UP"'],
    ['data first', ' x y 1\nENDATA', 'line 1: data outside of any section'],
  ])('%s', (_, text, message) => {
    expect(failure(text)).toContain(message)
  })

  it('gzipped bytes, with what opens them', () => {
    expect(failure(Uint8Array.of(0x1f, 0x8b, 8))).toContain('loadMps')
  })
})
