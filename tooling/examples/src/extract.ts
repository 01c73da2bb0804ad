import { existsSync, globSync, readFileSync } from 'node:fs'

/** One fenced `ts` block: of an `@example` in a source file, or of a README. */
export interface Example {
  /** Relative to the repository. */
  readonly file: string
  /** Line of the first line of code, from 1. */
  readonly line: number
  readonly code: string
  /** The block starts with `// not run`: types only. */
  readonly typesOnly: boolean
}

const FENCE = /^\s*```(\w*)\s*(.*)$/

/**
 * Every ```` ```ts ```` block of a text. In TypeScript only blocks inside `/** … *\/` comments count, and of those only
 * the ones after an `@example` tag; in Markdown all of them.
 */
export function extract(file: string, text: string): Example[] {
  const source = /\.[cm]?tsx?$/.test(file)
  const found: Example[] = []
  let inComment = !source
  let inExample = !source
  let open: { readonly line: number; readonly wanted: boolean; readonly code: string[] } | undefined
  for (const [i, raw] of text.split('\n').entries()) {
    if (source && !inComment && /^\s*\/\*\*/.test(raw)) [inComment, inExample] = [true, false]
    if (!inComment) continue
    const line = source ? raw.replace(/^\s*(?:\/\*\*|\*(?!\/))? ?/, '') : raw
    if (source && open === undefined) {
      const tag = /^@(\w+)/.exec(line)
      if (tag) inExample = tag[1] === 'example'
    }
    const fence = FENCE.exec(line)
    if (fence && open === undefined)
      open = { line: i + 2, wanted: inExample && /^(ts|typescript)$/.test(fence[1]!), code: [] }
    else if (fence && open !== undefined) {
      const code = open.code.join('\n')
      if (open.wanted) found.push({ file, line: open.line, code, typesOnly: /^\s*\/\/ not run\b/.test(code) })
      open = undefined
    } else open?.code.push(line)
    if (source && raw.includes('*/')) {
      // A comment that ends inside a fence: the fence was never closed.
      if (open?.wanted) throw new Error(`${file}:${open.line - 1} opens a code block that is never closed.`)
      inComment = false
      open = undefined
    }
  }
  if (open?.wanted) throw new Error(`${file}:${open.line - 1} opens a code block that is never closed.`)
  return found
}

/** All examples of the repository at `root`: docstrings, READMEs, guides, and the files of `docs/examples`. */
export function collect(root: string): Example[] {
  const files = globSync(
    [
      'README.md',
      'packages/*/README.md',
      'apps/*/README.md',
      'docs/*.md',
      'docs/guides/**/*.md',
      'packages/*/src/**/*.ts',
      'apps/*/src/**/*.ts',
    ],
    { cwd: root, exclude: (name) => name === 'node_modules' || name === 'generated' },
  ).sort()
  const blocks = files.flatMap((file) => extract(file, readFileSync(`${root}/${file}`, 'utf8')))
  const whole = existsSync(`${root}/docs/examples`)
    ? globSync('docs/examples/*.ts', { cwd: root })
        .sort()
        .map((file): Example => {
          const code = readFileSync(`${root}/${file}`, 'utf8')
          return { file, line: 1, code, typesOnly: /^\s*\/\/ not run\b/.test(code) }
        })
    : []
  return [...blocks, ...whole]
}
