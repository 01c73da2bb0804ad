// Docstring rules, on the syntax tree of oxc (TypeScript 7 has no compiler API):
// - every function, class, type and value reachable from an entry point has a doc comment; entry points say `@module`;
// - an exported function that returns a solver, linear solver, gradient mode, operator or analyzer has `@cost`, `@cite`;
// - every cited key is in docs/references.bib; `@throws` says what; `@example` holds a ```ts block; no unknown tag;
// - an exported function that throws in its own body says so with `@throws`.
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseSync } from 'oxc-parser'
import { entries, libraries, read, root, SOURCE, sources } from './lib.mjs'

const METHODS = new Set(['Solver', 'LinearSolver', 'GradientMode', 'Operator', 'Analyzer'])
const TAGS = new Set(
  'cost cite throws example module param returns see default deprecated internal template remarks'.split(' '),
)
/** What they return is what they were given; it has no cost and no source of its own. */
const GIVEN = new Set(['defineOperator'])

const cache = new Map()
function parse(file) {
  if (cache.has(file)) return cache.get(file)
  const text = read(file)
  const { program, comments, errors } = parseSync(join(root, file), text)
  if (errors.length) throw new Error(`${file} does not parse: ${errors[0].message}`)
  const docs = comments.filter((c) => c.type === 'Block' && c.value.startsWith('*'))
  const line = (offset) => text.slice(0, offset).split('\n').length
  const docBefore = (start) =>
    docs.findLast(
      (c) => c.end <= start && /^\s*$/.test(text.slice(c.end, start).replace(/^\s*\/\*.*?\*\/|\/\/.*$/gm, '')),
    )
  const parsed = { file, program, docs, line, docBefore }
  cache.set(file, parsed)
  return parsed
}

const resolveFrom = (file, source) => join(dirname(file), source)

/** The statements that declare `name` in `file`, followed through re-exports; `undefined` when it is another package's. */
function declarations(file, name) {
  const at = parse(file)
  const found = []
  for (const node of at.program.body) {
    if (node.type === 'ExportNamedDeclaration' && node.declaration) {
      const d = node.declaration
      const names = d.declarations ? d.declarations.map((v) => v.id.name) : [d.id?.name]
      if (names.includes(name))
        found.push({ at, node, declaration: d, value: d.declarations?.find((v) => v.id.name === name) })
    } else if (node.type === 'ExportNamedDeclaration') {
      for (const s of node.specifiers) {
        if ((s.exported.name ?? s.exported.value) !== name) continue
        const local = s.local.name ?? s.local.value
        if (!node.source) return declared(at, local)
        return node.source.value.startsWith('.') ? declarations(resolveFrom(file, node.source.value), local) : undefined
      }
    } else if (node.type === 'ExportDefaultDeclaration' && name === 'default') {
      const d = node.declaration
      if (d.type === 'Identifier') return declared(at, d.name)
      found.push({ at, node, declaration: d })
    }
  }
  if (found.length) return found
  for (const node of at.program.body)
    if (node.type === 'ExportAllDeclaration' && !node.exported && node.source.value.startsWith('.')) {
      const there = declarations(resolveFrom(file, node.source.value), name)
      if (there?.length) return there
    }
  return []
}
/** A local name that is exported elsewhere in the file: declared here, or imported. */
function declared(at, name) {
  const found = []
  for (const node of at.program.body) {
    if (node.type === 'ImportDeclaration')
      for (const s of node.specifiers)
        if (s.local.name === name)
          return node.source.value.startsWith('.')
            ? declarations(resolveFrom(at.file, node.source.value), s.imported?.name ?? 'default')
            : undefined
    const names = node.declarations ? node.declarations.map((v) => v.id.name) : [node.id?.name]
    if (names.includes(name))
      found.push({ at, node, declaration: node, value: node.declarations?.find((v) => v.id.name === name) })
  }
  return found.length ? found : declarations(at.file, name)
}

function exportedNames(file, seen = new Set()) {
  if (seen.has(file)) return []
  seen.add(file)
  return parse(file).program.body.flatMap((node) => {
    if (node.type === 'ExportDefaultDeclaration') return ['default']
    if (node.type === 'ExportAllDeclaration')
      return node.exported || !node.source.value.startsWith('.')
        ? []
        : exportedNames(resolveFrom(file, node.source.value), seen)
    if (node.type !== 'ExportNamedDeclaration') return []
    if (!node.declaration) return node.specifiers.map((s) => s.exported.name ?? s.exported.value)
    const d = node.declaration
    return d.declarations ? d.declarations.map((v) => v.id.name) : [d.id.name]
  })
}

/** The function behind a declaration, if it is one. */
function functionOf({ declaration, value }) {
  if (/FunctionDeclaration$|^TSDeclareFunction$/.test(declaration.type)) return declaration
  const init = value?.init
  return init && /^(ArrowFunctionExpression|FunctionExpression)$/.test(init.type) ? init : undefined
}
const returned = (fn) => fn?.returnType?.typeAnnotation?.typeName?.name

/** Options explain themselves when each of them has a comment. */
const optionsSpeak = (name, { at, declaration }) =>
  name.endsWith('Options') &&
  declaration.type === 'TSInterfaceDeclaration' &&
  declaration.body.body.length > 0 &&
  declaration.body.body.every((member) => at.docBefore(member.start))

/** `throw` in the function's own body, not in a function inside it. */
function throws(node) {
  if (!node || typeof node !== 'object') return false
  if (Array.isArray(node)) return node.some(throws)
  // Passing on what was caught is not a rule of one's own.
  if (node.type === 'ThrowStatement') return node.argument.type !== 'Identifier'
  if (/Function|MethodDefinition|ClassBody/.test(node.type ?? '')) return false
  return Object.entries(node).some(([k, v]) => k !== 'parent' && typeof v === 'object' && throws(v))
}

const clean = (comment) =>
  comment.value
    .split('\n')
    .map((l) => l.replace(/^\s*\*? ?/, ''))
    .join('\n')
    // At the end of a sentence they count as well.
    .replace(/ @(cost|cite|throws) /g, '\n@$1 ')
/** `[{ tag, text }]` of a doc comment; tags inside code blocks do not count. */
function tags(comment) {
  const found = []
  let fenced = false
  for (const line of clean(comment).split('\n')) {
    if (/^\s*```/.test(line)) fenced = !fenced
    const tag = fenced ? null : /^@(\w+)\s*(.*)$/.exec(line)
    if (tag) found.push({ tag: tag[1], text: tag[2] })
    else if (found.length) found.at(-1).text += `\n${line}`
  }
  return found
}

export function bibliography() {
  if (!existsSync(join(root, 'docs/references.bib'))) return []
  return [...read('docs/references.bib').matchAll(/^@\w+\{\s*([^,\s]+)\s*,/gm)].map((m) => m[1])
}

export default function docstrings() {
  const problems = []
  const keys = bibliography()
  const known = new Set(keys)
  keys.forEach((key, i) => {
    if (keys.indexOf(key) !== i) problems.push(`docs/references.bib has two entries "${key}".`)
    if (i > 0 && key < keys[i - 1]) problems.push(`docs/references.bib: "${key}" must stand before "${keys[i - 1]}".`)
  })
  const cite = (where, text) => {
    if (text.trim() === 'none') return
    const cited = text
      .split('\n')[0]
      .split(/[\s,;]+/)
      .filter(Boolean)
    if (cited.length === 0) problems.push(`${where} @cite names nothing.`)
    for (const key of cited)
      if (!known.has(key)) problems.push(`${where} @cite ${key}: there is no such entry in docs/references.bib.`)
  }

  let count = 0
  for (const pkg of libraries()) {
    for (const file of sources(pkg)) {
      if (file.endsWith('.d.ts')) continue
      const { docs, line } = parse(file)
      for (const comment of docs) {
        const where = `${file}:${line(comment.start)}`
        for (const { tag, text } of tags(comment)) {
          if (!TAGS.has(tag)) problems.push(`${where} @${tag} is not one of our tags (${[...TAGS].join(', ')}).`)
          if (tag === 'cite') cite(where, text)
          if ((tag === 'throws' || tag === 'cost') && !/\w{2}/.test(text))
            problems.push(`${where} @${tag} says nothing.`)
          if (tag === 'example' && !/```ts\n/.test(text)) problems.push(`${where} @example has no \`\`\`ts block.`)
        }
      }
      // Reports cite as well, in `sources`.
      for (const m of read(file).matchAll(/\bsources:\s*\[([^\]]*)\]/g))
        for (const [, key] of m[1].matchAll(/'([^']+)'/g)) cite(`${file}:${line(m.index)}`, key)
    }

    for (const [key, entry] of Object.entries(entries(pkg))) {
      const file = `${pkg.path}/${entry}`
      if (!entry || !existsSync(join(root, file))) continue // the manifest check says so
      const { docs, program } = parse(file)
      const names = exportedNames(file)
      const conditional = typeof pkg.manifest.exports[key][SOURCE] === 'object'
      if (
        names.length &&
        !conditional &&
        !docs.some((c) => /@module\b/.test(c.value) && c.start <= (program.body[0]?.start ?? 0))
      )
        problems.push(`${file}:1 starts without a doc comment with @module.`)
      for (const name of new Set(names)) {
        const found = declarations(file, name)
        if (found === undefined) continue
        count++
        if (found.length === 0) {
          problems.push(`${file} exports "${name}", whose declaration was not found.`)
          continue
        }
        const { at, node } = found[0]
        const where = `${at.file}:${at.line(node.start)}`
        const comment = found.map((f) => f.at.docBefore(f.node.start)).find(Boolean)
        if (!comment && optionsSpeak(name, found[0])) continue
        if (!comment || !/\S.{2}/.test(clean(comment).replace(/@\w+/g, '').trim())) {
          problems.push(`${where} ${name} (exported by ${pkg.manifest.name}${key.slice(1)}) has no doc comment.`)
          continue
        }
        const present = new Set(tags(comment).map((t) => t.tag))
        const fn = functionOf(found.at(-1))
        if (METHODS.has(returned(fn)) && !GIVEN.has(name))
          for (const tag of ['cost', 'cite'])
            if (!present.has(tag)) problems.push(`${where} ${name} returns a ${returned(fn)} and has no @${tag}.`)
        if (fn && throws(fn.body) && !present.has('throws'))
          problems.push(`${where} ${name} throws and has no @throws.`)
      }
    }
  }
  return { problems, note: `${count} exports, ${keys.length} references` }
}
