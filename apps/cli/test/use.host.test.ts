import { existsSync } from 'node:fs'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { makeFolder } from '../src/output.ts'
import { type Ran, run } from './run.ts'

const FILE = fileURLToPath(import.meta.url)
const SUM = fileURLToPath(new URL('./sum-plugin.ts', import.meta.url))
const HALF = fileURLToPath(new URL('./half-plugin.ts', import.meta.url))

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'equilibria-cli-'))
})
afterAll(() => rm(folder, { recursive: true }))
const file = async (name: string, text: string): Promise<string> => {
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

// max x + 2y, x + y ≤ 4, x + 3y ≤ 6, 0 ≤ x ≤ 3: optimum at (3, 1), value 5
const program = `NAME          TINY
OBJSENSE
    MAX
ROWS
 N  COST
 L  LIM1
 L  LIM2
COLUMNS
    X         COST               1.0   LIM1               1.0
    X         LIM2               1.0
    Y         COST               2.0   LIM1               1.0
    Y         LIM2               3.0
RHS
    RHS       LIM1               4.0   LIM2               6.0
BOUNDS
 UP BND       X                  3.0
ENDATA
`

describe('help teaches', () => {
  test('overview, and one page per command with an example each', async () => {
    const { code, out } = await run('--help')
    expect(code).toBe(0)
    for (const name of ['study', 'train', 'solve', 'check', 'fixtures']) {
      expect(out).toContain(name)
      const page = await run(name, '--help')
      expect(page.code).toBe(0)
      expect(page.out).toContain(`$ equilibria ${name}`)
    }
  })
  test('the version, and help by either word order', async () => {
    expect((await run('--version')).out).toMatch(/^\d+\.\d+\.\d+\n$/)
    expect((await run('help', 'solve')).out).toBe((await run('solve', '--help')).out)
    expect((await run('study', '--help')).out).toContain('study.html')
  })
  test('no colours on a pipe', async () => expect((await run('--help')).out).not.toContain('\u001b'))
})

describe('bad input is one message, exit code 2, nothing written', () => {
  const cases: readonly (readonly [what: string, args: readonly string[], says: RegExp])[] = [
    ['an unknown command', ['solv'], /no command "solv"[\s\S]*study, train, solve/],
    ['an unknown option', ['study', 'lp', '--foo'], /Unknown option --foo of "equilibria study"/],
    ['a switch with a value', ['study', 'lp', '--json=1'], /--json: is a switch/],
    ['an option without its value', ['study', 'lp', '--epochs'], /--epochs: needs a value/],
    ['a number that is none', ['train', 'lp', '--learning-rate', 'fast'], /--learning-rate: "fast": expected a number/],
    ['depths that fall', ['study', 'lp', '--steps', '4,2'], /--steps: "4,2": expected increasing/],
    ['an unknown task', ['study', 'chess'], /no task "chess"[\s\S]*lp\/random/],
    ['an unknown preset', ['study', 'lp', '--preset', 'huge'], /no preset "huge"[\s\S]*quick/],
    ['an unknown model', ['train', 'lp', '--model', 'magic'], /no model "magic"[\s\S]*implicit/],
    ['a missing argument', ['solve'], /got 0 arguments[\s\S]*takes FILE/],
    ['one argument too many', ['solve', 'a', 'b'], /got 2 arguments/],
    ['a file that is not there', ['solve', 'nowhere.mps'], /nowhere\.mps/],
    ['a plugin that is not there', ['check', './nowhere.js'], /"\.\/nowhere\.js" could not be loaded/],
    [
      'a data folder that is not there',
      ['study', 'lp', '--data', './nowhere'],
      /--data: the folder \.\/nowhere does not exist/,
    ],
    ['a data folder that is a file', ['study', 'lp', '--data', FILE], /--data: .* is not a folder/],
    ['a checkpoint that is a folder', ['train', 'lp', '--checkpoint', '.'], /--checkpoint: .* is a folder, not a file/],
    ['a checkpoint below a file', ['train', 'lp', '--checkpoint', join(FILE, 'x')], /--checkpoint: .* is a file/],
    ['names that every object has', ['study', 'lp', '--preset', 'constructor'], /no preset "constructor"/],
    ['such a name for a model', ['train', 'lp', '--model', 'toString'], /no model "toString"/],
    ['a width that no machine holds', ['train', 'lp', '--width', '1e9'], /--width: "1e9": expected .* from 1 to 4096/],
    ['a seed beyond whole numbers', ['train', 'lp', '--seed', '1e30'], /--seed: "1e30": expected a whole number/],
    ['no time at all', ['solve', 'x.mps', '--seconds', '0'], /--seconds: "0": expected a number > 0/],
    ['help for what is not there', ['help', 'solv'], /no command "solv"/],
    ['a plugin in name only', ['check', HALF], /exports no plugin/],
    ['a task without a metric', ['train', 'sum/bare', '--plugin', SUM], /Task "bare" has no metric/],
    ['a fixtures folder that is not there', ['fixtures', './nowhere'], /nowhere/],
  ]
  test.each(cases)('%s', async (_, args, says) => {
    const out = join(folder, 'must-not-appear')
    const {
      code,
      err,
      out: printed,
    } = await run(...(args[0] === 'study' ? ['study', '--out', out, ...args.slice(1)] : args))
    expect(err).toMatch(says)
    expect(err).toContain('→')
    expect(err).not.toMatch(/\n\s+at /)
    expect(printed).toBe('')
    expect(code).toBe(2)
    expect(await readdir(folder)).not.toContain('must-not-appear')
  })

  test.each([
    ['cut short', program.slice(0, 300), /cut\.mps, line \d+/],
    ['a bad number', program.replace('4.0', '4.x'), /bad\.mps, line 14, field 4: "4\.x"/],
    ['NaN', program.replace('4.0', 'nan'), /nan\.mps, line 14/],
    [
      'crossed bounds',
      program.replace('ENDATA', ' LO BND       X                  5.0\nENDATA'),
      /crossed\.mps, line 17.*"X"/,
    ],
  ])('an MPS file that is malformed: %s', async (what, text, says) => {
    const name = { 'cut short': 'cut', 'a bad number': 'bad', NaN: 'nan', 'crossed bounds': 'crossed' }[what]!
    const { code, err, out } = await run('solve', await file(`${name}.mps`, text))
    expect(err).toMatch(says)
    expect({ code, out }).toEqual({ code: 2, out: '' })
  })

  test('a checkpoint that was cut short is refused and left as it is', async () => {
    const path = join(folder, 'short.safetensors')
    const short = [
      'train',
      'lp',
      '--width',
      '4',
      '--limit',
      '4',
      '--epochs',
      '1',
      '--batch-size',
      '4',
      '--checkpoint',
      path,
    ]
    expect((await run(...short)).code).toBe(0)
    const whole = await readFile(path)
    await writeFile(path, whole.subarray(0, whole.length >> 1))
    const { code, err } = await run(...short, '--resume')
    expect(code).toBe(2)
    expect(err).toContain(path)
    expect((await readFile(path)).length).toBe(whole.length >> 1)
    await writeFile(path, whole)
    const other = await run(...short, '--width', '8', '--resume')
    expect(other.code).toBe(2)
    expect(other.err).toContain(path)
    expect(await readFile(path)).toEqual(whole)
  })
})

describe('an --out that cannot be', () => {
  test.each([
    ['a file', '', /is a file, not a folder/],
    ['below a file', 'deeper/still', /is a file, not a folder/],
  ])('%s is refused before any work', async (_, below, says) => {
    const path = await file('occupied', 'mine')
    const { code, err, out } = await run('study', 'lp', '--out', join(path, below))
    expect(err).toMatch(says)
    expect(err).toContain(path)
    expect(err).not.toContain('updates') // nothing was trained
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(await readFile(path, 'utf8')).toBe('mine')
  })
  // Node's own recursive mkdir never returns there.
  test.skipIf(!existsSync('/proc/self'))('below /proc: an error, no hang', async () => {
    await expect(makeFolder('out', '/proc/equilibria/deeper')).rejects.toThrow(
      /--out: \/proc\/equilibria cannot be made/,
    )
  })
})

describe('Ctrl-C', () => {
  /** Sends the signal when the text has been said. */
  const interruptAt = (word: string): (() => void) => {
    const write = process.stderr.write
    let sent = false
    process.stderr.write = function (this: NodeJS.WriteStream, ...args: Parameters<typeof write>) {
      if (!sent && String(args[0]).includes(word)) {
        sent = true
        setImmediate(() => process.emit('SIGINT'))
      }
      return write.apply(this, args)
    } as typeof write
    return () => void (process.stderr.write = write)
  }
  const interrupted = async (word: string, ...args: string[]): Promise<Ran> => {
    const running = run(...args) // catches stderr at once; the watcher goes over it
    const restore = interruptAt(word)
    try {
      return await running
    } finally {
      restore()
    }
  }
  const line = (out: string): string[] => [
    'study',
    'sum',
    '--plugin',
    SUM,
    '--epochs',
    '3',
    '--backend',
    'cpu',
    '--out',
    out,
  ]

  test('while training: saved, told how to go on, and then the numbers of a run that was left alone', async () => {
    const [cut, whole] = [join(folder, 'cut'), join(folder, 'whole')]
    const { code, err, out } = await interrupted('implicit 1/', ...line(cut))
    expect(err).toMatch(/stopped; the checkpoints are in .*cut: the same command with --resume goes on/)
    expect({ code, out }).toEqual({ code: 130, out: '' })
    expect(await readdir(cut)).toEqual(['implicit.safetensors'])
    const resumed = await run(...line(cut), '--resume')
    expect(resumed.code).toBe(0)
    expect(resumed.err).not.toContain('implicit 1/') // it did not begin again
    expect((await run(...line(whole))).code).toBe(0)
    const figures = async (of: string): Promise<string> =>
      JSON.stringify(JSON.parse(await readFile(join(of, 'study.json'), 'utf8')), (key, value: unknown) =>
        ['milliseconds', 'seconds', 'created'].includes(key) ? null : value,
      )
    expect(await figures(cut)).toBe(await figures(whole))
  })
  test('while measuring: no report, no stack, code 130', async () => {
    const out = join(folder, 'measuring')
    const { code, err } = await interrupted('measuring implicit: error at', ...line(out))
    expect(err).toMatch(/stopped; the checkpoints are in/)
    expect(err).not.toMatch(/\n\s+at /)
    expect(code).toBe(130)
    expect((await readdir(out)).sort()).toEqual(['explicit.safetensors', 'implicit.safetensors'])
  })
})

test('a task of a third party is checked, trained and studied', async () => {
  const checked = await run('check', SUM, '--backend', 'cpu')
  expect(checked.out).toContain('FAIL sum/bare') // has no metric, on purpose
  expect(checked.out).not.toContain('FAIL sum/pairs')
  const trained = await run(
    'train',
    'sum',
    '--plugin',
    SUM,
    '--model',
    'explicit',
    '--epochs',
    '2',
    '--backend',
    'cpu',
    '--json',
    '--checkpoint',
    join(folder, 'sum.safetensors'),
  )
  expect(JSON.parse(trained.out)).toMatchObject({ task: 'pairs', model: 'explicit', metric: 'distance' })
  const out = join(folder, 'third party')
  const studied = await run('study', 'sum/pairs', '--plugin', SUM, '--epochs', '2', '--backend', 'cpu', '--out', out)
  expect(studied.out).toMatch(/implicit\s+3 /)
  expect(await readFile(join(out, 'study.html'), 'utf8')).toContain('Distance against steps')
})

describe('solve', () => {
  test('names from a file bring no terminal escapes and no endless lines', async () => {
    const { code, out } = await run(
      'solve',
      await file('names.mps', program.replace('TINY', `\u001b[31m${'T'.repeat(500)}`)),
    )
    expect(code).toBe(0)
    expect(out).not.toContain('\u001b')
    expect(Math.max(...out.split('\n').map((l) => l.length))).toBeLessThan(150)
  })

  test('a maximising file: status, objective and variables', async () => {
    const { code, out } = await run('solve', await file('tiny.mps', program), '--tolerance', '1e-6')
    expect(code).toBe(0)
    expect(out).toMatch(/status\s+optimal/)
    expect(Number(/objective\s+(\S+)/.exec(out)![1])).toBeCloseTo(5, 4) // KKT 1e-6 on numbers of size 5
  })
  test('--json gives one object with everything', async () => {
    const { out } = await run('solve', await file('tiny.mps', program), '--json', '--tolerance', '1e-6')
    const answer = JSON.parse(out) as { status: string; y: Record<string, number>; residuals: { error: number } }
    expect(answer.status).toBe('optimal')
    expect(answer.y['X']).toBeCloseTo(3, 4)
    expect(answer.y['Y']).toBeCloseTo(1, 4)
    expect(answer.residuals.error).toBeLessThanOrEqual(1e-6)
  })
  test('an infeasible file: exit code 1 and a certificate', async () => {
    const { code, out } = await run(
      'solve',
      await file('no.mps', program.replace(' L  LIM1', ' G  LIM1').replace('4.0', '9.0')),
      '--json',
    )
    expect(code).toBe(1)
    expect(JSON.parse(out)).toMatchObject({ status: 'infeasible', certificate: { kind: 'farkas' } })
  })
})

describe('check', () => {
  test('the bundled plugin passes', async () => {
    const { code, out } = await run('check', 'lp', '--backend', 'cpu')
    expect(out).not.toContain('FAIL')
    expect(code).toBe(0)
  }, 120_000)
  test('a plugin with a wrong promise fails, with the reason', async () => {
    const { code, out } = await run('check', new URL('./lying-plugin.ts', import.meta.url).pathname, '--backend', 'cpu')
    expect(code).toBe(1)
    expect(out).toMatch(/FAIL .*Lipschitz/)
  })
})

test('study: trains, prints the table, writes one page and one JSON file', async () => {
  const out = join(folder, 'study')
  const { code, out: table } = await run('study', 'lp', '--limit', '8', '--epochs', '1', '--steps', '1,4', '--out', out)
  expect(code).toBe(0)
  expect(table).toMatch(/implicit\s+\d+/)
  expect(table).toMatch(/explicit\s+\d+/)
  expect((await readdir(out)).sort()).toEqual([
    'explicit.safetensors',
    'implicit.safetensors',
    'study.html',
    'study.json',
  ])
  const study = JSON.parse(await readFile(join(out, 'study.json'), 'utf8')) as {
    models: { rows: { steps: number }[] }[]
  }
  expect(study.models[0]!.rows.map((r) => r.steps)).toEqual([1, 4])
  expect(await readFile(join(out, 'study.html'), 'utf8')).not.toMatch(/(src|href)="https?:/)
}, 120_000)
