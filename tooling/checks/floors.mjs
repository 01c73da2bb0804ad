// The floors: an arrow may only point down. `turbo boundaries` knows the floors as tags; this knows the rest: who may
// import whom on one floor, packages that keep to less than their floor allows, and cycles through dev dependencies.
import { workspace } from './lib.mjs'

/** The only arrows on one floor. */
const SIDEWAYS = new Set(['study -> training', 'conformance -> plugin'])
/** Packages that may import less than their floor would let them. */
const NARROW = {
  plugin: ['spec', 'tensor', 'core'],
  'backend-wasm': ['spec', 'tensor', 'capture'],
  'backend-cuda': ['spec', 'tensor', 'capture'],
}

export default function floors() {
  const problems = []
  const all = workspace('packages', 'apps')
  const byName = new Map(all.map((p) => [p.manifest.name, p]))
  const arrows = new Map()
  for (const pkg of all) {
    if (pkg.floor === undefined) {
      problems.push(`${pkg.path}/turbo.json has no floor: add "tags": ["floorN"].`)
      continue
    }
    if (pkg.top === 'apps' && pkg.floor !== 6) problems.push(`${pkg.path} is an app and belongs on floor 6.`)
    const own = []
    for (const kind of ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies'])
      for (const name of Object.keys(pkg.manifest[kind] ?? {})) {
        const target = byName.get(name)
        if (!target) continue
        own.push(name)
        const arrow = `${pkg.folder} -> ${target.folder}`
        const where = `${pkg.path}/package.json, ${kind}: ${arrow}`
        if (target.floor > pkg.floor) problems.push(`${where} points up (floor ${pkg.floor} to ${target.floor}).`)
        else if (target.floor === pkg.floor && !SIDEWAYS.has(arrow) && pkg !== target)
          problems.push(`${where} stays on floor ${pkg.floor}; only ${[...SIDEWAYS].join(' and ')} may.`)
        const narrow = NARROW[pkg.folder]
        if (narrow && kind !== 'devDependencies' && !narrow.includes(target.folder))
          problems.push(`${where}: ${pkg.folder} may import only ${narrow.join(', ')}.`)
      }
    arrows.set(pkg.manifest.name, own)
  }
  const done = new Set()
  const walk = (name, path) => {
    if (path.includes(name)) {
      problems.push(`cycle: ${[...path.slice(path.indexOf(name)), name].join(' -> ')}`)
      return
    }
    if (done.has(name)) return
    for (const next of arrows.get(name) ?? []) walk(next, [...path, name])
    done.add(name)
  }
  for (const name of arrows.keys()) walk(name, [])
  return { problems, note: `${all.length} packages` }
}
