import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { inflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { parseStudy, plainView, renderHtml, renderText, stringifyStudy } from '@equilibria/study'
import { readStudy, writeStudy } from '@equilibria/study/node'
import { depthScale, linearScale, logScale, powerLabel } from '../src/html/scale.ts'
import { pngDataUri } from '../src/html/png.ts'
import { example } from './example.ts'

/** Every tag closed in order, attributes quoted and not repeated, no stray `<` or `&`. Returns the element names. */
function parse(html: string): string[] {
  const body = html.replace(/^<!DOCTYPE html>\s*/, '')
  const names: string[] = []
  const open: string[] = []
  const closed: [string | undefined, string][] = []
  let at = 0
  const tag = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[a-zA-Z][\w:-]*="[^"<]*")*)\s*(\/?)>/y
  while (at < body.length) {
    const next = body.indexOf('<', at)
    const text = body.slice(at, next === -1 ? undefined : next)
    const stray = open.at(-1) === 'style' ? '' : text.replaceAll(/&(amp|lt|gt|quot|#39);/g, '')
    expect(stray).not.toMatch(/[&>]/)
    if (next === -1) break
    tag.lastIndex = next
    const found = tag.exec(body)
    if (!found) throw new Error(`not a tag: ${body.slice(next, next + 80)}`)
    const [all, closing, name, attributes, selfClosing] = found as unknown as [string, string, string, string, string]
    const keys = [...attributes.matchAll(/\s([\w:-]+)="/g)].map((m) => m[1])
    expect(new Set(keys).size).toBe(keys.length)
    if (closing) closed.push([open.pop(), name])
    else {
      names.push(name)
      if (!selfClosing) open.push(name)
    }
    at = next + all.length
  }
  expect(open).toEqual([])
  for (const [opened, name] of closed) expect(opened).toBe(name)
  return names
}

describe('renderHtml()', () => {
  const html = renderHtml(example())

  test('is well-formed, makes no request and runs nothing', () => {
    const names = parse(html)
    expect(names).not.toContain('script')
    expect(names).not.toContain('link')
    expect(names).not.toContain('iframe')
    expect(html).not.toMatch(/https?:|@import|url\(|\son\w+=/)
    for (const [, source] of html.matchAll(/(?:src|href)="([^"]*)"/g))
      expect(source).toMatch(/^data:image\/png;base64,/)
    expect(html).toContain("default-src 'none'")
  })

  test('escapes whatever a task says', () => {
    expect(html).toContain('lp/random &lt;50 variables &amp; 10 constraints&gt;')
    expect(html).toContain('x &lt; 1 &amp; &quot;done&quot;')
    expect(html).not.toContain('<script>')
    const hostile = '"><img src=x onerror=alert(1)>\u0000\u001b[31m'
    const study = example()
    const page = renderHtml({
      ...study,
      title: hostile,
      metrics: [{ ...study.metrics[0]!, unit: hostile }],
      models: study.models.map((m) => ({ ...m, name: hostile })),
      notes: [hostile],
      sections: [
        { title: hostile, text: [hostile], table: { caption: hostile, columns: [hostile], rows: [[hostile]] } },
      ],
      provenance: { ...study.provenance, versions: { [hostile]: hostile } },
    })
    parse(page)
    for (const bad of ['<img src=x', '\u0000', '\u001b']) expect(page).not.toContain(bad)
  })

  test('every plot has a title, both axes labelled, a legend and what to look for, at both widths', () => {
    const plots = [...html.matchAll(/<figure class="plot">([^]*?)<\/figure>/g)].map((m) => m[1]!)
    // two metrics, residual, L_t, cost, distribution, a section's, six answers as series, training
    expect(plots).toHaveLength(6 + 1 + 6 + 1)
    for (const plot of plots) {
      expect(plot).toMatch(/^\s*<h3>[^<]+<\/h3>/)
      expect(plot.match(/class="label x-label"[^>]*>[^<]+</g)).toHaveLength(2)
      expect(plot.match(/class="label y-label"[^>]*>[^<]+</g)).toHaveLength(2)
      expect(plot.match(/role="img" aria-label="[^"]+"/g)).toHaveLength(2)
      expect(plot).toMatch(/<ul class="legend"><li>/)
      // answers say it once, at the head of their section
      if (!/^\s*<h3>t = \d+: |^\s*<h3>one pass: /.test(plot)) expect(plot).toMatch(/<b>What to look for:<\/b> \S/)
      expect(plot).not.toMatch(/NaN|Infinity|undefined/)
    }
  })

  test('draws every kind of answer, the peers and the table', () => {
    expect(html.match(/<img /g)).toHaveLength(12)
    expect(html).toContain('implicit, paper (liu2026, Table 1)')
    expect(html).toContain('What a warm start saves')
    expect(html.match(/L_t by the part of the input that was moved<\/p>/g)).toHaveLength(3)
    expect(html).toMatch(/<th scope="row">one pass<\/th>/)
    expect(html).toContain('0.283 ± 0.017')
    expect(html).toMatch(/prefers-color-scheme:dark/)
  })

  test('says so when there is nothing to draw', () => {
    const study = example()
    const empty = study.models.slice(0, 1).map((m) => ({
      ...m,
      perSample: [null],
      answers: [],
      training: null,
      lipschitz: null,
      rows: m.rows.map((r) => ({
        ...r,
        residual: null,
        lipschitz: null,
        milliseconds: null,
        metrics: { 'relative error': { ...r.metrics['relative error']!, mean: null, low: null, high: null } },
      })),
    }))
    const page = renderHtml({ ...study, models: empty, sections: [], peers: [], metrics: study.metrics.slice(0, 1) })
    parse(page)
    expect(page).toContain('Nothing finite to draw.')
    expect(page).not.toMatch(/NaN|undefined/)
  })
})

describe('scales', () => {
  test('linear ticks are round and enclose the data', () => {
    expect(linearScale(0, 0.57).ticks.map((t) => t.label)).toEqual(['0', '0.2', '0.4', '0.6'])
    expect(linearScale(3, 3).ticks.length).toBeGreaterThan(2)
    expect(linearScale(-1, 1).at(0)).toBeCloseTo(0.5, 12)
  })
  test('logarithmic ticks are powers of ten, with 2 and 5 when few', () => {
    expect(logScale(2e-7, 0.8).ticks.map((t) => t.label)).toEqual(
      ['10⁻⁷', '10⁻⁵', '10⁻³', '0.1', '10'].slice(0, 4).concat(['10']),
    )
    expect(logScale(0.021, 0.4).ticks.map((t) => t.label)).toEqual(['0.02', '0.05', '0.1', '0.2', '0.5'])
    expect(logScale(0.01, 1).at(0.1)).toBeCloseTo(0.5, 12)
    expect([1e-4, 2e-5, 20000, 0.05].map(powerLabel)).toEqual(['10⁻⁴', '2·10⁻⁵', '2·10⁴', '0.05'])
  })
  test('depths are spaced by octaves when they span a factor of 8, and 0 stands before the first', () => {
    const scale = depthScale([0, 1, 2, 4, 8])
    expect([0, 1, 2, 4, 8].map((t) => scale.at(t))).toEqual([0, 0.25, 0.5, 0.75, 1])
    expect(depthScale([1, 2, 3]).log).toBe(false)
    expect(depthScale([4]).at(4)).toBe(0.5)
  })
})

test('a PNG holds the bytes it was given', () => {
  const bytes = Array.from({ length: 2 * 3 * 3 }, (_, i) => 13 * i)
  const file = Buffer.from(pngDataUri(2, 3, 3, bytes).split(',')[1]!, 'base64')
  expect([file.readUInt32BE(16), file.readUInt32BE(20), file[24], file[25]]).toEqual([2, 3, 8, 2])
  const at = file.indexOf('IDAT')
  const raw = inflateSync(file.subarray(at + 4, at + 4 + file.readUInt32BE(at - 4)))
  expect([...raw]).toEqual([0, ...bytes.slice(0, 6), 0, ...bytes.slice(6, 12), 0, ...bytes.slice(12)])
  const large = Buffer.from(pngDataUri(300, 300, 1, new Uint8Array(90000).fill(7)).split(',')[1]!, 'base64')
  const start = large.indexOf('IDAT')
  expect(inflateSync(large.subarray(start + 4, start + 4 + large.readUInt32BE(start - 4)))).toHaveLength(300 * 301)
})

describe('renderText()', () => {
  test('aligns its columns and keeps to the width', () => {
    for (const width of [40, 60, 80, 140]) {
      const lines = renderText(example(), { width }).split('\n')
      for (const line of lines.slice(0, -1)) expect([...line].length).toBeLessThanOrEqual(Math.max(width, 50))
    }
    const lines = renderText(example(), { width: 160 }).split('\n')
    const head = lines.findIndex((line) => line.startsWith('model'))
    const end = lines[head]!.indexOf('relative error') + 'relative error'.length
    for (const line of lines.slice(head + 2, head + 2 + 13)) expect(line.slice(0, end)).toMatch(/± 0\.\d+$/)
    expect(lines.join('\n')).not.toContain('not shown')
    expect(renderText(example(), { width: 60 })).toContain('not shown for lack of width: ')
  })
  test('lets no terminal escape through', () => {
    expect(renderText({ ...example(), title: 'a\u001b[31mb' })).not.toContain('\u001b')
  })
})

describe('JSON and files', () => {
  const folder = (): string => mkdtempSync(path.join(tmpdir(), 'study-'))

  test('a study survives the round trip, and nothing that is not finite gets in', () => {
    expect(parseStudy(stringifyStudy(example()))).toEqual(example())
    const study = example()
    const broken = {
      ...study,
      sections: [{ title: 'x', table: { caption: 'x', columns: ['v'], rows: [[Number.NaN]] } }],
    }
    expect(() => stringifyStudy(broken)).toThrow(/NaN, which JSON cannot hold/)
  })

  test('text that is not a study gets one clear error', () => {
    expect(() => parseStudy('{"schema":')).toThrow(/Not JSON/)
    expect(() => parseStudy('[]')).toThrow(/top level is array/)
    expect(() => parseStudy('{"schema":"equilibria-study/2"}')).toThrow(
      /"equilibria-study\/2"[^]*reads "equilibria-study\/1"/,
    )
    const { models: _, ...rest } = example()
    expect(() => parseStudy(JSON.stringify(rest))).toThrow(/"models" is undefined, not array/)
    expect(() => parseStudy(JSON.stringify({ ...rest, models: [{ name: 'a' }] }))).toThrow(/models\[0\].depth/)
  })

  test('writes both files whole, and nothing when it cannot', async () => {
    const at = folder()
    const { json, html } = await writeStudy(example(), path.join(at, 'deep', 'er'))
    expect(readdirSync(path.dirname(json)).sort()).toEqual(['study.html', 'study.json'])
    expect(await readStudy(json)).toEqual(example())
    expect(readFileSync(html, 'utf8')).toBe(renderHtml(example()))
    const file = path.join(at, 'file')
    writeFileSync(file, 'x')
    await expect(writeStudy(example(), file)).rejects.toThrow(/Cannot write .*study\.json/)
    const bad = { ...example(), data: { source: 'x', samples: Number.NaN } }
    await expect(writeStudy(bad, path.join(at, 'never'))).rejects.toThrow(/JSON cannot hold/)
    expect(existsSync(path.join(at, 'never'))).toBe(false)
    await expect(readStudy(path.join(at, 'absent.json'))).rejects.toThrow(/Cannot read .*absent/)
    await expect(readStudy(file)).rejects.toThrow(/file: Not JSON/)
    rmSync(at, { recursive: true })
  })
})

test('views lose their typed arrays and keep their meaning', () => {
  expect(
    plainView({ kind: 'image', width: 2, height: 1, channels: 1, values: Float32Array.of(0.5, Number.NaN) }),
  ).toMatchObject({ values: [128, 0] })
  expect(plainView({ kind: 'field', width: 2, height: 1, values: Float32Array.of(0.1, Infinity) })).toMatchObject({
    values: [0.1, null],
  })
  expect(plainView({ kind: 'table', columns: ['a'], rows: [[Number.NaN]] })).toMatchObject({ rows: [[null]] })
})
