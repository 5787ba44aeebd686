/** The machine code of a graft, as an independent disassembler reads it. */
import { code, host } from '@paragraft/core/ops'
import { Decoder, DecoderOptions, Formatter, FormatterSyntax } from 'iced-x86'
import { expect, test } from 'vitest'
import { TEXT } from '../layouts/layouts.fixtures.ts'
import { Assembler } from './asm.ts'
import { DELTA, layout, MIXED, moduleFixture, objectFixture, plan, slotOf } from './graft.fixtures.ts'
import type { GraftPlan } from './plan.ts'

/** Intel-syntax text of the instructions from `origin`, as an independent disassembler reads them, up to `end`. */
function disassemble(bytes: Uint8Array, origin: number): string[] {
  const decoder = new Decoder(32, bytes, DecoderOptions.None)
  decoder.ip = BigInt(origin)
  const formatter = new Formatter(FormatterSyntax.Nasm)
  const lines: string[] = []
  while (decoder.canDecode) {
    const instruction = decoder.decode()
    lines.push(formatter.format(instruction))
    instruction.free()
  }
  decoder.free()
  formatter.free()
  return lines
}

const codeAt = (graft: GraftPlan, va: number, length: number) =>
  disassemble(graft.bytes.subarray(va - graft.room.va, va - graft.room.va + length), va)

test('every instruction is what an independent disassembler reads', () => {
  const at = 0xc23ff000
  const bytes = new Assembler(at)
    .movMemory(0x1c6e820, 0xc23ff123)
    .lockInc(0xc23fe004)
    .callKeepingEcx(0xc1030630)
    .jump(0x1000000)
    .bytes()
  expect(disassemble(bytes, at)).toEqual([
    'mov dword [1C6E820h],0C23FF123h',
    'lock inc dword [ss:0C23FE004h]',
    'push ecx',
    'call 0C1030630h',
    'pop ecx',
    'ret',
    'jmp 01000000h',
  ])
})

test('the host-op opcode is one that no disassembler knows, with its index after it', () => {
  const bytes = new Assembler(0).hostOp(0x1234).ret().bytes()
  expect(bytes).toEqual(Uint8Array.of(0x0f, 0x3f, 0x34, 0x12, 0xc3))
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

test('a code answer is counted and then run; ECX is kept where the slot demands it and the function does not promise', () => {
  const graft = plan([moduleFixture(MIXED)])
  const counter = (slot: number) =>
    graft.counters
      .find(c => c.slot === slot)!
      .va.toString(16)
      .toUpperCase()
  const plain = codeAt(graft, slotOf(graft, 'cpu.io_delay')!.target, 13)
  expect(plain[0]).toBe(`lock inc dword [ss:0${counter(0)}h]`)
  expect(plain[1]).toMatch(/^jmp /)
  const promised = codeAt(graft, slotOf(graft, 'lock.queued_spin_unlock')!.target, 13)
  expect(promised[1]).toMatch(/^jmp /)
  const kept = codeAt(graft, slotOf(graft, 'lock.vcpu_is_preempted')!.target, 16)
  expect(kept.map(line => line.split(' ')[0])).toEqual(['lock', 'push', 'call', 'pop', 'ret'])
})

test("the module's object is linked against the guest's table", () => {
  const graft = plan([moduleFixture(MIXED)])
  const thunk = codeAt(graft, slotOf(graft, 'mmu.flush_tlb_user')!.target, 13)
  const forward = Number.parseInt(/jmp (\w+)h/.exec(thunk[1] ?? '')?.[1] ?? '', 16)
  const native = layout.slots[1]!.target
  expect(codeAt(graft, forward, 5)).toEqual([`jmp 0${native.toString(16).toUpperCase()}h`])
  const words = new DataView(graft.bytes.buffer)
  const found = Array.from({ length: graft.bytes.length / 4 }, (_, i) => words.getUint32(4 * i, true))
  expect(found).toContain(layout.tableVa)
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
  const thunk = codeAt(graft, slotOf(graft, 'mmu.flush_tlb_user')!.target, 13)
  const forward = Number.parseInt(/jmp (\w+)h/.exec(thunk[1] ?? '')?.[1] ?? '', 16)
  const stub = graft.hostStubs[0]!.va
  expect(codeAt(graft, forward, 5)).toEqual([`jmp 0${stub.toString(16).toUpperCase()}h`])
  expect(graft.bootModules[0]?.commandLine).toBe('first 1.2.3, second 1.2.3')
})
