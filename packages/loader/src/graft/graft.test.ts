import { code } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import { Writer } from '../formats/fixtures.ts'
import { X86_FEATURE_ALWAYS } from '../layouts/alternatives.ts'
import { ALTERNATIVES, TEXT, tinyKernel } from '../layouts/layouts.fixtures.ts'
import { applyGraft, codeCalls } from './apply.ts'
import {
  DELTA,
  kernel,
  layout,
  MIXED,
  moduleFixture,
  objectFixture,
  place,
  plan,
  RAM,
  slotOf,
} from './graft.fixtures.ts'

test('the region lies at the end of the early mapping, above the image, and is reserved there', () => {
  const graft = plan([moduleFixture(MIXED)])
  // The image ends at 0x12010xx: 1 MiB more, rounded to 2 MiB, is mapped by mk_early_pgtbl_32 with or without PAE.
  expect(graft.room.pa + graft.room.length).toBe(0x1400000)
  expect(graft.room.va).toBe(graft.room.pa + DELTA)
  expect(graft.reserve).toMatchObject([{ base: graft.room.pa, length: graft.room.length, type: 2 }])
  const { start } = place(graft)
  expect(start.memoryMap).toContainEqual({ base: graft.room.pa, length: graft.room.length, type: 2 })
  expect(graft.pages.filter(page => page.stubs)).toHaveLength(1)
  expect(graft.pages.reduce((sum, page) => sum + page.length, 0)).toBe(graft.room.length)
})

test('a host answer is a stub: the opcode with its index, and a return', () => {
  const graft = plan([moduleFixture(MIXED)])
  expect(graft.hostStubs.map(stub => [stub.index, stub.slot, stub.op])).toEqual([
    [0, 3, 'mmu.flush_tlb_one_user'],
    [1, 6, 'mmu.exit_mmap'],
  ])
  const page = graft.pages.find(candidate => candidate.stubs)
  for (const stub of graft.hostStubs) {
    expect(slotOf(graft, stub.op)?.target).toBe(stub.va)
    expect(stub.va - stub.pa).toBe(DELTA)
    expect(stub.va >= page!.va && stub.va + 5 <= page!.va + page!.length).toBe(true)
    const at = stub.va - graft.room.va
    expect(graft.bytes.subarray(at, at + 5)).toEqual(Uint8Array.of(0x0f, 0x3f, stub.index, 0, 0xc3))
    expect(stub.answer.host).toBeTypeOf('function')
  }
})

test('applied, the guest starts at the installer with every register as its protocol promised', () => {
  const graft = plan([moduleFixture(MIXED)])
  const { memory, start } = place(graft)
  const applied = applyGraft(memory, start, graft)
  expect(applied.startOfDay.registers).toEqual({ ...start.registers, eip: graft.entry })
  expect(applied.originalEntry).toBe(start.registers.eip)
  expect(memory.read(graft.room.pa, graft.room.length)).toEqual(graft.bytes)
  // The table is the guest's own code's to write.
  expect(memory.read32(layout.tablePa)).toBe(layout.slots[0]?.target)
  const owners = applied.owners.filter(owner => owner.owner !== 'guest')
  expect(owners.map(owner => owner.answer)).toEqual(['code', 'code', 'host', 'host', 'code', 'code'])
  expect(applied.owners).toHaveLength(13)
  memory.write32(applied.counters[0]!.pa, 7)
  expect(codeCalls(memory, applied).get(applied.counters[0]!.slot)).toBe(7)
})

test('patch records that would take a replaced slot away are neutralised, before the first instruction', () => {
  const xenpv = 0x8000 | (8 * 32 + 16)
  const alternatives = new Writer()
    .u32(TEXT + 0x40 - ALTERNATIVES, TEXT - (ALTERNATIVES + 4))
    .u16(xenpv)
    .u8(6, 2)
    .bytes()
  const image = tinyKernel({ alternatives })
  const graft = plan([moduleFixture(MIXED)], image)
  const { memory, start } = place(graft, image)
  const applied = applyGraft(memory, start, graft)
  expect(applied.scrubbed).toMatchObject([{ va: TEXT + 0x40, slot: 3 }])
  expect(memory.read16(ALTERNATIVES - DELTA + 8)).toBe(0x8000 | X86_FEATURE_ALWAYS)
})

test('code that does not fit is refused with its size and the room there is', () => {
  const large = moduleFixture({ 'cpu.io_delay': code('quick') }, objectFixture(4 << 20))
  expect(() => plan([large])).toThrow(
    expect.objectContaining({
      code: 'PG_GRAFT_NO_ROOM',
      fields: expect.objectContaining({ need: expect.any(Number) }),
    }),
  )
  expect(() => plan([moduleFixture(MIXED)], kernel, 0x1203000)).toThrow(
    expect.objectContaining({ code: 'PG_GRAFT_NO_ROOM' }),
  )
})

test('symbols that are missing, or no code, are refused by name', () => {
  const refused = (symbol: string) =>
    expect(() => plan([moduleFixture({ 'cpu.io_delay': code(symbol) })])).toThrow(
      expect.objectContaining({ code: 'PG_GRAFT_SYMBOL', fields: expect.objectContaining({ symbol }) }),
    )
  refused('nowhere')
  refused('word')
})

test('a guest that is not the planned one is refused, and memory stays as it was', () => {
  const graft = plan([moduleFixture(MIXED)])
  const { memory, start } = place(graft)
  const refused = (code: string, change: () => Parameters<typeof applyGraft>) => {
    const before = memory.read(graft.room.pa, graft.room.length)
    expect(() => applyGraft(...change())).toThrow(expect.objectContaining({ code }))
    expect(memory.read(graft.room.pa, graft.room.length)).toEqual(before)
  }
  const registers = start.registers
  refused('PG_GRAFT_MISMATCH', () => [memory, { ...start, registers: { ...registers, eip: 0x1234 } }, graft])
  refused('PG_GRAFT_MISMATCH', () => [memory, { ...start, registers: { ...registers, cr0: 0x80000011 } }, graft])
  refused('PG_GRAFT_NOT_RESERVED', () => [memory, { ...start, memoryMap: [{ base: 0, length: RAM, type: 1 }] }, graft])
  const clash = { base: graft.room.pa, length: 1, what: 'somebody' }
  refused('PG_GRAFT_NOT_RESERVED', () => [memory, { ...start, used: [clash] }, graft])
  refused('PG_GRAFT_MISMATCH', () => {
    memory.write32(layout.tablePa, 0)
    return [memory, start, graft]
  })
})
