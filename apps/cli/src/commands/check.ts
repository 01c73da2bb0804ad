import { pluginChecks } from '@equilibria/conformance'
import { startBackend } from '../backend.ts'
import { choice, defineCommand, flag } from '../command.ts'
import { liveLine } from '../live-line.ts'
import { loadPlugin } from '../plugins.ts'
import { dim, green, print, red } from '../terminal.ts'

/** `equilibria check PLUGIN`: the contract, run against a plugin. */
export const check = defineCommand({
  name: 'check',
  summary: 'Run the contract against a plugin: samples, gradients, promises, leaks.',
  positionals: [
    { name: 'PLUGIN', summary: 'A path to a module, an installed package, or a bundled plugin such as lp' },
  ],
  options: {
    backend: choice('tfjs backend. Default wasm.', ['wasm', 'cpu']),
    json: flag('One JSON object on stdout instead of lines'),
  },
  details: 'Prints one line per check. Exit code 1 if any fails.',
  examples: [
    'equilibria check lp',
    'equilibria check ./my-plugin.js --backend cpu',
    'equilibria check my-plugin --json | jq .failed',
  ],
  async run([name], { backend, json }) {
    await startBackend(backend ?? 'wasm')
    const plugin = await loadPlugin(name!)
    const results: { readonly name: string; readonly ok: boolean; readonly message?: string; readonly ms: number }[] =
      []
    const checks = pluginChecks(plugin)
    const line = liveLine()
    for (const one of checks) {
      if (json) line.update(`check ${results.length + 1} of ${checks.length}: ${one.name}`)
      const began = performance.now()
      let message: string | undefined
      try {
        await one.run()
      } catch (error) {
        message = error instanceof Error ? error.message : String(error)
      }
      const ms = Math.round(performance.now() - began)
      results.push({ name: one.name, ok: message === undefined, ...(message === undefined ? {} : { message }), ms })
      if (!json)
        print(
          message === undefined
            ? `${green('ok')}   ${one.name} ${dim(`${ms} ms`)}`
            : `${red('FAIL')} ${one.name}\n     ${message.replaceAll('\n', '\n     ')}`,
        )
    }
    line.end()
    const failed = results.filter((r) => !r.ok).length
    if (json) print(JSON.stringify({ plugin: plugin.name, version: plugin.version, checks: results, failed }, null, 2))
    else print(`${plugin.name}@${plugin.version}: ${results.length - failed} of ${results.length} checks passed`)
    return failed === 0 ? 0 : 1
  },
})
