import { parseArgs } from 'node:util'
import { EquilibriaError } from '@equilibria/core'
import { bold, dim } from './terminal.ts'

/** One option of a command: what `--help` says and how its value is read. */
export interface Option<T = unknown> {
  readonly summary: string
  /** Shown in help as `--name VALUE`; left out for switches. */
  readonly value?: string
  readonly default?: T
  readonly parse: (text: string) => T
}
export type Options = Readonly<Record<string, Option>>
export type Values<O extends Options> = {
  readonly [K in keyof O]:
    | (O[K] extends Option<infer T> ? T : never)
    | (O[K] extends { readonly default: unknown } ? never : undefined)
}

export interface Command<O extends Options = Options> {
  readonly name: string
  readonly summary: string
  /** What follows the name: `TASK`, `FILE`. */
  readonly positionals: readonly { readonly name: string; readonly summary: string; readonly optional?: boolean }[]
  readonly options: O
  readonly examples: readonly string[]
  /** More to say: what comes out, what the columns mean. */
  readonly details?: string
  run(positionals: readonly string[], options: Values<O>): Promise<number>
}

/** Keeps the option types. */
export const defineCommand = <const O extends Options>(command: Command<O>): Command<O> => command

const bad = (seen: string, legal: string, hint: string): never => {
  throw new EquilibriaError('option', `${seen}: ${legal}.`, hint)
}

export const text = (summary: string, value: string): Option<string> => ({ summary, value, parse: (t) => t })
export const flag = (summary: string): Option<boolean> & { readonly default: false } => ({
  summary,
  default: false,
  parse: () => true,
})
/** A finite number, `least` or more; above 0 when `least` is left out. */
export const number = (summary: string, value: string, least?: number): Option<number> => ({
  summary,
  value,
  parse: (t) => {
    const n = Number(t)
    return t.trim() !== '' && Number.isFinite(n) && (least === undefined ? n > 0 : n >= least)
      ? n
      : bad(`"${t}"`, `expected a number ${least === undefined ? '> 0' : `≥ ${least}`}`, 'Write it like 0.01 or 1e-4.')
  },
})
/** A whole number from `least` to `most`. */
export const whole = (
  summary: string,
  value: string,
  least = 0,
  most: number = Number.MAX_SAFE_INTEGER,
): Option<number> => ({
  summary,
  value,
  parse: (t) => {
    const n = Number(t)
    return t.trim() !== '' && Number.isSafeInteger(n) && n >= least && n <= most
      ? n
      : bad(
          `"${t}"`,
          n > most ? `expected a whole number from ${least} to ${most}` : `expected a whole number ≥ ${least}`,
          'Write it in digits.',
        )
  },
})
/** Widths beyond this ask for tensors that no machine holds; the process would hang before it failed. */
export const WIDEST = 4096
/** One of a few words. */
export const choice = <const W extends string>(summary: string, words: readonly W[]): Option<W> => ({
  summary,
  value: words.join('|'),
  parse: (t) => words.find((w) => w === t) ?? bad(`"${t}"`, `expected ${words.join(', ')}`, 'Pick one of these.'),
})
/** Increasing whole numbers, `1,2,4,8`. */
export const depths = (summary: string): Option<readonly number[]> => ({
  summary,
  value: 'LIST',
  parse: (t) => {
    const list = t.split(',').map(Number)
    return list.every((n, i) => Number.isInteger(n) && n >= 1 && (i === 0 || n > list[i - 1]!))
      ? list
      : bad(`"${t}"`, 'expected increasing whole numbers ≥ 1', 'Write them like 1,2,4,8,16.')
  },
})

/** Reads the arguments of one command. Unknown options and wrong counts are errors that name the place. */
export function parse<O extends Options>(
  command: Command<O>,
  args: readonly string[],
): { positionals: string[]; options: Values<O> } {
  const names = Object.keys(command.options)
  const known = Object.fromEntries(
    names.map((n) => [
      n,
      { type: command.options[n]!.value === undefined ? ('boolean' as const) : ('string' as const) },
    ]),
  )
  const { values, positionals, tokens } = parseArgs({
    args: [...args],
    options: known,
    allowPositionals: true,
    strict: false,
    tokens: true,
  })
  for (const token of tokens) {
    if (token.kind !== 'option') continue
    const option = Object.hasOwn(command.options, token.name) ? command.options[token.name] : undefined
    if (!option)
      bad(
        `Unknown option ${token.rawName} of "equilibria ${command.name}"`,
        `it knows ${names.map((n) => `--${n}`).join(' ')}`,
        `See equilibria ${command.name} --help.`,
      )
    if (option!.value !== undefined && token.value === undefined)
      bad(`Option --${token.name}`, `needs a value, ${option!.value}`, `See equilibria ${command.name} --help.`)
    if (option!.value === undefined && token.value !== undefined)
      bad(
        `Option --${token.name}`,
        `is a switch and takes no value, got "${token.value}"`,
        `Write --${token.name} alone.`,
      )
  }
  const least = command.positionals.filter((p) => !p.optional).length
  if (positionals.length < least || positionals.length > command.positionals.length)
    bad(
      `"equilibria ${command.name}" got ${positionals.length} arguments${positionals.length ? ` (${positionals.join(' ')})` : ''}`,
      `it takes ${command.positionals.map((p) => (p.optional ? `[${p.name}]` : p.name)).join(' ') || 'none'}`,
      `See equilibria ${command.name} --help.`,
    )
  const options = Object.fromEntries(
    names.map((n) => {
      const option = command.options[n]!
      const raw = values[n]
      if (raw === undefined) return [n, option.default]
      try {
        return [n, option.parse(String(raw))]
      } catch (error) {
        if (!EquilibriaError.is(error)) throw error
        throw new EquilibriaError('option', `Option --${n}: ${error.message.split('\n')[0]}`, error.hint)
      }
    }),
  ) as Values<O>
  return { positionals, options }
}

/** The help page of one command. */
export function help(command: Command): string {
  const left = [
    ...command.positionals.map((p) => [`  ${p.name}`, p.summary + (p.optional ? ' (optional)' : '')] as const),
    ...Object.entries(command.options).map(
      ([n, o]) =>
        [
          `  --${n}${o.value === undefined ? '' : ` ${o.value}`}`,
          o.summary + (o.default === undefined || o.value === undefined ? '' : ` Default ${String(o.default)}.`),
        ] as const,
    ),
  ]
  const column = Math.min(34, Math.max(...left.map(([a]) => a.length)) + 2)
  return [
    `${bold(`equilibria ${command.name}`)} ${command.positionals.map((p) => (p.optional ? `[${p.name}]` : p.name)).join(' ')} [options]`,
    '',
    command.summary,
    ...(command.details ? ['', command.details] : []),
    '',
    ...left.map(([a, b]) => (a.length < column ? a.padEnd(column) + b : `${a}\n${' '.repeat(column)}${b}`)),
    '',
    bold('Examples'),
    ...command.examples.map((e) => `  ${dim('$')} ${e}`),
  ].join('\n')
}
