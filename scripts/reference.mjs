/**
 * The reference: HTML pages of every public export, made from the docstrings, into `reference/`, which is not committed.
 *
 *   node scripts/reference.mjs           writes the pages
 *   node scripts/reference.mjs --check   writes nothing; fails where a docstring's link leads nowhere
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Application } from 'typedoc'
import { root, workspacePackages } from './lib/workspace.mjs'

const check = process.argv.includes('--check')
const packages = workspacePackages()
  .filter(({ manifest, directory }) => manifest.private !== true && existsSync(join(root, directory, 'tsup.config.ts')))
  .map(({ directory, manifest }) => ({ directory, entries: Object.values(manifest.exports ?? {}) }))

const app = await Application.bootstrap({
  name: 'Paragraft',
  // The pages of docs/ are for reading where they are.
  readme: 'none',
  entryPoints: packages.flatMap(({ directory, entries }) =>
    entries.flatMap(entry => (entry['paragraft-source'] ? [join(root, directory, entry['paragraft-source'])] : [])),
  ),
  tsconfig: join(root, 'tsconfig.json'),
  out: join(root, 'reference'),
  excludePrivate: true,
  excludeInternal: true,
  skipErrorChecking: true,
  disableGit: true,
  sourceLinkTemplate: 'https://github.com/paragraft/paragraft/blob/main/{path}#L{line}',
  gitRevision: 'main',
  logLevel: 'Warn',
  validation: { notExported: false, invalidLink: true, rewrittenLink: false, notDocumented: false },
})
const project = await app.convert()
if (project === undefined) process.exit(1)
app.validate(project)
if (!check) await app.generateOutputs(project)
if (app.logger.hasErrors() || (check && app.logger.hasWarnings())) process.exitCode = 1
