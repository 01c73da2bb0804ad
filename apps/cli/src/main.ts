import { readFile } from 'node:fs/promises'
import { EquilibriaError } from '@equilibria/core'
import { check } from './commands/check.ts'
import { fixtures } from './commands/fixtures.ts'
import { solve } from './commands/solve.ts'
import { study } from './commands/study.ts'
import { train } from './commands/train.ts'
import { type Command, help, parse } from './command.ts'
import { bold, dim, print, red, say } from './terminal.ts'

const commands: readonly Command[] = [study, train, solve, check, fixtures] as unknown as readonly Command[]

const overview = (): string =>
  [
    `${bold('equilibria')}: implicit models, solved, trained and studied`,
    '',
    'An implicit model answers with a fixed point z* = G(z*, x), found by iterating one small operator:',
    'quality is a dial that is turned when the model is used.',
    '',
    ...commands.map((c) => `  ${c.name.padEnd(10)}${c.summary}`),
    '',
    bold('Start here'),
    `  ${dim('$')} equilibria study lp                 train two models on linear programs and compare them`,
    `  ${dim('$')} equilibria solve model.mps          solve a linear program from a file`,
    `  ${dim('$')} equilibria COMMAND --help           everything about one command`,
    '',
    'Results go to stdout, everything else to stderr; --version prints the version. NO_COLOR is heeded.',
    'Exit codes: 0 done, 1 it ran and the answer is no, 2 bad input,\n70 a bug, 130 stopped by Ctrl-C.',
  ].join('\n')

function commandOf(name: string): Command {
  const command = commands.find((c) => c.name === name)
  if (command) return command
  throw new EquilibriaError(
    'option',
    `There is no command "${name}".`,
    `Commands: ${commands.map((c) => c.name).join(', ')}. See equilibria --help.`,
  )
}

/** Runs one command line; returns the exit code. Errors of use are one message on stderr and code 2. */
export async function main(args: readonly string[]): Promise<number> {
  try {
    const [name, ...rest] = args
    if (name === '--version' || name === '-v') {
      const text = await readFile(new URL('../package.json', import.meta.url), 'utf8')
      print((JSON.parse(text) as { readonly version: string }).version)
      return 0
    }
    if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
      const page = name === 'help' ? rest.find((word) => !word.startsWith('-')) : undefined
      print(page === undefined ? overview() : help(commandOf(page)))
      return 0
    }
    const command = commandOf(name)
    if (rest.includes('--help') || rest.includes('-h')) {
      print(help(command))
      return 0
    }
    const { positionals, options } = parse(command, rest)
    return await command.run(positionals, options)
  } catch (error) {
    if (EquilibriaError.is(error)) {
      say(`${red('equilibria:', process.stderr)} ${error.message}`)
      return error.code === 'not-converged' ? 1 : 2
    }
    say(
      `${red('equilibria:', process.stderr)} an unexpected error, a bug here or in a plugin: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
    )
    return 70
  }
}
