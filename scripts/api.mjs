/**
 * API reports: the rolled-up declarations of each package's entry points, committed under `api/`, so that a change of
 * the public surface shows in review. Needs a build.
 *
 *   node scripts/api.mjs            writes the reports
 *   node scripts/api.mjs --check    fails where a report differs from the build
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { root, workspacePackages } from './lib/workspace.mjs'

const check = process.argv.includes('--check')

/** All declarations that the entry points reach, with the bundler's hashed file names made stable. */
function report(item) {
  const directory = join(root, item.directory)
  // What has no types is data: a JSON schema.
  const typed = Object.values(item.manifest.exports).filter(entry => entry.types !== undefined)
  const queue = typed.map(entry => resolve(directory, entry.types))
  const seen = new Map()
  while (queue.length > 0) {
    const file = queue.shift()
    if (seen.has(file)) continue
    const text = readFileSync(file, 'utf8')
    seen.set(file, text)
    for (const match of text.matchAll(/from '(\.[^']*)'/g)) {
      queue.push(resolve(dirname(file), match[1].replace(/\.js$/, '.d.ts')))
    }
  }
  const stable = text => text.replace(/-[A-Za-z0-9_-]{8}(?=\.(?:js|d\.ts)\b)/g, '')
  return [...seen]
    .map(([file, text]) => [stable(relative(directory, file)), stable(text)])
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([file, text]) => `// ${file}\n${text.trimEnd()}\n`)
    .join('\n')
}

const wanted = new Map()
for (const item of workspacePackages()) {
  if (item.manifest.private === true || !item.directory.startsWith('packages')) continue
  wanted.set(`${item.name.replace('@', '').replace('/', '-')}.d.ts`, report(item))
}
const folder = join(root, 'api')
mkdirSync(folder, { recursive: true })
let differences = 0
for (const [name, text] of wanted) {
  const file = join(folder, name)
  if (existsSync(file) && readFileSync(file, 'utf8') === text) continue
  if (check) {
    differences++
    process.stderr.write(`api/${name} is not what the build declares: run node scripts/api.mjs and review the change\n`)
  } else writeFileSync(file, text)
}
for (const name of readdirSync(folder)) {
  if (wanted.has(name)) continue
  differences++
  process.stderr.write(`api/${name} belongs to no package\n`)
}
process.exitCode = differences === 0 ? 0 : 1
