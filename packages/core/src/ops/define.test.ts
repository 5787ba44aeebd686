import { expect, test } from 'vitest'
import { API_VERSION } from './api-version.ts'
import {
  type Answers,
  type BackendDefinition,
  code,
  defineBackend,
  defineOps,
  host,
  isBackend,
  isOpsModule,
  native,
  nativeGroup,
  natively,
  nop,
  type OpsDefinition,
  value,
} from './define.ts'
import { eraOf } from './eras.ts'

const all = (id: string, arch: 'i386' | 'x86_64' = 'i386'): Answers =>
  natively(eraOf(id, arch).slots.map(slot => slot.op))

const lite = (more: Answers = {}, rest: Partial<OpsDefinition> = {}): OpsDefinition => ({
  name: 'lite-ops',
  version: '1.0.0',
  apiVersion: '^1.0.0',
  opsAbi: '5.x',
  ops: { ...all('5.0'), ...more },
  ...rest,
})

test('an entrypoint is a symbol of code that the module brings', () => {
  const entries = { 'xen-pv': { symbol: 'start' } }
  expect(refusal(() => defineOps(lite({}, { entries }))).code).toBe('PG_OPS_MODULE')
  const object = Uint8Array.from(
    { length: 52 },
    (_, at) => [0x7f, 0x45, 0x4c, 0x46, 1, 1][at] ?? { 16: 1, 18: 3 }[at] ?? 0,
  )
  expect(defineOps(lite({}, { entries, code: { object } })).entries).toEqual(entries)
  for (const symbol of ['', 3, undefined]) {
    const wrong = { entries: { 'xen-pv': { symbol } }, code: { object } } as unknown as Partial<OpsDefinition>
    expect(refusal(() => defineOps(lite({}, wrong)))).toMatchObject({
      code: 'PG_OPS_MODULE',
      fields: { field: 'entries.xen-pv.symbol' },
    })
  }
})

const without = (answers: Answers, ...ops: string[]): Answers =>
  Object.fromEntries(Object.entries(answers).filter(([op]) => !ops.includes(op)))

const refusal = (run: () => unknown) => {
  try {
    run()
  } catch (error) {
    return error as { code: string; message: string; fields: Record<string, unknown>; hint: string }
  }
  throw new Error('was not refused')
}

/** An ELF header as gcc -m32 -c writes it: class 32, little-endian, ET_REL, EM_386 (System V ABI, figure 4-3). */
function elfHeader(change: (bytes: Uint8Array) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(52)
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1])
  bytes[16] = 1
  bytes[18] = 3
  change(bytes)
  return bytes
}

test('a module with every op answered is branded, frozen, and keeps its answers', () => {
  const module = defineOps(lite({ 'cpu.io_delay': nop(), 'lock.vcpu_is_preempted': host(() => 0) }))
  expect(isOpsModule(module)).toBe(true)
  expect(Object.isFrozen(module)).toBe(true)
  expect(Symbol.for('paragraft.ops') in module).toBe(true)
  expect(isOpsModule({ ...module })).toBe(false)
  expect(isOpsModule(null)).toBe(false)
  expect(module.eras.map(era => era.id)).toEqual(['5.0'])
  expect(module.answersFor(eraOf('5.0'))['cpu.io_delay']).toEqual({ kind: 'nop' })
})

test('a table with holes is refused, and the refusal lists the forgotten ops', () => {
  const error = refusal(() => defineOps(lite({}, { ops: without(all('5.0'), 'lock.wait', 'mmu.flush_tlb_multi') })))
  expect(error.code).toBe('PG_OPS_HOLE')
  expect(error.fields['ops']).toEqual(['mmu.flush_tlb_multi', 'lock.wait'])
  expect(error.fields['slots']).toEqual([4, 10])
  expect(error.message).toBe(
    'lite-ops leaves 2 of the ops of era 5.0/i386 without an answer: mmu.flush_tlb_multi, lock.wait',
  )
})

test('an empty module for the oldest full table forgets everything', () => {
  const error = refusal(() => defineOps(lite({}, { opsAbi: '1.3.x', ops: {} })))
  expect(error.fields['ops']).toHaveLength(92)
})

test('an op that does not exist is refused with a likely name', () => {
  const error = refusal(() => defineOps(lite({ 'mmu.flush_tlb_single': host(() => {}), 'cpu.read_cr3': native() })))
  expect(error.code).toBe('PG_OPS_UNKNOWN')
  expect(error.fields['ops']).toEqual(['mmu.flush_tlb_single', 'cpu.read_cr3'])
  expect(error.hint).toContain('mmu.flush_tlb_one_user, mmu.read_cr3')
})

test('an answer that no target era can use is refused', () => {
  const error = refusal(() => defineOps(lite({ 'mmu.write_cr3': host(() => {}) })))
  expect(error.code).toBe('PG_OPS_STRAY')
  expect(error.fields['ops']).toEqual(['mmu.write_cr3'])
})

// The kernel's own list of no-ops: `paravirt_nop` in pv_ops (arch/x86/kernel/paravirt.c).
test.each([
  ['lock.queued_spin_unlock', 'the lock must be free'],
  ['lock.vcpu_is_preempted', 'the guest uses its result (bool (unsigned long cpu))'],
  ['mmu.tlb_remove_table', 'the page must be freed'],
  ['mmu.flush_tlb_user', 'stale translations must be gone'],
])('nop is refused for %s', (op, why) => {
  const error = refusal(() => defineOps(lite({ [op]: nop() })))
  expect(error.code).toBe('PG_OPS_NOP')
  expect(error.fields['why']).toBe(why)
})

test('nop is accepted for hints and hooks', () => {
  const hints = ['cpu.io_delay', 'mmu.exit_mmap', 'mmu.notify_page_enc_status_changed', 'lock.wait']
  expect(() => defineOps(lite(Object.fromEntries(hints.map(op => [op, nop()]))))).not.toThrow()
})

test.each(['cpu.iret', 'cpu.irq_enable_sysexit'])('host is refused for %s, which is jumped to', op => {
  const error = refusal(() => defineOps(lite({}, { opsAbi: '1.3.x', ops: { ...all('1.3'), [op]: host(() => {}) } })))
  expect(error.code).toBe('PG_OPS_HOST')
  expect(() =>
    defineOps(lite({}, { opsAbi: '1.3.x', ops: { ...all('1.3'), [op]: code('f') }, code: { object: elfHeader() } })),
  ).not.toThrow()
})

test('swapgs runs on the user stack, so the host cannot answer it', () => {
  const ops = { ...all('3.1', 'x86_64'), 'cpu.swapgs': host(() => {}) }
  expect(refusal(() => defineOps(lite({}, { opsAbi: '3.1.x', arch: ['x86_64'], ops }))).code).toBe('PG_OPS_HOST')
})

test('data words take values, functions do not', () => {
  const old = (more: Answers) => defineOps(lite({}, { opsAbi: '1.3.x', ops: { ...all('1.3'), ...more } }))
  expect(() => old({ 'info.kernel_rpl': value(1) })).not.toThrow()
  expect(refusal(() => old({ 'info.kernel_rpl': nop() })).code).toBe('PG_OPS_VALUE')
  expect(refusal(() => old({ 'cpu.clts': value(1) })).code).toBe('PG_OPS_VALUE')
  expect(refusal(() => old({ 'info.kernel_rpl': value(-1) })).code).toBe('PG_OPS_ANSWER')
})

test.each([
  ['nothing', undefined],
  ['a bare function', () => {}],
  ['a kind that is none', { kind: 'trap' }],
  ['host without a function', { kind: 'host' }],
  ['code without a symbol', { kind: 'code', symbol: '' }],
])('not an answer: %s', (_, answer) => {
  expect(refusal(() => defineOps(lite({ 'cpu.io_delay': answer as never }))).code).toBe('PG_OPS_ANSWER')
})

test.each([
  ['no object', undefined],
  ['not ELF', new Uint8Array(64)],
  ['cut short', elfHeader().subarray(0, 51)],
  ['64-bit', elfHeader(b => void (b[4] = 2))],
  ['big-endian', elfHeader(b => void (b[5] = 2))],
  ['an executable', elfHeader(b => void (b[16] = 2))],
  ['for another machine', elfHeader(b => void (b[18] = 62))],
])('code answers need a relocatable i386 object: %s', (_, object) => {
  const error = refusal(() =>
    defineOps(lite({ 'cpu.io_delay': code('delay') }, object === undefined ? {} : { code: { object } })),
  )
  expect(error.code).toBe('PG_OPS_CODE')
})

test('whatever is given instead of a definition, the refusal is coded', () => {
  const things: unknown[] = [
    undefined,
    null,
    1,
    'ops',
    [],
    () => {},
    {},
    { name: 'x', version: '1.0.0', apiVersion: '*' },
  ]
  for (const thing of things) {
    expect(refusal(() => defineOps(thing as never)).code).toBe('PG_OPS_MODULE')
    expect(refusal(() => defineBackend(thing as never)).code).toBe('PG_BACKEND')
  }
  for (const code of [null, {}, { object: 'text' }, { object: null }]) {
    const define = () => defineOps(lite({ 'cpu.io_delay': { kind: 'code', symbol: 'f' } }, { code: code as never }))
    expect(refusal(define).code).toBe('PG_OPS_CODE')
  }
  expect(refusal(() => defineOps(lite({}, { ops: () => undefined as never }))).code).toBe('PG_OPS_HOLE')
})

test('the plug-in API is checked by semver', () => {
  expect(API_VERSION).toBe('1.1.0')
  const error = refusal(() => defineOps(lite({}, { apiVersion: '^2.0.0' })))
  expect(error).toMatchObject({ code: 'PG_API_VERSION', fields: { wants: '^2.0.0', has: '1.1.0' } })
  expect(() => defineOps(lite({}, { apiVersion: '>=0.1 <2' }))).not.toThrow()
})

test.each([
  ['name', { name: 'two words' }],
  ['name', { name: '' }],
  ['version', { version: 'one' }],
  ['apiVersion', { apiVersion: 'newest' }],
  ['opsAbi', { opsAbi: 'all of them' }],
  ['ops', { ops: null as never }],
  ['arch', { arch: 'i386' as never }],
  ['arch', { arch: ['arm'] as never }],
  ['variants', { variants: [] }],
  ['requires', { requires: 'disk' as never }],
])('shape: %s', (field, change) => {
  expect(refusal(() => defineOps(lite({}, change)))).toMatchObject({ code: 'PG_OPS_MODULE', fields: { field } })
})

test('a range without eras is refused', () => {
  expect(refusal(() => defineOps(lite({}, { opsAbi: '^9.0.0' }))).code).toBe('PG_OPS_ERA')
  expect(refusal(() => defineOps(lite({}, { opsAbi: '7.x' }))).code).toBe('PG_OPS_ERA') // x86_64 only
})

test('one module for several eras: answers by era, natives by group', () => {
  const module = defineOps({
    name: 'several',
    version: '1.0.0',
    apiVersion: '^1.0.0',
    opsAbi: '>=4.0.0 <7',
    variants: ['lite'],
    ops: era => ({
      ...nativeGroup(era, 'init', 'time', 'mmu', 'irq', 'lock'),
      'cpu.io_delay': host(() => {}),
    }),
  })
  expect(module.eras.map(era => era.id)).toEqual(['4.0-lite', '5.0', '6.0'])
})

test('versions: what the eras agree on needs no saying, what they disagree on does', () => {
  const ops = (answer: Answers['x']) => ({ ...all('3.0'), ...all('3.1'), 'cpu.read_msr': answer! })
  const make = (answer: Answers['x']) => defineOps(lite({}, { opsAbi: '3.0.x || 3.1.x', ops: ops(answer) }))
  const error = refusal(() => make(host(() => 0n)))
  expect(error.code).toBe('PG_OPS_VERSION')
  expect(error.hint).toContain("{ version: '^2.0.0' }")
  // read_msr 2 serves the older signature through an adapter.
  const module = make(host(() => 0n, { version: '^2' }))
  expect(module.versionsFor(eraOf('3.0'), 'cpu.read_msr')).toEqual(['2.0.0'])
  // The other way round the guest has no *err to write to.
  expect(refusal(() => make(host(() => 0n, { version: '^1' })))).toMatchObject({
    code: 'PG_OPS_VERSION',
    fields: { has: '2.0.0', answers: ['1.0.0'] },
  })
  expect(refusal(() => make(host(() => 0n, { version: '^7' }))).code).toBe('PG_OPS_VERSION')
  expect(() => make(native())).not.toThrow()
})

const head = { name: 'raw', probe: () => ({ match: false as const, reason: 'no' }), place: () => ({}) as never }
const backend = (change: Partial<BackendDefinition> = {}): BackendDefinition => ({
  name: '@example/backend',
  version: '0.1.0',
  apiVersion: '^1.0.0',
  heads: [head, 'linux'],
  create: () => ({}),
  ...change,
})

test('a backend is checked and branded', () => {
  expect(isBackend(defineBackend(backend({ ops: defineOps(lite()) })))).toBe(true)
  expect(isBackend(backend())).toBe(false)
})

test.each([
  ['heads', { heads: [] }],
  ['heads', { heads: ['linux', { name: 'x' } as never] }],
  ['ops', { ops: lite() as never }],
  ['create', { create: undefined as never }],
  ['supports', { supports: ['wings' as never] }],
  ['version', { version: '' }],
])('backend shape: %s', (field, change) => {
  expect(refusal(() => defineBackend(backend(change)))).toMatchObject({ code: 'PG_BACKEND', fields: { field } })
})

test('a backend for another API is refused', () => {
  expect(refusal(() => defineBackend(backend({ apiVersion: '^2.0.0' }))).code).toBe('PG_API_VERSION')
})
