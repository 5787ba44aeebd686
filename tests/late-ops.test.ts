/**
 * Ops later than at entry: oldguest boots native, asks for a module's ops by the registration call, and goes on with them; or
 * the embedder says when. Its own self-check is the witness: it tries all 92 ops before and after, and when the sites are
 * patched.
 */
import native from '@paragraft/backend-native'
import { defineOps, type LedgerRow, type MachineEvent, type OpsModule } from '@paragraft/core'
import { defineBackend, host, nativeGroup } from '@paragraft/core/ops'
import { createMachine, run } from 'paragraft'
import { expect, test } from 'vitest'
import nativeOps from '../examples/native-ops/src/index.ts'
import { OLDGUEST, runUntil, type Watched, watched } from './support/machines.ts'

const MEMORY = 32 * 2 ** 20

/** The example module, to be installed at another moment. */
function later(install: 'request' | 'embedder', name = nativeOps.name): OpsModule {
  const { eras: _1, answersFor: _2, versionsFor: _3, ...definition } = nativeOps
  return defineOps({ ...definition, name, install })
}

const boot = (ops: OpsModule[], commandLine: string, snapshot?: Uint8Array): Promise<Watched> =>
  watched({ image: OLDGUEST, backend: native, ops, memory: MEMORY, commandLine, ...(snapshot ? { snapshot } : {}) })

/** Lines of the console about ops. */
const said = (guest: Watched): string[] =>
  guest
    .output()
    .split('\r\n')
    .filter(line => /^paravirt: (?!booting)|^selfcheck.*allowed/.test(line))

const CHECKED = / 90 ops ok, 2 refused \(allowed\), 0 failed$/
const row = (guest: Watched, op: string): LedgerRow => guest.machine.ops().find(entry => entry.op === op) as LedgerRow

test('at the request of the guest: the self-check passes before and after, and the ledger has both owners and the moment', async () => {
  const module = later('request')
  const guest = await boot([module], 'register')
  const events: MachineEvent[] = []
  guest.machine.on(event => events.push(event))
  const report = await run(guest.machine)
  expect(report.stop).toEqual({ kind: 'powerOff' })

  const installed = events.flatMap(event => (event.kind === 'installed' ? [event] : []))
  expect(said(guest)).toEqual([
    expect.stringMatching(/^selfcheck:/),
    `paravirt: 1 modules registered, ${installed.length} ops replaced`,
    expect.stringMatching(/^selfcheck, ops registered:/),
    expect.stringMatching(/^paravirt: \d+ sites/),
    expect.stringMatching(/^selfcheck, sites patched:/),
  ])
  for (const line of said(guest).filter(text => text.startsWith('selfcheck'))) expect(line).toMatch(CHECKED)

  // One moment, after the boot; nothing was installed at entry.
  const [{ at, instructions }] = installed as [MachineEvent]
  expect(instructions).toBeGreaterThan(100_000)
  expect(installed.every(event => event.at === at && event.instructions === instructions)).toBe(true)
  const changed = guest.machine.ops().filter(entry => entry.owner !== 'guest')
  expect(changed.map(({ slot }) => slot)).toEqual(installed.map(({ slot }) => slot))
  for (const { owner, since, before, calls } of changed) {
    expect([owner, since]).toEqual([module.name, { virtualNs: at, instructions }])
    expect(before).toEqual([{ owner: 'guest', answer: 'native', until: since, calls: before![0]!.calls }])
    expect(calls).toBeGreaterThanOrEqual(before![0]!.calls)
  }
  // Both had calls of their own: of a function of the module's code, and of one that the host answers.
  for (const op of ['irq.irq_disable', 'mmu.read_cr2']) {
    const { before, calls } = row(guest, op)
    expect([op, before![0]!.calls > 0, calls > before![0]!.calls]).toEqual([op, true, true])
  }
  expect(report.modules).toEqual([{ name: module.name, version: module.version, install: 'request' }])
  expect(report.ops.find(({ op }) => op === 'irq.irq_disable')?.before).toEqual(row(guest, 'irq.irq_disable').before)
})

test('the ledger counts what was called, whoever answered: as much as when nobody installs anything', async () => {
  const late = await boot([later('request')], 'register')
  const plain = await boot([], 'register')
  await run(late.machine)
  await run(plain.machine)
  expect(said(plain)[1]).toBe('paravirt: nobody has ops to register')
  // A call a check, from the same sites: what neither waiting nor interrupts decide.
  for (const op of ['time.set_wallclock', 'cpu.wbinvd', 'cpu.load_tr_desc', 'cpu.set_iopl_mask']) {
    expect([op, row(late, op).calls]).toEqual([op, row(plain, op).calls])
  }
})

test('at the word of the embedder, as long as the guest has not patched its call sites', async () => {
  const module = later('embedder')
  const guest = await boot([module], 'register')
  expect(guest.machine.ops().every(({ owner }) => owner === 'guest')).toBe(true)
  runUntil(guest, 'selfcheck: mm')
  const slots = guest.machine.install(module)
  expect(guest.machine.ops().filter(({ owner }) => owner === module.name)).toHaveLength(slots)
  expect(row(guest, 'irq.irq_disable').before).toMatchObject([{ owner: 'guest' }])
  expect(() => guest.machine.install(module)).toThrow(expect.objectContaining({ code: 'PG_INSTALL_MODULE' }))
  await run(guest.machine)
  for (const line of said(guest).filter(text => text.startsWith('selfcheck'))) expect(line).toMatch(CHECKED)

  const tooLate = await boot([module], '')
  runUntil(tooLate, 'sites patched:')
  expect(() => tooLate.machine.install(module)).toThrow(
    expect.objectContaining({
      code: 'PG_INSTALL_PATCHED',
      fields: expect.objectContaining({ module: module.name, ops: expect.arrayContaining(['irq.irq_disable']) }),
    }),
  )
  const before = tooLate.machine.ops()
  expect(before.every(({ owner, before: earlier }) => owner === 'guest' && earlier === undefined)).toBe(true)
  expect((await run(tooLate.machine)).stop).toEqual({ kind: 'powerOff' })
})

test('a guest that asks too late hears why, and goes on with its own', async () => {
  const guest = await boot([later('request')], 'register=late')
  const report = await run(guest.machine)
  expect(report.stop).toEqual({ kind: 'powerOff' })
  expect(said(guest)).toContain('paravirt: registration was refused, reason 1')
  expect(said(guest).at(-1)).toMatch(/^selfcheck, ops registered:.* 0 failed$/)
  expect(report.ops.every(({ owner }) => owner === 'guest')).toBe(true)
  expect(report.reports?.map(({ key }) => key)).toContain(`registration ${nativeOps.name}`)
})

test('a module that comes at entry and one that comes later: the later one finds the first', async () => {
  const first = defineOps({
    name: 'first',
    version: '1.0.0',
    apiVersion: '^1.0.0',
    opsAbi: '~1.3.0',
    ops: era => ({
      ...nativeGroup(era, 'info', 'init', 'time', 'irq', 'cpu', 'apic', 'mmu'),
      'mmu.read_cr2': host(call => call.processor.readCr(2)),
    }),
  })
  const guest = await boot([first, later('request')], 'register')
  await run(guest.machine)
  expect(row(guest, 'mmu.read_cr2').before).toMatchObject([{ owner: 'first', answer: 'host' }])
  expect(row(guest, 'irq.irq_disable').before).toMatchObject([{ owner: 'guest' }])
  for (const line of said(guest).filter(text => text.startsWith('selfcheck'))) expect(line).toMatch(CHECKED)
})

test('two for later that want the same slot: the second is refused, and the first stays', async () => {
  const [one, other] = [later('embedder', 'one'), later('embedder', 'other')]
  const guest = await boot([one, other], '')
  runUntil(guest, 'irq: ')
  guest.machine.install(one)
  expect(() => guest.machine.install(other)).toThrow(expect.objectContaining({ code: 'PG_INSTALL_TABLE' }))
  await run(guest.machine)
  expect(guest.machine.ops().some(({ owner }) => owner === 'other')).toBe(false)
  for (const line of said(guest).filter(text => text.startsWith('selfcheck'))) expect(line).toMatch(CHECKED)
})

test('before the guest maps the module, it is too early', async () => {
  const module = later('embedder')
  const guest = await boot([module], '')
  expect(() => guest.machine.install(module)).toThrow(expect.objectContaining({ code: 'PG_INSTALL_UNMAPPED' }))
})

test('what waits, and what has been installed, is in a snapshot', async () => {
  const module = later('request')
  const whole = await boot([module], 'register')
  const expected = await run(whole.machine)
  for (const text of ['memory map', 'selfcheck: tlb', 'ops registered', 'process counter']) {
    const guest = await boot([module], 'register')
    runUntil(guest, text)
    const restored = await boot([module], '', guest.machine.snapshot())
    expect({ ...(await run(restored.machine)), seconds: 0 }).toEqual({ ...expected, seconds: 0 })
    expect(whole.output().endsWith(restored.output())).toBe(true)
  }
})

test('a manifest without sense, a backend that cannot, a module that does not wait', async () => {
  const { eras: _1, answersFor: _2, versionsFor: _3, ...definition } = nativeOps
  expect(() => defineOps({ ...definition, install: 'sometime' as 'entry' })).toThrow(
    expect.objectContaining({ code: 'PG_OPS_MODULE' }),
  )
  const only = defineBackend({ ...native, supports: ['ops'] })
  const config = { image: OLDGUEST, memory: MEMORY, output: () => {} }
  await expect(createMachine({ ...config, backend: only, ops: [later('request')] })).rejects.toMatchObject({
    code: 'PG_ABILITY',
  })
  const machine = await createMachine({ ...config, backend: native, ops: [later('request')] })
  for (const module of [later('request'), later('embedder', 'stranger'), nativeOps]) {
    expect(() => machine.install(module)).toThrow(expect.objectContaining({ code: 'PG_INSTALL_MODULE' }))
  }
})
