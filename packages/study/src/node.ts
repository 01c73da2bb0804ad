/**
 * Studies and files. Node only.
 * @module study/node
 */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { EquilibriaError } from '@equilibria/tensor'
import { renderHtml } from './html/page.ts'
import { parseStudy, stringifyStudy } from './json.ts'
import type { StudyResult } from './types.ts'

/**
 * Writes `NAME.json` and `NAME.html` (default `study`) into a folder, which is made. Each file appears whole or not at
 * all: it is written beside its place and renamed.
 * @throws EquilibriaError `file` when a file cannot be written, `data` when the study is not valid JSON.
 */
export async function writeStudy(
  study: StudyResult,
  folder: string,
  options: { readonly name?: string } = {},
): Promise<{ readonly json: string; readonly html: string }> {
  const { name = 'study' } = options
  const [json, html] = [join(folder, `${name}.json`), join(folder, `${name}.html`)]
  const texts = [stringifyStudy(study), renderHtml(study)] as const // before anything touches the disk
  await writeWhole(json, texts[0])
  await writeWhole(html, texts[1])
  return { json, html }
}

/**
 * Reads a study written by `writeStudy`.
 * @throws EquilibriaError naming the file.
 */
export async function readStudy(file: string): Promise<StudyResult> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new EquilibriaError('file', `Cannot read ${file}: ${(cause as Error).message}.`, 'Check the path.', { cause })
  }
  try {
    return parseStudy(text)
  } catch (cause) {
    throw new EquilibriaError('file', `${file}: ${(cause as Error).message}`, 'Run the study again.', { cause })
  }
}

async function writeWhole(file: string, text: string): Promise<void> {
  const temporary = `${file}.${process.pid}.tmp`
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(temporary, text, { flush: true })
    await rename(temporary, file)
  } catch (cause) {
    await rm(temporary, { force: true }).catch(() => undefined)
    throw new EquilibriaError(
      'file',
      `Cannot write ${file}: ${(cause as Error).message}.`,
      'Is the folder writable, and is there space left?',
      { cause },
    )
  }
}
