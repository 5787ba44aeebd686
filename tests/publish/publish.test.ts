/**
 * From the registry to a running guest, as somebody who has never seen this repository has it: every package is packed and
 * published to a registry of the test's own, and installed from there into empty projects, where the command line runs, one word of
 * a config changes the hypervisor, and a new backend is made, typechecked and tested.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunReport } from '@paragraft/core'
import { afterAll, describe, expect } from 'vitest'
import { needs } from '../support/needs.ts'
import { root } from '../support/paragraft.ts'
import { Registry, run } from './registry.ts'

/** Everything is installed anew; a busy machine takes its time. */
const PATIENCE = 600_000

const folder = mkdtempSync(join(tmpdir(), 'paragraft-publish-'))
let registry: Promise<Registry> | undefined

/** The registry, with everything published to it. */
function published(): Promise<Registry> {
  registry ??= (async () => {
    const started = await Registry.start(join(folder, 'registry'))
    const files = await Promise.all([
      started.packWorkspace('./packages/*', './guests'),
      started.packInstalled('typescript', '@types/node'),
    ])
    await started.publish(files.flat())
    return started
  })()
  return registry
}

afterAll(async () => {
  await (await registry)?.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** An empty project with these packages installed. */
async function project(name: string, ...packages: string[]) {
  const { env } = await published()
  const cwd = join(folder, name)
  mkdirSync(cwd)
  writeFileSync(join(cwd, 'package.json'), '{ "private": true, "type": "module" }\n')
  if (packages.length > 0) await run(cwd, 'npm', ['install', ...packages], env)
  const write = (file: string, text: string) => writeFileSync(join(cwd, file), text)
  /** `npx paragraft run …`: its output, and its report. */
  const boot = async (...args: string[]) => {
    const console = await run(cwd, 'npx', ['paragraft', 'run', ...args, '--report', 'report.json'], env)
    return { console, report: JSON.parse(readFileSync(join(cwd, 'report.json'), 'utf8')) as RunReport }
  }
  return { cwd, env, write, boot, run: (command: string, ...args: string[]) => run(cwd, command, args, env) }
}

const GUEST = 'node_modules/@paragraft/guests/oldguest/oldguest.elf'

function expectWhole({ console, report }: { console: string; report: RunReport }): void {
  expect(report.stop).toEqual({ kind: 'powerOff' })
  expect(console).toMatch(/^selfcheck: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
  expect(console).toMatch(/^selfcheck, sites patched: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
}

const configOf = (backend: string): string => `
import { defineConfig } from 'paragraft'

export default defineConfig({ guest: '${GUEST}', backend: '${backend}', memory: '64M' })
`

/** The workspace's own compiler, which is not what is tried. */
const TSC = join(root, 'node_modules/typescript/bin/tsc')

const STRICT = JSON.stringify({
  compilerOptions: { strict: true, module: 'NodeNext', target: 'ES2023', types: ['node'], outDir: 'out' },
  include: ['*.ts'],
})

/** A whole embedder. */
const EMBEDDER = `
import { readFileSync } from 'node:fs'
import native from '@paragraft/backend-native'
import { createMachine, run } from 'paragraft'

const machine = await createMachine({
  image: readFileSync('${GUEST}'),
  backend: native,
  output: bytes => process.stdout.write(bytes),
})
const { stop } = await run(machine, { timeout: 300 })
process.stdout.write(\`stop: \${stop.kind}\\n\`)
`

describe.sequential('published', () => {
  needs('pnpm')(
    'a plain installation runs a guest, and needs nothing else',
    async () => {
      const { boot } = await project('plain', 'paragraft', '@paragraft/guests')
      const booted = await boot(GUEST)
      expectWhole(booted)
      expect(booted.report.backend).toBe('native')
    },
    PATIENCE,
  )

  needs('pnpm')(
    'one word of a config changes the hypervisor; strict TypeScript knows config and embedder',
    async () => {
      const registry = await published()
      const [lguest] = await registry.packWorkspace('./examples/backend-lguest')
      const packages = ['guests', 'backend-native', 'backend-vmi', 'backend-xen'].map(name => `@paragraft/${name}`)
      const user = await project('user', 'paragraft', ...packages, lguest!, '@types/node')
      for (const backend of ['native', 'xen', 'vmi', '@paragraft-examples/backend-lguest']) {
        user.write('paragraft.config.ts', configOf(backend))
        const booted = await user.boot()
        expectWhole(booted)
        expect(booted.report.backend).toBe(backend.replace(/^.*-/, ''))
      }
      user.write('tsconfig.json', STRICT)
      user.write('embedder.ts', EMBEDDER)
      await user.run('node', TSC)
      const said = await user.run('node', 'out/embedder.js')
      expect(said).toMatch(/process pager: exit 0/)
      expect(said).toMatch(/^stop: powerOff$/m)
      user.write('wrong.ts', "import { defineConfig } from 'paragraft'\ndefineConfig({ memroy: '64M' })\n")
      await expect(user.run('node', TSC, '--noEmit')).rejects.toThrow(/wrong\.ts.*memroy/s)
    },
  )

  needs('pnpm', 'gcc')(
    'a new backend is made, and builds, passes its tests and boots a guest',
    async () => {
      const user = await project('makers')
      const said = await user.run('npm', 'create', '--yes', '@paragraft/backend', 'my-hv')
      expect(said).toContain('paragraft-backend-my-hv')
      const cwd = join(user.cwd, 'my-hv')
      await run(cwd, 'npm', ['install'], user.env)
      const tested = await run(cwd, 'npm', ['test'], user.env)
      expect(tested).toMatch(/^. fail 0$/m)
      const object = readFileSync(join(cwd, 'src/ops-object.ts'), 'utf8')
      await run(cwd, 'node', ['scripts/build-object.mjs'])
      expect(readFileSync(join(cwd, 'src/ops-object.ts'), 'utf8')).toBe(object)
      await run(cwd, 'npx', ['paragraft', 'run', '--report', 'report.json'], user.env)
      const report = JSON.parse(readFileSync(join(cwd, 'report.json'), 'utf8')) as RunReport
      expect(report).toMatchObject({
        backend: 'my-hv',
        stop: { kind: 'powerOff' },
        modules: [{ name: 'paragraft-backend-my-hv/ops' }],
        hypercalls: { uptime: expect.any(Number), idle: expect.any(Number), flushPage: expect.any(Number) },
      })
      // Somebody else's project finds it by name, once it is installed there.
      await run(cwd, 'npm', ['pack'], user.env)
      await user.run('npm', 'install', 'paragraft', '@paragraft/guests', './my-hv/paragraft-backend-my-hv-0.1.0.tgz')
      const booted = await user.boot(GUEST, '--backend', 'my-hv', '--memory', '64M')
      expectWhole(booted)
      expect(booted.report.backend).toBe('my-hv')
    },
    PATIENCE,
  )

  needs('pnpm')(
    'create-backend refuses what it cannot make, and asks nothing',
    async () => {
      const { cwd, env } = await project('refused', '@paragraft/create-backend')
      const create = (...args: string[]) =>
        spawnSync(join(cwd, 'node_modules/.bin/create-backend'), args, { cwd, env, encoding: 'utf8', input: '' })
      for (const [args, code] of [
        [[], 'PG_USAGE'],
        [['--colour', 'blue'], 'PG_USAGE'],
        [['one', 'two'], 'PG_USAGE'],
        [['Not A Name'], 'PG_CREATE_NAME'],
        [['node_modules', '--package', 'fine'], 'PG_CREATE_FOLDER'],
      ] as const) {
        const { status, stderr, stdout } = create(...args)
        expect([args, status, stdout, stderr]).toEqual([args, 2, '', expect.stringContaining(`[${code}]`)])
      }
      expect(create('--help')).toMatchObject({ status: 0, stdout: expect.stringContaining('usage: npm create') })
    },
    PATIENCE,
  )
})
