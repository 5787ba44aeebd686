/** What the workshop's scripts know about the workspace: its packages, in the order in which they depend on each other. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = join(dirname(fileURLToPath(import.meta.url)), '../..')

/** The workspace's packages: `{ name, directory, manifest, needs }`; `needs` names packages of the workspace. */
export function workspacePackages() {
  const found = []
  for (const group of ['packages', 'examples', '.']) {
    for (const entry of group === '.'
      ? ['bench', 'guests']
      : existsSync(join(root, group))
        ? readdirSync(join(root, group))
        : []) {
      const directory = join(group, entry)
      const file = join(root, directory, 'package.json')
      if (!existsSync(file)) continue
      const manifest = JSON.parse(readFileSync(file, 'utf8'))
      found.push({ name: manifest.name, directory, manifest, needs: [] })
    }
  }
  const names = new Set(found.map(item => item.name))
  for (const item of found) {
    const { dependencies, devDependencies, peerDependencies } = item.manifest
    item.needs = Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies }).filter(name =>
      names.has(name),
    )
  }
  return found
}

/** Dependencies first. */
export function inOrder(packages) {
  const done = new Map()
  const visit = (item, path) => {
    if (done.has(item.name)) return
    if (path.includes(item.name)) throw new Error(`packages depend on each other in a circle: ${path.join(' → ')}`)
    for (const name of item.needs) {
      const needed = packages.find(other => other.name === name)
      if (needed) visit(needed, [...path, item.name])
    }
    done.set(item.name, item)
  }
  for (const item of packages) visit(item, [])
  return [...done.values()]
}

/** Runs a command and resolves with its status and everything it printed. */
export function capture(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], ...options })
    const chunks = []
    child.stdout.on('data', chunk => chunks.push(chunk))
    child.stderr.on('data', chunk => chunks.push(chunk))
    child.on('error', reject)
    child.on('close', status => resolve({ status: status ?? 1, output: Buffer.concat(chunks).toString('utf8') }))
  })
}

/** Runs jobs with at most `width` at a time; results in the order of `items`. */
export async function pool(items, width, job) {
  const results = new Array(items.length)
  let next = 0
  const worker = async () => {
    for (let index = next++; index < items.length; index = next++) results[index] = await job(items[index])
  }
  await Promise.all(Array.from({ length: Math.min(width, items.length) }, worker))
  return results
}

/** The command line of a package's binary in the workspace's node_modules, run by this Node. */
export function tool(name) {
  return join(root, 'node_modules/.bin', name)
}
