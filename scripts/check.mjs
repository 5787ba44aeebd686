/**
 * Every check of the workspace but the tests, by name; the output of those that fail.
 *
 *   node scripts/check.mjs [NAME…]      all of them, or those named
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { capture, pool, root, tool, workspacePackages } from './lib/workspace.mjs'

const published = workspacePackages().filter(item => item.manifest.private !== true)
/** Those with code, hence with types. */
const libraries = published.filter(item => existsSync(join(root, item.directory, 'tsup.config.ts')))
const typed = workspacePackages().filter(item => existsSync(join(root, item.directory, 'tsconfig.json')))

/** Generators: each proves with --check that its files are what it would write. Others: tests/. */
const GENERATED = [
  ['generated: api reports', 'scripts/api.mjs'],
  ['generated: ops eras', 'scripts/gen-ops.ts'],
  ['generated: config', 'scripts/gen-config.ts'],
  ['generated: index of error codes', 'scripts/gen-errors.mjs'],
]

const node = (script, ...args) => [process.execPath, [script, ...args]]

export const CHECKS = [
  { name: 'lint and format (biome)', command: [tool('biome'), ['check', '--error-on-warnings', '.']] },
  // Tests and scripts may use Node; each package alone may only use what its own tsconfig gives it.
  { name: 'types: tests and scripts', command: [tool('tsc'), ['-p', '.']] },
  ...typed.map(item => ({ name: `types: ${item.name}`, command: [tool('tsc'), ['-p', item.directory]] })),
  { name: 'unused code (knip)', command: [tool('knip'), []] },
  ...published.map(item => ({
    name: `package: ${item.name} (publint)`,
    command: [tool('publint'), ['--strict', '--pack', 'npm', item.directory]],
  })),
  ...libraries.map(item => ({
    name: `package: ${item.name} (attw)`,
    command: [tool('attw'), ['--pack', '--profile', 'esm-only', '--no-color', item.directory]],
  })),
  { name: 'reference: links of docstrings (typedoc)', command: node('scripts/reference.mjs', '--check') },
  { name: 'packages: sizes', command: node('scripts/sizes.mjs', '--check') },
  ...GENERATED.filter(([, script]) => existsSync(join(root, script))).map(([name, script]) => ({
    name,
    command: script.endsWith('.ts') ? [tool('jiti'), [script, '--check']] : node(script, '--check'),
  })),
]

/** Runs the checks; returns how many passed and failed. */
export async function runChecks(names = []) {
  const chosen = CHECKS.filter(check => names.length === 0 || names.some(name => check.name.includes(name)))
  const results = await pool(chosen, 2, async check => {
    const [command, args] = check.command
    const { status, output } = await capture(command, args)
    process.stderr.write(`check: ${status === 0 ? 'ok    ' : 'FAILED'} ${check.name}\n`)
    if (status !== 0) process.stderr.write(`${output.trimEnd()}\n`)
    return status === 0
  })
  return { passed: results.filter(Boolean).length, failed: results.filter(ok => !ok).length }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { passed, failed } = await runChecks(process.argv.slice(2))
  process.stderr.write(`check: ${passed} passed, ${failed} failed\n`)
  process.exitCode = failed === 0 ? 0 : 1
}
