/**
 * `npm start` and `npm test` on a machine that has only Node and git: installs the workspace with exactly the pnpm that
 * `packageManager` names, builds what changed, then runs the main job or the checks and tests. Plain Node, no packages.
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/workspace.mjs'

const say = message => process.stderr.write(`workshop: ${message}\n`)

function run(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) throw result.error
  return result.status ?? 1
}

function mustRun(what, command, args) {
  const status = run(command, args)
  if (status !== 0) {
    say(`${what} failed (status ${status})`)
    process.exit(status)
  }
}

/** Everything that decides what an installation contains. */
function installKey() {
  const hash = createHash('sha256').update(process.version)
  const files = ['package.json', 'pnpm-workspace.yaml', 'pnpm-lock.yaml']
  for (const group of ['packages', 'examples']) {
    if (!existsSync(join(root, group))) continue
    for (const name of readdirSync(join(root, group)).sort()) files.push(`${group}/${name}/package.json`)
  }
  files.push('bench/package.json', 'guests/package.json')
  for (const file of files.filter(name => existsSync(join(root, name)))) {
    hash.update(file).update(readFileSync(join(root, file)))
  }
  return hash.digest('hex')
}

function install() {
  const stamp = join(root, 'node_modules/.workshop')
  const key = installKey()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === key) return
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  // Corepack and pnpm's own version switch need signatures that not every registry mirror serves; npx needs none, as long
  // as the version matches exactly.
  say(`installing with ${packageManager}`)
  mustRun('installing', 'npx', ['--yes', packageManager, 'install', '--frozen-lockfile'])
  writeFileSync(stamp, key)
}

install()
mustRun('building', process.execPath, ['scripts/build.mjs'])
if (process.argv[2] === 'test') process.exitCode = run(process.execPath, ['scripts/test.mjs', ...process.argv.slice(3)])
else if (process.argv[2] === 'start') {
  const line = ['run', 'guests/oldguest/oldguest.elf', '--ops', 'examples/native-ops', ...process.argv.slice(3)]
  say(`npx paragraft ${line.join(' ')}`)
  process.exitCode = run(process.execPath, ['packages/paragraft/bin/paragraft.js', ...line])
} else {
  say('usage: node scripts/workshop.mjs start | test')
  process.exitCode = 2
}
