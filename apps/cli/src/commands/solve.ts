import { type LpResult, solveLpAsync } from '@equilibria/plugin-lp'
import { readMpsFile, readProgramFile } from '@equilibria/plugin-lp/node'
import { startBackend } from '../backend.ts'
import { choice, defineCommand, flag, number, whole } from '../command.ts'
import { interruptible } from '../interrupt.ts'
import { liveLine } from '../live-line.ts'
import { print, say } from '../terminal.ts'

/** `equilibria solve FILE`: a linear program from a file, by the restarted primal–dual method. */
export const solve = defineCommand({
  name: 'solve',
  summary: 'Solve a linear program from an .mps, .mps.gz or .json file.',
  positionals: [{ name: 'FILE', summary: 'MPS, fixed or free, gzipped or not; or the JSON form' }],
  options: {
    tolerance: number('Relative KKT error at which the answer counts as optimal. Default 1e-4.', 'X', 1e-12),
    'max-iterations': whole('Most primal–dual steps. Default 200000.', 'N', 1),
    seconds: number('Time budget. Default none.', 'X'),
    json: flag('The answer as one JSON object: status, objective, residuals, y, dual'),
    all: flag('Print every variable, zeros too'),
    backend: choice('tfjs backend. Default cpu, which starts fastest; the arithmetic is float64 on the host.', [
      'wasm',
      'cpu',
    ]),
  },
  details:
    'Prints status, objective, residuals and the variables that are not 0. Status: optimal, infeasible or unbounded\n(each with a verified certificate), iteration-limit, time-limit. Exit code 0 when optimal, 1 otherwise.',
  examples: [
    'equilibria solve afiro.mps',
    'equilibria solve model.mps.gz --tolerance 1e-6 --json | jq .objective',
    'equilibria solve big.mps --seconds 60',
  ],
  async run([file], o) {
    const mps = file!.endsWith('.json') ? undefined : await readMpsFile(file!)
    const program = mps ?? (await readProgramFile(file!))
    await startBackend(o.backend ?? 'cpu')
    const line = liveLine()
    const began = performance.now()
    const result = await interruptible((signal) =>
      solveLpAsync(program, {
        signal,
        ...(o.tolerance === undefined ? {} : { tolerance: o.tolerance }),
        ...(o['max-iterations'] === undefined ? {} : { maxIterations: o['max-iterations'] }),
        ...(o.seconds === undefined ? {} : { budget: { ms: 1000 * o.seconds } }),
        onProgress: ({ iterations, error, etaMs }) => {
          if (performance.now() - began > 2000)
            line.update(
              `${iterations} steps, KKT error ${error.toExponential(2)}${etaMs === undefined ? '' : `, about ${Math.ceil(etaMs / 1000)} s left`}`,
            )
        },
      }),
    )
    line.end()
    const names = program.columnNames ?? Array.from(program.c, (_, j) => `y${j}`)
    const rows = program.rowNames ?? Array.from(program.rowLower, (_, i) => `row${i}`)
    const sign = mps?.maximize ? -1 : 1 // the file's own objective
    if (o.json) print(JSON.stringify(asJson(program.name, result, sign, names, rows)))
    else {
      for (const note of mps?.notes ?? []) say(`note: ${note}`)
      const { kkt } = result
      print(
        [
          `program     ${plain(program.name)}: ${rows.length} rows, ${names.length} columns, ${program.matrix.values.length} nonzeros`,
          `status      ${result.status}`,
          `objective   ${sign * result.objective}`,
          `KKT error   ${kkt.error.toExponential(2)} relative (primal ${kkt.primal.toExponential(2)}, dual ${kkt.dual.toExponential(2)}, gap ${kkt.gap.toExponential(2)})`,
          `iterations  ${result.iterations} in ${(result.elapsedMs / 1000).toFixed(2)} s`,
          ...(result.certificate
            ? [`certificate ${result.certificate.kind}: verified in float64; --json prints it`]
            : []),
          ...(result.status === 'infeasible' || result.status === 'unbounded'
            ? []
            : [
                '',
                ...Array.from(result.y, (v, j) => [names[j]!, v] as const)
                  .filter(([, v]) => o.all || Math.abs(v) > 1e-9)
                  .map(([n, v]) => `${plain(n).padEnd(16)} ${Number(v.toPrecision(9))}`),
              ]),
        ].join('\n'),
      )
    }
    return result.status === 'optimal' ? 0 : result.status === 'aborted' ? 130 : 1
  },
})

/** Names come from files: no terminal escapes, no endless lines. */
function plain(name: string): string {
  const safe = name.replaceAll(/\p{Cc}/gu, '?')
  return safe.length > 64 ? `${safe.slice(0, 63)}…` : safe
}

function asJson(name: string, result: LpResult, sign: number, columns: readonly string[], rows: readonly string[]) {
  const { status, objective, kkt, iterations, elapsedMs, certificate, y, dual } = result
  return {
    name,
    status,
    objective: sign * objective,
    residuals: kkt,
    iterations,
    seconds: elapsedMs / 1000,
    ...(certificate
      ? {
          certificate: Object.fromEntries(
            Object.entries(certificate).map(([k, v]) => [k, v instanceof Float64Array ? Array.from(v) : v]),
          ),
        }
      : {}),
    y: Object.fromEntries(Array.from(y, (v, j) => [columns[j]!, v])),
    dual: Object.fromEntries(Array.from(dual, (v, i) => [rows[i]!, v])),
  }
}
