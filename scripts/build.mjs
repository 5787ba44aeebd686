/**
 * Builds the workspace's packages with tsup, dependencies first, skipping those whose inputs have not changed since
 * their last build.
 *
 *   node scripts/build.mjs [--force]
 */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { capture, inOrder, root, tool, workspacePackages } from './lib/workspace.mjs'

const force = process.argv.includes('--force')
const STAMP = 'dist/.built'

function* files(directory) {
  for (const entry of readdirSync(directory).sort()) {
    const path = join(directory, entry)
    if (statSync(path).isDirectory()) yield* files(path)
    else if (!path.endsWith('.test.ts')) yield path
  }
}

/** A hash of a package's sources, of the shared build settings, and of what it depends on. */
function inputs(item, keys) {
  const hash = createHash('sha256').update(process.version)
  for (const name of ['tsup.base.ts', 'tsconfig.base.json', 'pnpm-lock.yaml'])
    hash.update(readFileSync(join(root, name)))
  const directory = join(root, item.directory)
  for (const name of ['package.json', 'tsup.config.ts', 'tsconfig.json']) {
    if (existsSync(join(directory, name))) hash.update(readFileSync(join(directory, name)))
  }
  for (const file of files(join(directory, 'src'))) hash.update(file.slice(root.length)).update(readFileSync(file))
  for (const name of item.needs) hash.update(keys.get(name) ?? '')
  return hash.digest('hex')
}

const packages = inOrder(workspacePackages()).filter(item => existsSync(join(root, item.directory, 'tsup.config.ts')))
const keys = new Map()
const building = new Map()
let failed = 0

const tsup = item => capture(tool('tsup'), ['--silent'], { cwd: join(root, item.directory) })

/** Declaration files that a package's exports promise and its build did not make. */
function missingTypes(item) {
  const promised = Object.values(item.manifest.exports ?? {}).map(conditions => conditions.types)
  return promised.filter(path => path !== undefined && !existsSync(join(root, item.directory, path)))
}

async function build(item) {
  await Promise.all(item.needs.map(name => building.get(name)))
  const stamp = join(root, item.directory, STAMP)
  const key = inputs(item, keys)
  keys.set(item.name, key)
  if (!force && existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return
  process.stderr.write(`build: ${item.name}\n`)
  let { status, output } = await tsup(item)
  // The declarations come from a worker of their own, which has been seen to end without writing them.
  if (status === 0 && missingTypes(item).length > 0) ({ status, output } = await tsup(item))
  if (status !== 0 || missingTypes(item).length > 0) {
    failed++
    process.stderr.write(`build: ${item.name} failed\n${output}\n`)
    return
  }
  mkdirSync(join(root, item.directory, 'dist'), { recursive: true })
  writeFileSync(stamp, key)
}

for (const item of packages) building.set(item.name, build(item))
await Promise.all(building.values())
process.exitCode = failed === 0 ? 0 : 1
