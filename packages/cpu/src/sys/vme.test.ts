import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { CR4, CR4_PVI, CR4_VME, EFLAGS_SYS, ESP, FLAG_IF, FLAG_VIF, FLAG_VIP, FLAG_VM, VEC_GP } from '../state.ts'
import { bench, faultOf, IDT, peek16, poke32, pokeAll, TSS, where, writeGate } from '../testbench.ts'
import { hasVirtualIf, popf, pushfValue } from './eflags-ops.ts'
import { softwareInterrupt } from './interrupts.ts'
import { iret } from './return.ts'
import { ltr } from './tables.ts'
import { setVif } from './vme.ts'

const MAP = 0x100

/** A virtual-8086 task at 1000:0010, stack 2000:0100, with a redirection bitmap in its TSS. */
function v86(iopl: number, flags = 0): Processor {
  const { cpu } = bench()
  poke32(cpu, TSS + 4, 0x7000)
  poke32(cpu, TSS + 8, 0x10)
  poke32(cpu, TSS + 100, MAP << 16)
  ltr(cpu, 0x28)
  cpu.u32[CR4 >> 2] = CR4_VME
  const frame = [0x10, 0x1000, FLAG_VM | 0x202 | (iopl << 12) | flags, 0x100, 0x2000, 0, 0, 0, 0]
  pokeAll(cpu, 0x8000, frame)
  iret(cpu, 4, 0)
  return cpu
}

/** Sets a bit of the redirection bitmap: the interrupt goes to the protected-mode handler. */
function monitor(cpu: Processor, vector: number): void {
  cpu.writeSys8(TSS + MAP - 32 + (vector >> 3), 1 << (vector & 7))
}

const stack16 = (cpu: Processor): string[] =>
  [0, 2, 4].map(i => peek16(cpu, 0x20000 + (cpu.u32[ESP >> 2]! & 0xffff) + i).toString(16))

/** CLI or STI above IOPL, as the helpers do it. */
function virtualIf(cpu: Processor, on: boolean): void {
  if (!hasVirtualIf(cpu)) throw new GuestFault(VEC_GP, 0)
  setVif(cpu, on)
}

test('a clear bit redirects INT n to the program; IF is VIF below IOPL 3 (SDM 3A 20.3.3.4, method 6)', () => {
  const cpu = v86(0, FLAG_VIF)
  poke32(cpu, 0x21 * 4, 0x30000040)
  softwareInterrupt(cpu, 0x21, 0x12)
  expect(where(cpu)).toBe('3000:40 3 fa')
  expect(stack16(cpu)).toEqual(['12', '1000', '3202'])
  expect(cpu.getEflags() & (FLAG_VIF | FLAG_IF)).toBe(FLAG_IF)
  iret(cpu, 2, 0)
  expect(where(cpu)).toBe('1000:12 3 100')
  expect(cpu.getEflags() & FLAG_VIF).toBe(FLAG_VIF)
})

test('with IOPL 3 the real IF is pushed and cleared (method 5)', () => {
  const cpu = v86(3)
  poke32(cpu, 0x21 * 4, 0x30000040)
  softwareInterrupt(cpu, 0x21, 0x12)
  expect(stack16(cpu)).toEqual(['12', '1000', '3202'])
  expect(cpu.getEflags() & FLAG_IF).toBe(0)
})

test('a set bit: the monitor, or #GP(0) below IOPL 3 (methods 2 to 4)', () => {
  const cpu = v86(3)
  monitor(cpu, 0x21)
  writeGate(cpu, IDT + 0x21 * 8, 0x08, 0x40000, 0xee)
  softwareInterrupt(cpu, 0x21, 0x12)
  expect(where(cpu)).toBe('8:40000 0 6fdc')
  const low = v86(0)
  monitor(low, 0x21)
  expect(faultOf(() => softwareInterrupt(low, 0x21, 0x12))).toBe('13(0)')
})

test('CLI, STI, PUSHF, POPF on VIF; VIP makes STI and POPF fault', () => {
  const cpu = v86(0)
  virtualIf(cpu, true)
  expect(cpu.getEflags() & FLAG_VIF).toBe(FLAG_VIF)
  expect(pushfValue(cpu, 2)).toBe(0x3202)
  expect(faultOf(() => pushfValue(cpu, 4))).toBe('13(0)')
  virtualIf(cpu, false)
  expect(pushfValue(cpu, 2)).toBe(0x3002)
  popf(cpu, 0x0203, 2)
  expect(cpu.getEflags() & (FLAG_VIF | FLAG_IF | 1)).toBe(FLAG_VIF | FLAG_IF | 1)
  expect(faultOf(() => popf(cpu, 0x0100, 2))).toBe('13(0)') // TF
  cpu.u32[EFLAGS_SYS >> 2]! |= FLAG_VIP
  expect(faultOf(() => popf(cpu, 0x0200, 2))).toBe('13(0)')
  expect(faultOf(() => virtualIf(cpu, true))).toBe('13(0)')
  popf(cpu, 0, 2)
  expect(cpu.getEflags() & FLAG_VIF).toBe(0)
})

test('without VME, IOPL decides alone', () => {
  const cpu = v86(0)
  cpu.u32[CR4 >> 2] = 0
  for (const action of [
    () => virtualIf(cpu, false),
    () => virtualIf(cpu, true),
    () => pushfValue(cpu, 2),
    () => popf(cpu, 0, 2),
  ]) {
    expect(faultOf(action)).toBe('13(0)')
  }
  const high = v86(3)
  high.u32[CR4 >> 2] = 0
  popf(high, 0x0202, 2)
  // IOPL is not changed by POPF in virtual-8086 mode.
  expect(high.getEflags()).toBe(FLAG_VM | 0x3202)
})

test('protected-mode virtual interrupts: level 3 uses VIF under PVI (SDM 3A 20.4)', () => {
  const { cpu } = bench()
  cpu.setCpl(3)
  expect(faultOf(() => virtualIf(cpu, false))).toBe('13(0)')
  cpu.u32[CR4 >> 2] = CR4_PVI
  virtualIf(cpu, true)
  expect(cpu.getEflags() & (FLAG_VIF | FLAG_IF)).toBe(FLAG_VIF)
  virtualIf(cpu, false)
  expect(cpu.getEflags() & FLAG_VIF).toBe(0)
})

test('POPF filters by level (SDM 2)', () => {
  const { cpu } = bench()
  popf(cpu, 0xffffffff, 4)
  // CPL 0: everything but VM and RF; VIF and VIP are cleared.
  expect(cpu.getEflags()).toBe(0x247fd7)
  expect(pushfValue(cpu, 4)).toBe(0x247fd7)
  popf(cpu, 0, 4)
  cpu.setCpl(3)
  popf(cpu, 0xffffffff, 4)
  expect(cpu.getEflags()).toBe(0x244dd7)
  popf(cpu, 0, 2)
  expect(cpu.getEflags()).toBe(0x240002)
})
