// tfjs-core's gradient table uses extensionless imports, which plain Node refuses. Bundled once, it works everywhere:
// the registry it fills is global. Output is generated, never committed.
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const here = dirname(fileURLToPath(import.meta.url))
const folder = join(here, process.argv[2] ?? 'src', 'generated')
mkdirSync(folder, { recursive: true })
await build({
  stdin: { contents: "import '@tensorflow/tfjs-core/dist/register_all_gradients'", resolveDir: here },
  bundle: true,
  minify: true,
  format: 'esm',
  outfile: join(folder, 'tfjs-gradients.js'),
  logLevel: 'warning',
})
writeFileSync(join(folder, 'tfjs-gradients.d.ts'), 'export {}\n')
