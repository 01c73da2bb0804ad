import { expect, test } from 'vitest'
import { extract } from '../src/extract.ts'

const source = [
  '/**',
  ' * Words.',
  ' * ```ts',
  ' * notAnExample()',
  ' * ```',
  ' * @example',
  ' * ```ts',
  ' * const a = 1',
  ' *',
  ' *   indented(a)',
  ' * ```',
  ' * @throws never',
  ' * ```ts',
  ' * neither()',
  ' * ```',
  ' */',
  'export const text = "```ts"',
  '/** @example',
  ' * ```ts',
  ' * // not run',
  ' * b()',
  ' * ```',
  ' */',
].join('\n')

test('blocks after @example are found, with their lines, and others are not', () => {
  expect(extract('a.ts', source)).toEqual([
    { file: 'a.ts', line: 8, code: 'const a = 1\n\n  indented(a)', typesOnly: false },
    { file: 'a.ts', line: 20, code: '// not run\nb()', typesOnly: true },
  ])
})

test('in Markdown every ts block counts, and no other language', () => {
  const text = '# T\n\n```sh\nnpm test\n```\n\n```ts\nrun()\n```\n'
  expect(extract('README.md', text)).toEqual([{ file: 'README.md', line: 8, code: 'run()', typesOnly: false }])
})

test('an unclosed block is an error that names its place', () => {
  expect(() => extract('a.ts', '/**\n * @example\n * ```ts\n * a()\n */\n')).toThrow('a.ts:3 ')
  expect(() => extract('R.md', '```ts\na()\n')).toThrow('R.md:1 ')
})
