import { admit, code, host, type OpsModule } from '@paragraft/core/ops'
import type { GuestMemory } from '@paragraft/core/ports'
import { expect, test } from 'vitest'
import { Writer } from '../formats/fixtures.ts'
import { linuxHead } from '../heads/linux.ts'
import { X86_FEATURE_ALWAYS } from '../layouts/alternatives.ts'
import { requireLayout } from '../layouts/index.ts'
import { ALTERNATIVES, TEXT, tinyKernel } from '../layouts/layouts.fixtures.ts'
import { arrayMemory } from '../testing-memory.ts'
import { applyGraft, codeCalls } from './apply.ts'
import { disassemble, MIXED, moduleFixture, objectFixture } from './graft.fixtures.ts'
import { type GraftPlan, planGraft } from './plan.ts'

const RAM = 0x4000000
const DELTA = 0xc0000000
const kernel = tinyKernel()
const layout = requireLayout(kernel)

function plan(modules: OpsModule[], image = kernel, memorySize = RAM): GraftPlan {
  const match = linuxHead.probe(image)
  if (!match.match) throw new Error(match.reason)
  const found = requireLayout(image)
  const admitted = modules.map(module => admit(module, found))
  return planGraft({ image, layout: found, modules: admitted, entry: match.entry, memorySize })
}

function place(graft: GraftPlan, image = kernel, memory: GuestMemory = arrayMemory(RAM)) {
  const start = linuxHead.place(image, { commandLine: '', modules: graft.bootModules, reserve: graft.reserve }, memory)
  return { memory, start }
}

const slotOf = (graft: GraftPlan, op: string) => graft.installs.find(install => install.op === op)
const codeAt = (graft: GraftPlan, va: number, length: number) =>
  disassemble(graft.bytes.subarray(va - graft.room.va, va - graft.room.va + length), va)

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

test('the installer writes the changed slots at their physical addresses, touches no register, and goes on', () => {
  const graft = plan([moduleFixture(MIXED)])
  const from = graft.entry - graft.room.pa
  const lines = disassemble(graft.bytes.subarray(from, from + 10 * graft.installs.length + 5), graft.entry)
  const hex = (value: number) => `${value.toString(16).toUpperCase().padStart(8, '0')}h`.replace(/^0+(?=[0-9]{2})/, '')
  expect(lines).toHaveLength(graft.installs.length + 1)
  graft.installs.forEach(({ slot, target }, i) => {
    const [, address, value] = /^mov dword \[([0-9A-F]+)h\],([0-9A-F]+)h$/.exec(lines[i] ?? '') ?? []
    expect(Number.parseInt(address ?? '', 16)).toBe(layout.tablePa + 4 * slot)
    expect(Number.parseInt(value ?? '', 16)).toBe(target)
  })
  expect(lines.at(-1)).toBe(`jmp ${hex(TEXT - DELTA).padStart(9, '0')}`)
  expect(graft.installs.map(install => install.slot)).toEqual([0, 1, 3, 6, 9, 12])
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

test('a code answer is counted and then run; ECX is kept where the slot demands it and the function does not promise', () => {
  const graft = plan([moduleFixture(MIXED)])
  const counter = (slot: number) =>
    graft.counters
      .find(c => c.slot === slot)!
      .va.toString(16)
      .toUpperCase()
  const plain = codeAt(graft, slotOf(graft, 'cpu.io_delay')!.target, 12)
  expect(plain[0]).toBe(`lock inc dword [0${counter(0)}h]`)
  expect(plain[1]).toMatch(/^jmp /)
  const promised = codeAt(graft, slotOf(graft, 'lock.queued_spin_unlock')!.target, 12)
  expect(promised[1]).toMatch(/^jmp /)
  const kept = codeAt(graft, slotOf(graft, 'lock.vcpu_is_preempted')!.target, 15)
  expect(kept.map(line => line.split(' ')[0])).toEqual(['lock', 'push', 'call', 'pop', 'ret'])
})

test("the module's object is linked against the guest's table", () => {
  const graft = plan([moduleFixture(MIXED)])
  const thunk = codeAt(graft, slotOf(graft, 'mmu.flush_tlb_user')!.target, 12)
  const forward = Number.parseInt(/jmp (\w+)h/.exec(thunk[1] ?? '')?.[1] ?? '', 16)
  const native = layout.slots[1]!.target
  expect(codeAt(graft, forward, 5)).toEqual([`jmp 0${native.toString(16).toUpperCase()}h`])
  const words = new DataView(graft.bytes.buffer)
  const found = Array.from({ length: graft.bytes.length / 4 }, (_, i) => words.getUint32(4 * i, true))
  expect(found).toContain(layout.tableVa)
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

test('of two modules the later wins a slot, and its native is the earlier one', () => {
  const first = moduleFixture(
    { 'mmu.flush_tlb_user': host(() => {}), 'cpu.io_delay': code('quick') },
    objectFixture(),
    'first',
  )
  const second = moduleFixture({ 'mmu.flush_tlb_user': code('forward') }, objectFixture(), 'second')
  const graft = plan([first, second])
  const owner = (slot: number) => graft.owners.find(o => o.slot === slot)?.owner
  expect([owner(0), owner(1), owner(2)]).toEqual(['first', 'second', 'guest'])
  const thunk = codeAt(graft, slotOf(graft, 'mmu.flush_tlb_user')!.target, 12)
  const forward = Number.parseInt(/jmp (\w+)h/.exec(thunk[1] ?? '')?.[1] ?? '', 16)
  const stub = graft.hostStubs[0]!.va
  expect(codeAt(graft, forward, 5)).toEqual([`jmp 0${stub.toString(16).toUpperCase()}h`])
  expect(graft.bootModules[0]?.commandLine).toBe('first 1.2.3, second 1.2.3')
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
