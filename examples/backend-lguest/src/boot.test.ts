/** oldguest, whole, under it. */
import { readFileSync } from 'node:fs'
import type { OpsModule } from '@paragraft/core/ops'
import { createMachine, type EngineName, run } from 'paragraft'
import { beforeAll, expect, test } from 'vitest'
import { needs } from '../../../tests/support/needs.ts'
import { HYPERCALLS } from './abi.ts'
import lguest from './index.ts'
import lguestOps from './ops.ts'

const path = (relative: string): string => new URL(relative, import.meta.url).pathname
const image = new Uint8Array(readFileSync(path('../../../guests/oldguest/oldguest.elf')))

async function boot(ops: OpsModule[], commandLine = '', engine: EngineName = 'auto') {
  let console = ''
  const machine = await createMachine({
    image,
    backend: lguest,
    ops,
    commandLine,
    engine,
    memory: 64 * 2 ** 20,
    output: bytes => void (console += Buffer.from(bytes).toString('latin1')),
  })
  const report = await run(machine, { timeout: 120 })
  return { console, report }
}

let whole: Awaited<ReturnType<typeof boot>>

beforeAll(async () => {
  whole = await boot([lguestOps])
})

test('oldguest passes its whole self-check in ring 1, through the table and with its sites patched', () => {
  const { console, report } = whole
  expect(report.stop).toEqual({ kind: 'powerOff' })
  expect(console).toContain('paravirt: booting on lguest, in ring 1')
  expect(console.split(/\r?\n/).filter(line => /FAILED|panic|fault in/.test(line))).toEqual([])
  expect(console).toMatch(/^selfcheck: 78 ops ok, 14 refused \(allowed\), 0 failed/m)
  expect(console).toMatch(/^selfcheck, sites patched: 78 ops ok, 14 refused \(allowed\), 0 failed/m)
  for (const program of ['counter', 'pager', 'compute']) expect(console).toContain(`process ${program}: exit 0`)
})

test('what it is made of: every call is made but one, many by the ring; no slot is anybody else’s', () => {
  const { report } = whole
  const { hypercalls = {} } = report
  // Interrupts that waited while they were off, and a guest that then asks, take a load that this one does not have.
  expect(HYPERCALLS.filter(name => hypercalls[name] === undefined && name !== 'sendInterrupts')).toEqual([])
  const made = Object.values(hypercalls).reduce((sum, count) => sum + count, 0)
  expect(made).toBeGreaterThan(report.exits.hypercall * 1.5)
  const owners = new Set(report.ops.map(({ owner }) => owner))
  expect([...owners].sort()).toEqual([lguestOps.name, 'guest'])
  // A program of the self-check tries its I/O privilege there.
  expect(report.reports?.map(({ key }) => key)).toEqual(['ioport 0x80 read'])
})

test('the same boot is the same run, under another engine too', async () => {
  const again = await boot([lguestOps], '', 'interpreter')
  expect(again.console).toBe(whole.console)
  expect(again.report.instructions).toBe(whole.report.instructions)
  expect(again.report.hypercalls).toEqual(whole.report.hypercalls)
})

test('saved in the middle and gone on with in a new machine, it is the same run', async () => {
  let console = ''
  const config = {
    image,
    backend: lguest,
    ops: [lguestOps],
    memory: 64 * 2 ** 20,
    output: (bytes: Uint8Array) => void (console += Buffer.from(bytes).toString('latin1')),
  }
  const machine = await createMachine(config)
  expect(machine.run({ instructions: 6_000_000 })).toEqual({ kind: 'budget' })
  const snapshot = machine.snapshot()
  const report = await run(await createMachine({ ...config, snapshot }), { timeout: 120 })
  expect(console).toBe(whole.console)
  const { seconds: _, ...same } = whole.report
  expect(report).toMatchObject(same)
})

test('a kernel that stops with interrupts off is seen to have stopped', async () => {
  const { report } = await boot([lguestOps], 'noselfcheck halt')
  expect(report.stop.kind).toBe('haltedForever')
})

test('without its ops there is no way in, and nothing begins', async () => {
  await expect(boot([])).rejects.toMatchObject({
    code: 'PG_HEAD_NO_MATCH',
    message: expect.stringContaining('no ops module brings a way in'),
  })
})

needs('gcc')('the object in the repository is what GNU as makes of ops.S', async () => {
  const { execFileSync } = await import('node:child_process')
  const built = execFileSync(process.execPath, [path('../scripts/build-object.mjs'), '--print'], { encoding: 'utf8' })
  expect(built).toBe(readFileSync(path('./ops-object.generated.ts'), 'utf8'))
})
