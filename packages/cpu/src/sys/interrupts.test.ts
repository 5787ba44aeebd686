import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR2,
  DR,
  EIP,
  ESP,
  FLAG_IF,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  IDTR_BASE,
  IDTR_LIMIT,
  SEG_DS,
  SEG_FS,
  SEG_GS,
  SEG_SS,
} from '../state.ts'
import {
  bench,
  CODE0,
  dwords,
  FLAT,
  faultOf,
  IDT,
  peek16,
  poke32,
  pokeAll,
  selectorOf,
  TSS,
  where,
  writeDescriptor,
  writeGate,
} from '../testbench.ts'
import { writeCr } from './control.ts'
import {
  externalInterrupt,
  int1,
  nonMaskableInterrupt,
  raise,
  raiseDebugTrap,
  softwareInterrupt,
  softwareTrap,
} from './interrupts.ts'
import { iret } from './return.ts'
import { loadSegment } from './segments.ts'
import { ltr } from './tables.ts'
import { jumpFar } from './transfer.ts'

const gate = (cpu: Processor, vector: number, access: number, offset: number, selector = 0x08): void =>
  writeGate(cpu, IDT + vector * 8, selector, offset, access)

function kernel(): ReturnType<typeof bench> {
  const b = bench()
  poke32(b.cpu, TSS + 4, 0x7000)
  poke32(b.cpu, TSS + 8, 0x10)
  ltr(b.cpu, 0x28)
  return b
}

function returnTo(cpu: Processor, ...frame: number[]): void {
  cpu.u32[ESP >> 2] = 0x8000
  pokeAll(cpu, 0x8000, frame)
  iret(cpu, 4, 0)
}

function user(): ReturnType<typeof bench> {
  const b = kernel()
  returnTo(b.cpu, 0x20000, 0x1b, 0x202, 0x9000, 0x23)
  return b
}

test('an exception at the same level: frame, error code, IF by gate type, RF in the image (SDM 3A 6.12.1)', () => {
  const { cpu } = kernel()
  gate(cpu, 13, 0x8e, 0x40000)
  gate(cpu, 6, 0x8f, 0x50000)
  cpu.setEflags(0x203)
  raise(cpu, new GuestFault(13, 0x123))
  expect(where(cpu)).toBe('8:40000 0 7ff0')
  expect(dwords(cpu, 0x7ff0, 4)).toBe('123 10000 8 10203')
  expect(cpu.getEflags()).toBe(3)
  // With the error code still on the stack, CS would come from the EIP slot: 10000H names the null descriptor.
  expect(faultOf(() => iret(cpu, 4, 0))).toBe('13(0)')
})

test('a trap gate keeps IF; no error code, no slot', () => {
  const { cpu } = kernel()
  gate(cpu, 6, 0x8f, 0x50000)
  cpu.setEflags(0x202)
  raise(cpu, new GuestFault(6))
  expect(where(cpu)).toBe('8:50000 0 7ff4')
  expect(cpu.getEflags()).toBe(0x202)
  iret(cpu, 4, 0)
  expect(where(cpu)).toBe('8:10000 0 8000')
  expect(cpu.getEflags()).toBe(0x202 | FLAG_RF)
})

test('from level 3: stack from the TSS, outer SS:ESP pushed, IRET goes back', () => {
  const { cpu } = user()
  gate(cpu, 0x80, 0xee, 0x60000)
  softwareInterrupt(cpu, 0x80, 0x20002)
  expect(where(cpu)).toBe('8:60000 0 6fec')
  expect(selectorOf(cpu, SEG_SS)).toBe(0x10)
  expect(dwords(cpu, 0x6fec, 5)).toBe('20002 1b 202 9000 23')
  iret(cpu, 4, 0)
  expect(where(cpu)).toBe('1b:20002 3 9000')
  expect(cpu.getEflags()).toBe(0x202)
})

test('gate checks and their error codes: IDT bit, EXT bit (SDM 3A 6.13)', () => {
  const { cpu } = user()
  gate(cpu, 0x80, 0x8e, 0x60000)
  expect(faultOf(() => softwareInterrupt(cpu, 0x80, 0))).toBe('13(402)') // DPL 0
  gate(cpu, 0x80, 0x6e, 0x60000)
  expect(faultOf(() => softwareInterrupt(cpu, 0x80, 0))).toBe('11(402)')
  gate(cpu, 0x80, 0xec, 0x60000)
  expect(faultOf(() => softwareInterrupt(cpu, 0x80, 0))).toBe('13(402)') // a call gate
  gate(cpu, 0x80, 0xee, 0x60000, 0)
  expect(faultOf(() => softwareInterrupt(cpu, 0x80, 0))).toBe('13(0)')
  gate(cpu, 0x80, 0xee, 0x60000, 0x10)
  expect(faultOf(() => softwareInterrupt(cpu, 0x80, 0))).toBe('13(10)')
  cpu.u32[IDTR_LIMIT >> 2] = 0x80 * 8 + 6
  expect(faultOf(() => softwareInterrupt(cpu, 0x80, 0))).toBe('13(402)')
  expect(where(cpu)).toBe('1b:20000 3 9000')
  // INT3 checks the DPL, INT1 does not.
  gate(cpu, 3, 0x8e, 0x60000)
  gate(cpu, 1, 0x8e, 0x61000)
  expect(faultOf(() => softwareTrap(cpu, 3, 0))).toBe('13(1a)')
  int1(cpu, 0x20001)
  expect(where(cpu)).toBe('8:61000 0 6fec')
})

test('a fault while delivering an external interrupt carries EXT', () => {
  const { cpu } = user()
  gate(cpu, 0x20, 0x0e, 0x60000) // not present
  gate(cpu, 11, 0x8e, 0x70000)
  externalInterrupt(cpu, 0x20)
  expect(where(cpu)).toBe('8:70000 0 6fe8')
  expect(dwords(cpu, 0x6fe8, 3)).toBe('103 20000 1b')
})

test('double fault conditions of table 6-5', () => {
  for (const [first, missing, expected] of [
    [13, 13, '8'], // contributory, contributory
    [14, 14, '8'], // page fault, contributory: #NP for its own gate
    [0, 0, '8'],
    [6, 6, '11'], // benign first: the second is delivered alone
  ] as const) {
    const { cpu } = kernel()
    for (const vector of [8, 11]) gate(cpu, vector, 0x8e, vector * 0x1000)
    gate(cpu, missing, 0x0e, 0)
    raise(cpu, new GuestFault(first, first === 6 || first === 0 ? -1 : 0))
    expect([first, (cpu.u32[EIP >> 2]! / 0x1000).toString()]).toEqual([first, expected])
    expect(dwords(cpu, cpu.u32[ESP >> 2]!, 1)).toBe(expected === '8' ? '0' : (missing * 8 + 3).toString(16))
  }
})

test('a fault while delivering a double fault shuts the processor down', () => {
  const { cpu, log } = kernel()
  cpu.u32[IDTR_LIMIT >> 2] = 0
  raise(cpu, new GuestFault(13, 0))
  expect(log).toEqual(['shutdown'])
  expect(cpu.shutDown).toBe(true)
})

test('#PF sets CR2', () => {
  const { cpu } = kernel()
  gate(cpu, 14, 0x8e, 0x40000)
  raise(cpu, new GuestFault(14, 2, 0xdeadb000))
  expect(cpu.u32[CR2 >> 2]).toBe(0xdeadb000)
  expect(dwords(cpu, 0x7ff0, 2)).toBe('2 10000')
})

test('a 16-bit gate pushes words', () => {
  const { cpu } = kernel()
  gate(cpu, 13, 0x86, 0x4000)
  raise(cpu, new GuestFault(13, 0x28))
  expect(where(cpu)).toBe('8:4000 0 7ff8')
  expect([0, 2, 4, 6].map(i => peek16(cpu, 0x7ff8 + i).toString(16))).toEqual(['28', '0', '8', '2'])
})

test('real mode: the vector table, three words, IF and TF cleared (SDM 3A 20.1.4)', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0, 0xffff, CODE0, 0)
  writeDescriptor(cpu, 0x48, 0, 0xffff, 0x93, 0)
  jumpFar(cpu, 0x40, 0x100, 2, 0)
  loadSegment(cpu, SEG_SS, 0x48)
  writeCr(cpu, 0, cpu.u32[CR0 >> 2]! & ~1)
  jumpFar(cpu, 0x10, 0x20, 2, 0)
  cpu.u32[IDTR_BASE >> 2] = 0
  cpu.u32[IDTR_LIMIT >> 2] = 0x3ff
  poke32(cpu, 0x21 * 4, 0x12345678)
  cpu.setEflags(0x302)
  softwareInterrupt(cpu, 0x21, 0x22)
  expect(where(cpu)).toBe('1234:5678 0 7ffa')
  expect([0, 2, 4].map(i => peek16(cpu, 0x7ffa + i).toString(16))).toEqual(['22', '10', '302'])
  expect(cpu.getEflags()).toBe(2)
  iret(cpu, 2, 0)
  expect(where(cpu)).toBe('10:22 0 8000')
  expect(cpu.getEflags()).toBe(0x302)
  cpu.u32[IDTR_LIMIT >> 2] = 0x21 * 4 + 2
  expect(faultOf(() => softwareInterrupt(cpu, 0x21, 0))).toBe('13(0)')
})

/** Virtual-8086 mode at 1000:0010, stack 2000:0100, with this IOPL. */
function v86(iopl: number): ReturnType<typeof bench> {
  const b = kernel()
  returnTo(b.cpu, 0x10, 0x1000, 0x20202 | (iopl << 12), 0x100, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000)
  return b
}

test('IRET to virtual-8086 mode and an interrupt out of it (SDM 3A 20.2.5, 20.3.1)', () => {
  const { cpu } = v86(3)
  expect(where(cpu)).toBe('1000:10 3 100')
  expect(cpu.linear(SEG_DS, 4, 1, true)).toBe(0x40004)
  expect(cpu.linear(SEG_FS, 4, 1, true)).toBe(0x50004)
  gate(cpu, 0x21, 0xee, 0x40000)
  softwareInterrupt(cpu, 0x21, 0x12)
  expect(where(cpu)).toBe('8:40000 0 6fdc')
  expect(dwords(cpu, 0x6fdc, 9)).toBe('12 1000 23202 100 2000 3000 4000 5000 6000')
  expect(cpu.getEflags() & FLAG_VM).toBe(0)
  expect([selectorOf(cpu, SEG_DS), selectorOf(cpu, SEG_GS)]).toEqual([0, 0])
  iret(cpu, 4, 0)
  expect(where(cpu)).toBe('1000:12 3 100')
  expect(cpu.getEflags() & FLAG_VM).toBe(FLAG_VM)
})

test('virtual-8086 mode: INT n below IOPL 3 is #GP(0), INT3 is not; handlers must be at level 0', () => {
  const { cpu } = v86(0)
  gate(cpu, 0x21, 0xee, 0x40000)
  gate(cpu, 3, 0xee, 0x40000)
  expect(faultOf(() => softwareInterrupt(cpu, 0x21, 0))).toBe('13(0)')
  expect(faultOf(() => iret(cpu, 2, 0))).toBe('13(0)')
  softwareTrap(cpu, 3, 0x11)
  expect(where(cpu)).toBe('8:40000 0 6fdc')
  const other = v86(3).cpu
  writeDescriptor(other, 0x40, 0, 0xfffff, 0xbb, FLAT) // code, DPL 1
  gate(other, 0x21, 0xee, 0x40000, 0x40)
  expect(faultOf(() => softwareInterrupt(other, 0x21, 0))).toBe('13(40)')
})

test('IRET at level 3 leaves IF and IOPL alone (SDM 2, IRET)', () => {
  const { cpu } = user()
  pokeAll(cpu, 0x9000, [0x20100, 0x1b, 0x3002])
  iret(cpu, 4, 0)
  expect(where(cpu)).toBe('1b:20100 3 900c')
  expect(cpu.getEflags()).toBe(0x202)
})

test('NMI blocks further ones until IRET; IRET clears it', () => {
  const { cpu } = kernel()
  gate(cpu, 2, 0x8e, 0x40000)
  cpu.halted = true
  nonMaskableInterrupt(cpu)
  expect([cpu.nmiBlocked, cpu.halted, where(cpu)]).toEqual([true, false, '8:40000 0 7ff4'])
  iret(cpu, 4, 0)
  expect(cpu.nmiBlocked).toBe(false)
})

test('a debug trap writes DR6 once delivered; other faults discard what was noted', () => {
  const { cpu } = kernel()
  gate(cpu, 1, 0x8e, 0x40000)
  gate(cpu, 13, 0x8e, 0x40000)
  cpu.setEflags(FLAG_TF | FLAG_IF)
  cpu.armDebugTrap(0x4000)
  raiseDebugTrap(cpu)
  expect(cpu.u32[(DR + 48) >> 2]).toBe(0xffff4ff0)
  expect(dwords(cpu, 0x7ff4, 3)).toBe('10000 8 302')
  cpu.armDebugTrap(1)
  raise(cpu, new GuestFault(13, 0))
  expect(cpu.pendingDr6).toBe(0)
  expect(cpu.u32[(DR + 48) >> 2]).toBe(0xffff4ff0)
})
