/** Files that a generator of ours makes are what it would make now. */
import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))

test.each(['scripts/gen-config.ts', 'scripts/gen-ops.ts', 'scripts/gen-vmi.ts'])('%s --check', script => {
  const run = () => execFileSync('node_modules/.bin/jiti', [script, '--check'], { cwd: root, stdio: 'pipe' })
  expect(run).not.toThrow()
})

test('packages/conformance/scripts/embed-guest.mjs --check', () => {
  const run = () =>
    execFileSync(process.execPath, ['packages/conformance/scripts/embed-guest.mjs', '--check'], { cwd: root })
  expect(run).not.toThrow()
})
