// What `npm test` prints beside vitest's own lines: why tests were skipped, and the totals, as a file for its caller.
import { writeFileSync } from 'node:fs'

export default class SummaryReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const counts = { passed: 0, failed: 0, skipped: 0 }
    const skipped = new Map()
    for (const module of modules) {
      let seen = 0
      for (const test of module.children.allTests()) {
        seen++
        const result = test.result()
        counts[result.state === 'passed' || result.state === 'failed' ? result.state : 'skipped']++
        if (result.state !== 'passed' && result.state !== 'failed') {
          const what = `${module.relativeModuleId} > ${test.fullName}${result.note ? `: ${result.note}` : ''}`
          skipped.set(what, [...(skipped.get(what) ?? []), module.project.name])
        }
      }
      // A file that did not load, or a hook that threw outside any test, has failed without a failed test.
      if (module.state() === 'failed' && (seen === 0 || module.errors().length > 0)) counts.failed++
    }
    counts.failed += unhandledErrors.length
    for (const [what, projects] of skipped) console.log(`skipped [${[...new Set(projects)].join(', ')}] ${what}`)
    const file = process.env['EQUILIBRIA_TEST_SUMMARY']
    if (file) writeFileSync(file, JSON.stringify(counts))
  }
}
