/**
 * Who is let in: backends of another era of the plug-in API, packages that say one thing and are another, modules that do not
 * fit. Every refusal has its code, names both sides, and comes before the guest's first instruction; what a package says
 * of itself is acted upon before any of its code runs.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { install, installOwnCore, userFolder, write } from './support/packages.ts'
import { flatGuest, paragraft, root, say } from './support/paragraft.ts'

const OLDGUEST = join(root, 'guests/oldguest/oldguest.elf')
const FOREVER = [0xeb, 0xfe]

/** A backend of a bare PC; it leaves a file behind when its code runs. */
const backend = (definition: string): string => `
  import { writeFileSync } from 'node:fs'
  import { defineBackend } from '@paragraft/core/ops'
  writeFileSync(new URL('./ran', import.meta.url), '')
  export default defineBackend({ name: 'b', version: '1.0.0', heads: ['multiboot'], create: () => ({}), ${definition} })`

const ops = (definition: string): string => `
  import { defineOps, host, native, natively, nop } from '@paragraft/core/ops'
  const all = era => natively(era.slots.map(slot => slot.op))
  export default defineOps({ name: 'o', version: '1.0.0', apiVersion: '^1.0.0', opsAbi: '1.3.x', ops: all, ${definition} })`

interface Trial {
  manifest?: object
  code: string
  args?: string[]
}

/** Runs a guest that says `hello` under a package \`paragraft-backend-b\`. */
async function tryBackend({ manifest = {}, code, args = [] }: Trial) {
  const cwd = userFolder(['core'])
  const home = install(cwd, 'paragraft-backend-b', manifest, code)
  const guest = flatGuest([...say('hello'), ...FOREVER])
  const outcome = await paragraft(['run', guest, '--backend', 'b', '--until', 'hello', ...args], { cwd })
  return { ...outcome, ran: existsSync(join(home, 'ran')) }
}

const metadata = (more: object = {}): object => ({
  paragraft: { kind: 'backend', name: 'b', api: '^1.1.0', supports: ['ops'], ...more },
})
const CODE = backend("apiVersion: '^1.1.0', supports: ['ops']")

describe('the version of the plug-in API', () => {
  test('a backend written against an older minor loads, and is told what to move to by those who ask', async () => {
    const old = {
      manifest: { paragraft: { kind: 'backend', name: 'b', api: '^1.0.0' } },
      code: backend("apiVersion: '^1.0.0'"),
    }
    const quiet = await tryBackend(old)
    expect(quiet).toMatchObject({ status: 0, stdout: 'hello' })
    expect(quiet.stderr).not.toContain('PG_DEPRECATED')
    const { status, stderr } = await tryBackend({ ...old, args: ['--deprecations'] })
    expect(status).toBe(0)
    expect(
      stderr.match(/b: a backend that does not say what it supports is deprecated .* \[PG_DEPRECATED\]/g),
    ).toHaveLength(1)
  })

  test('and so does one from before packages said anything', async () => {
    expect(await tryBackend({ code: backend("apiVersion: '^1.0.0'") })).toMatchObject({
      status: 0,
      stdout: 'hello',
      ran: true,
    })
  })

  test.each(['^2.0.0', '^0.1.0', '^1.99.0'])('%s is refused before any of its code runs', async api => {
    const { status, stdout, stderr, ran } = await tryBackend({ manifest: metadata({ api }), code: CODE })
    expect({ status, stdout, ran }).toEqual({ status: 2, stdout: '', ran: false })
    expect(stderr).toContain(`paragraft-backend-b is written for plug-in API ${api}; this is 1.`)
    expect(stderr).toContain('[PG_API_VERSION]')
  })

  test('a definition for another major is refused as well', async () => {
    const { status, stdout, stderr } = await tryBackend({ code: backend("apiVersion: '^2.0.0'") })
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain('b is written for plug-in API ^2.0.0; this is 1.')
    expect(stderr).toContain('[PG_API_VERSION]')
  })
})

describe('what a package says and what it is', () => {
  test.each([
    ['a kind that it is not', { kind: 'ops', supports: undefined }, 'PG_PLUGIN_KIND', false],
    ['something malformed', { supports: ['wings'] }, 'PG_METADATA', false],
    ['another name than its definition', { name: 'c' }, 'PG_METADATA', true],
    ['another API than its definition', { api: '^1.0.0' }, 'PG_METADATA', true],
    ['abilities that its definition has not', { supports: ['ops', 'disk'] }, 'PG_METADATA', true],
  ])('%s', async (_, more, code, runs) => {
    const { status, stdout, stderr, ran } = await tryBackend({ manifest: metadata(more), code: CODE })
    expect({ status, stdout, ran }).toEqual({ status: 2, stdout: '', ran: runs })
    expect(stderr).toContain(`[${code}]`)
  })

  test('the truth', async () => {
    expect(await tryBackend({ manifest: metadata(), code: CODE })).toMatchObject({ status: 0, stdout: 'hello' })
  })
})

describe('abilities', () => {
  test('a disk or a network that the guest could not find', async () => {
    const disk = flatGuest(new Array(512 - 0x20).fill(0))
    for (const [args, ability] of [
      [['--disk', disk], 'disk'],
      [['--net', 'loopback'], 'net'],
    ] as const) {
      const { status, stdout, stderr } = await tryBackend({ manifest: metadata(), code: CODE, args: [...args] })
      expect([status, stdout]).toEqual([2, ''])
      expect(stderr).toMatch(new RegExp(`needs ${ability} \\(.*\\), which backend b does not have \\[PG_ABILITY\\]`))
    }
  })

  test('what a module requires of the backend', async () => {
    const cwd = userFolder(['core', 'backend-native'])
    install(cwd, 'paragraft-ops-o', {}, ops("requires: ['xen:hypercalls']"))
    const { status, stdout, stderr } = await paragraft(['run', OLDGUEST, '--ops', 'o'], { cwd })
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toContain('o needs xen:hypercalls, which backend native does not have [PG_ABILITY]')
  })
})

describe('ops modules', () => {
  test.each([
    ['an unknown op', "ops: era => ({ ...all(era), 'mmu.fly': native() })", 'PG_OPS_UNKNOWN', 'o: no such op: mmu.fly'],
    ['a hole', 'ops: era => natively(era.slots.slice(1).map(slot => slot.op))', 'PG_OPS_HOLE', 'info.kernel_rpl'],
    [
      'a signature that the guest does not have',
      "ops: era => ({ ...all(era), 'cpu.load_sp0': host(() => {}, { version: '^9' }) })",
      'PG_OPS_VERSION',
      'cpu.load_sp0: no version ^9',
    ],
    ['a table of another era', "opsAbi: '5.0.x'", 'PG_OPS_ABI', 'o 1.0.0 targets ops ABI 5.0.x'],
  ])('%s', async (_, definition, code, says) => {
    const cwd = userFolder(['core', 'backend-native'])
    install(cwd, 'paragraft-ops-o', {}, ops(definition))
    const { status, stdout, stderr } = await paragraft(['run', OLDGUEST, '--ops', 'o'], { cwd })
    expect([stderr, status, stdout]).toEqual([stderr, 2, ''])
    expect(stderr).toContain(`[${code}]`)
    expect(stderr).toContain(says)
  })
})

test('several copies of core in one tree get along: errors, backends and modules are known by their brands', async () => {
  const cwd = userFolder(['core'])
  const home = install(cwd, 'paragraft-backend-b', metadata(), CODE)
  installOwnCore(home)
  const module = install(cwd, 'paragraft-ops-o', {}, ops(''))
  installOwnCore(module)
  const args = ['run', OLDGUEST, '--backend', 'b', '--ops', 'o', '--until', 'oldguest 1.0', '--trace', 'events']
  expect(await paragraft(args, { cwd })).toMatchObject({ status: 0 })
  writeFileSync(join(module, 'index.js'), ops("ops: era => ({ ...all(era), 'mmu.fly': native() })"))
  const { status, stderr } = await paragraft(args, { cwd })
  expect(status).toBe(2)
  expect(stderr).toContain('[PG_OPS_UNKNOWN]')
})

test.each([
  ['pnpm-lock.yaml', {}, 'pnpm add @paragraft/backend-nobody'],
  ['yarn.lock', {}, 'yarn add @paragraft/backend-nobody'],
  ['package-lock.json', {}, 'npm install @paragraft/backend-nobody'],
  ['package-lock.json', { packageManager: 'bun@1.3.0' }, 'bun add @paragraft/backend-nobody'],
])('a missing package is named with the command that installs it (%s, %j)', async (lockFile, manifest, command) => {
  const cwd = userFolder([])
  write(cwd, { [lockFile]: '', 'package.json': manifest })
  const { status, stderr } = await paragraft(['run', OLDGUEST, '--backend', 'nobody'], { cwd })
  expect(status).toBe(2)
  expect(stderr).toContain('[PG_PLUGIN_NOT_FOUND]')
  expect(stderr).toContain(command)
})
