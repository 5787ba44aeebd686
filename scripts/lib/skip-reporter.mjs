/** A vitest reporter that counts results and what skipped tests wanted, for scripts/test.mjs. */
import { writeFileSync } from 'node:fs'

export default class SkipReporter {
  onTestRunEnd(modules, unhandledErrors) {
    const summary = { passed: 0, failed: unhandledErrors.length, skipped: 0, missing: {} }
    for (const module of modules) {
      if (module.errors().length > 0) summary.failed++
      for (const test of module.children.allTests()) {
        const result = test.result()
        if (result.state === 'passed') summary.passed++
        else if (result.state === 'failed') summary.failed++
        else {
          summary.skipped++
          // tests/support/needs.ts notes what was missing; a bare skip names its file.
          const want = result.note ?? `a reason (${module.relativeModuleId}: ${test.name})`
          summary.missing[want] = (summary.missing[want] ?? 0) + 1
        }
      }
    }
    if (process.env.PARAGRAFT_SUMMARY) writeFileSync(process.env.PARAGRAFT_SUMMARY, JSON.stringify(summary))
  }
}
