// What the checks know about the workspace.
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
export const SOURCE = '@equilibria/source'
export const read = (...path) => readFileSync(join(root, ...path), 'utf8')
export const json = (...path) => JSON.parse(read(...path))

/** Every package below `top` (`packages`, `apps`, `tooling`), sorted. */
export function workspace(...tops) {
  return tops.flatMap((top) =>
    (existsSync(join(root, top)) ? readdirSync(join(root, top)).sort() : [])
      .filter((folder) => existsSync(join(root, top, folder, 'package.json')))
      .map((folder) => {
        const path = `${top}/${folder}`
        const turbo = existsSync(join(root, path, 'turbo.json')) ? json(path, 'turbo.json') : {}
        const tag = turbo.tags?.find((t) => /^floor\d$/.test(t))
        return {
          path,
          folder,
          top,
          manifest: json(path, 'package.json'),
          floor: tag ? Number(tag.slice(5)) : undefined,
        }
      }),
  )
}
export const libraries = () => workspace('packages').filter((p) => !p.manifest.private)

/** Source files of a package, relative to the repository; nothing generated. */
export const sources = (pkg) =>
  globSync(`${pkg.path}/src/**/*.ts`, { cwd: root })
    .filter((f) => !f.includes('/generated/'))
    .sort()

/** The entry points: `{ '.': 'src/index.ts', … }`, one file where a condition offers several. */
export function entries({ manifest }) {
  const first = (value) =>
    typeof value === 'string' ? value : value && first(value.default ?? Object.values(value)[0])
  return Object.fromEntries(
    Object.entries(manifest.exports ?? {})
      .filter(([, value]) => typeof value !== 'string')
      .map(([key, value]) => [key, first(value[SOURCE])?.replace(/^\.\//, '')]),
  )
}
