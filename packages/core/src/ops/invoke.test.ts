import { expect, test } from 'vitest'
import { fakeFrame, fakeHost } from '../../test/fake-host.ts'
import { admit, layoutOf } from './admission.ts'
import { type Answers, defineOps, host, natively } from './define.ts'
import { eraOf } from './eras.ts'
import type { HostCall, HostFunction } from './host.ts'
import { runHostAnswer } from './invoke.ts'

/** Answers one op of an era and calls it with these registers and stack words. */
function call(
  id: string,
  op: string,
  fn: HostFunction,
  registers: Record<string, number>,
  stack: Record<number, number>,
) {
  const ops: Answers = { ...natively(eraOf(id).slots.map(slot => slot.op)), [op]: host(fn) }
  const module = defineOps({ name: 'm', version: '1.0.0', apiVersion: '^1.0', opsAbi: `${id}.x`, ops })
  const slot = admit(module, layoutOf(eraOf(id))).slots.find(s => s.slot.op === op)!
  const machine = fakeHost()
  runHostAnswer(slot, fakeFrame(registers, { 0: 0xc010_0005, ...stack }), machine)
  return machine
}

test('arguments by name and position, from registers and the stack; the return address', () => {
  const seen: HostCall[] = []
  call('1.3', 'cpu.cpuid', c => void seen.push(c), { EAX: 0x10, EDX: 0x20, ECX: 0x30 }, { 4: 0x40 })
  expect(seen[0]).toMatchObject({
    op: 'cpu.cpuid',
    slotOp: 'cpu.cpuid',
    version: '1.0.0',
    slot: 15,
    returnAddress: 0xc010_0005,
  })
  expect(seen[0]!.args).toEqual([0x10, 0x20, 0x30, 0x40])
  expect(seen[0]!.arg('edx')).toBe(0x40)
  expect(() => seen[0]!.arg('edi')).toThrow(expect.objectContaining({ code: 'PG_OPS_ARGUMENT' }))
  expect(() => seen[0]!.struct('eax')).toThrow(expect.objectContaining({ code: 'PG_OPS_ARGUMENT' }))
})

test('u64 pairs and stack pairs: set_pte_at of a PAE kernel', () => {
  const seen: HostCall[] = []
  call('4.0', 'mmu.set_pte_at', c => void seen.push(c), { EAX: 1, EDX: 2, ECX: 3 }, { 4: 0x67, 8: 0x8000_0000 })
  expect(seen[0]!.arg('pteval')).toBe(0x8000_0000_0000_0067n)
  call('4.0', 'mmu.set_pte', c => void seen.push(c), { EAX: 1, EDX: 0x67, ECX: 0x8000_0000 }, {})
  expect(seen[1]!.arg('pteval')).toBe(0x8000_0000_0000_0067n)
})

test('only result registers change', () => {
  const registers = { EAX: 1, EDX: 2, ECX: 3 }
  call('4.0', 'mmu.pte_val', c => (c.arg('pte') as bigint) + 1n, registers, {})
  expect(registers).toEqual({ EAX: 2, EDX: 2, ECX: 3 })
  const kept = { EAX: 1, EDX: 2, ECX: 3 }
  call('5.0', 'lock.queued_spin_unlock', c => c.memory.writeVirtual8(Number(c.arg('lock')), 0), kept, {})
  expect(kept).toEqual({ EAX: 1, EDX: 2, ECX: 3 })
})

test('the processor is at hand', () => {
  const machine = call(
    '5.0',
    'mmu.flush_tlb_one_user',
    c => c.processor.invlpg(Number(c.arg('addr'))),
    { EAX: 0xc000_1000 },
    {},
  )
  expect(machine.done).toEqual(['invlpg c0001000'])
})

test.each([
  ['PG_HOST_RESULT', () => 1],
  ['PG_HOST_ASYNC', (async () => {}) as unknown as HostFunction],
  [
    'PG_HOST_THREW',
    () => {
      throw new Error('oh')
    },
  ],
  [
    'PG_HOST_THREW',
    () => {
      throw 'text'
    },
  ],
] as const)('%s: nothing of the guest changes', (code, fn) => {
  const registers = { EAX: 1, EDX: 2, ECX: 3 }
  expect(() => call('5.0', 'cpu.io_delay', fn as HostFunction, registers, {})).toThrow(
    expect.objectContaining({ code }),
  )
  expect(registers).toEqual({ EAX: 1, EDX: 2, ECX: 3 })
})

test('a rejected promise is told as such and does not end the process', async () => {
  const fn = (async () => {
    throw new Error('later')
  }) as unknown as HostFunction
  expect(() => call('5.0', 'cpu.io_delay', fn, {}, {})).toThrow(expect.objectContaining({ code: 'PG_HOST_ASYNC' }))
  await new Promise(resolve => setImmediate(resolve))
})

test('the cause is kept, and coded errors pass as they are', () => {
  const cause = new TypeError('inner')
  const fail = (error: unknown) => () =>
    call(
      '5.0',
      'cpu.io_delay',
      () => {
        throw error
      },
      {},
      {},
    )
  expect(fail(cause)).toThrow(expect.objectContaining({ cause }))
  expect(() => call('5.0', 'cpu.io_delay', c => void c.arg('x'), {}, {})).toThrow(
    expect.objectContaining({ code: 'PG_OPS_ARGUMENT' }),
  )
})

test('a slot without a host answer cannot be run', () => {
  const ops = natively(eraOf('5.0').slots.map(slot => slot.op))
  const module = defineOps({ name: 'm', version: '1.0.0', apiVersion: '^1.0', opsAbi: '5.x', ops })
  const slot = admit(module, layoutOf(eraOf('5.0'))).slots[0]!
  expect(() => runHostAnswer(slot, fakeFrame({}, { 0: 0 }), fakeHost())).toThrow(
    expect.objectContaining({ code: 'PG_HOST_SLOT' }),
  )
})
