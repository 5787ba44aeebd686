/**
 * Checks and tests, and what was skipped for want of what: the second half of `npm test`.
 *
 *   node scripts/test.mjs [--no-checks] [FILTER…]      filters are vitest's
 *
 * With PARAGRAFT_REQUIRE=all a test that is skipped counts as failed.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runChecks } from './check.mjs'
import { root, tool } from './lib/workspace.mjs'

const args = process.argv.slice(2)
const filters = args.filter(arg => arg !== '--no-checks')
const total = { passed: 0, failed: 0 }

if (!args.includes('--no-checks') && filters.length === 0) {
  const { passed, failed } = await runChecks()
  total.passed += passed
  total.failed += failed
}

const summaryFile = join(root, 'node_modules/.cache/paragraft-tests.json')
mkdirSync(join(root, 'node_modules/.cache'), { recursive: true })
rmSync(summaryFile, { force: true })
const vitest = spawnSync(
  tool('vitest'),
  ['run', '--reporter=default', '--reporter=./scripts/lib/skip-reporter.mjs', ...filters],
  { cwd: root, stdio: 'inherit', env: { ...process.env, PARAGRAFT_SUMMARY: summaryFile } },
)
const summary = existsSync(summaryFile)
  ? JSON.parse(readFileSync(summaryFile, 'utf8'))
  : { passed: 0, failed: 1, skipped: 0, missing: {} }
total.passed += summary.passed
total.failed += summary.failed
let skipped = summary.skipped
if (vitest.status !== 0 && summary.failed === 0) total.failed++

for (const [what, count] of Object.entries(summary.missing)) {
  process.stderr.write(`skipped: ${count} test${count === 1 ? '' : 's'} for want of ${what}\n`)
}
if (process.env.PARAGRAFT_REQUIRE === 'all' && skipped > 0) {
  process.stderr.write('nothing may be skipped here (PARAGRAFT_REQUIRE=all)\n')
  total.failed += skipped
  skipped = 0
}
process.stdout.write(`\n${total.passed} passed, ${total.failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}\n`)
process.exitCode = total.failed === 0 && vitest.status === 0 ? 0 : 1
