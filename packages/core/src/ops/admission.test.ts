import { expect, test } from 'vitest'
import { admit, layoutOf } from './admission.ts'
import { type Answers, code, defineOps, host, native, natively, nop } from './define.ts'
import { eraOf } from './eras.ts'

const object = Uint8Array.from(
  { length: 52 },
  (_, n) => ({ 0: 0x7f, 1: 0x45, 2: 0x4c, 3: 0x46, 4: 1, 5: 1, 16: 1, 18: 3 })[n] ?? 0,
)
const all = (id: string): Answers => natively(eraOf(id).slots.map(slot => slot.op))
const lite = (more: Answers = {}, rest = {}) =>
  defineOps({
    name: 'lite-ops',
    version: '1.2.3',
    apiVersion: '^1.0.0',
    opsAbi: '5.x',
    ops: { ...all('5.0'), ...more },
    code: { object },
    ...rest,
  })

test('a plan has every slot in order, with its convention and its native target', () => {
  const fn = () => false as unknown as number
  const admitted = admit(
    lite({
      'cpu.io_delay': nop(),
      'lock.queued_spin_unlock': code('unlock'),
      'lock.vcpu_is_preempted': host(fn),
      'mmu.flush_tlb_one_user': code('one'),
    }),
    layoutOf(eraOf('5.0'), slot => 0xc100_0000 + slot),
  )
  expect(admitted).toMatchObject({ module: { name: 'lite-ops', version: '1.2.3' }, arch: 'i386', unused: [], object })
  expect(admitted.era.id).toBe('5.0')
  expect(admitted.slots.map(s => s.slot.slot)).toEqual(Array.from({ length: 13 }, (_, n) => n))
  expect(admitted.slots.map(s => s.answer.kind)).toEqual([
    'nop',
    ...['native', 'native', 'code', 'native', 'native', 'native', 'native', 'native'],
    ...['code', 'native', 'native', 'host'],
  ])
  expect(admitted.slots[4]!.slot.target).toBe(0xc100_0004)
  expect(admitted.slots[3]!.convention).toMatchObject({
    params: [[{ register: 'EAX' }]],
    clobbers: ['EAX', 'EDX', 'ECX'],
  })
  expect(admitted.slots[12]).toMatchObject({ host: fn, convention: { result: ['EAX'], clobbers: ['EAX', 'EDX'] } })
})

test('code in a callee-save slot needs a thunk unless it keeps ECX itself', () => {
  const thunk = (answer: Answers['x']) =>
    admit(lite({ 'lock.queued_spin_unlock': answer! }), layoutOf(eraOf('5.0'))).slots[9]!.thunk
  expect(thunk(code('unlock'))).toBe(true)
  expect(thunk(code('unlock', { calleeSave: true }))).toBeUndefined()
  expect(thunk(native())).toBeUndefined()
})

test('a guest of another ABI is refused, and the refusal names both sides', () => {
  expect(() => admit(lite(), layoutOf(eraOf('6.0')))).toThrow(
    expect.objectContaining({
      code: 'PG_OPS_ABI',
      message: 'lite-ops 1.2.3 targets ops ABI 5.x (i386; full, lite); this guest has 6.0.0 (era 6.0/i386, lite)',
    }),
  )
  expect(() => admit(lite(), layoutOf(eraOf('5.0', 'x86_64')))).toThrow(expect.objectContaining({ code: 'PG_OPS_ABI' }))
  expect(() => admit(lite({}, { variants: ['lite'] }), { era: '5.1', arch: 'i386', slots: [] })).toThrow(
    expect.objectContaining({ code: 'PG_OPS_ERA' }),
  )
})

test("a guest's table may differ from its era's: its own slots count", () => {
  const layout = layoutOf(eraOf('5.0'))
  const extra = { ...layout.slots[0]!, slot: 13, op: 'irq.halt', target: 0 }
  expect(() => admit(lite(), { ...layout, slots: [...layout.slots, extra] })).toThrow(
    expect.objectContaining({
      code: 'PG_OPS_HOLE',
      fields: expect.objectContaining({ ops: ['irq.halt'], slots: [13] }),
    }),
  )
  const fewer = admit(lite({ 'lock.kick': host(() => {}) }), { ...layout, slots: layout.slots.slice(0, 9) })
  expect(fewer.unused).toContain('lock.kick')
  expect(fewer.slots).toHaveLength(9)
})

test('a version that the guest does not have is refused with both signatures', () => {
  const layout = layoutOf(eraOf('5.0'))
  const slots = layout.slots.map(slot => (slot.op === 'lock.wait' ? { ...slot, version: '9.0.0' } : slot))
  expect(() => admit(lite({ 'lock.wait': host(() => {}) }), { ...layout, slots })).toThrow(
    expect.objectContaining({ code: 'PG_OPS_VERSION' }),
  )
  expect(() => admit(lite(), { ...layout, slots })).toThrow(expect.objectContaining({ code: 'PG_OPS_VERSION' }))
})

test('only what defineOps made is admitted', () => {
  expect(() => admit({ ...lite() }, layoutOf(eraOf('5.0')))).toThrow(expect.objectContaining({ code: 'PG_OPS_MODULE' }))
})

test('a module for every i386 era, native throughout, is admitted everywhere', () => {
  const module = defineOps({
    name: 'nothing-new',
    version: '1.0.0',
    apiVersion: '^1.0.0',
    opsAbi: '*',
    ops: era => natively(era.slots.map(slot => slot.op)),
  })
  expect(module.eras).toHaveLength(14)
  for (const era of module.eras) {
    expect(admit(module, layoutOf(era)).slots.every(slot => slot.answer.kind === 'native')).toBe(true)
  }
})
