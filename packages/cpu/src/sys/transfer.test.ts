import { expect, test } from 'vitest'
import type { Processor } from '../processor.ts'
import { CR0, ESP, SEG_DS, SEG_ES, SEG_SS } from '../state.ts'
import {
  bench,
  CODE0,
  CODE3,
  DATA3,
  dwords,
  FLAT,
  faultOf,
  GDT,
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
import { iret, retFar } from './return.ts'
import { loadSegment } from './segments.ts'
import { ltr } from './tables.ts'
import { callFar, jumpFar } from './transfer.ts'

/** Level 3 with stack 9000, and a TSS whose level-0 stack is 10:7000. */
function user(): { cpu: Processor; log: string[] } {
  const { cpu, log } = bench()
  poke32(cpu, TSS + 4, 0x7000)
  poke32(cpu, TSS + 8, 0x10)
  ltr(cpu, 0x28)
  const frame = [0x20000, 0x1b, 0x202, 0x9000, 0x23]
  pokeAll(cpu, 0x8000, frame)
  iret(cpu, 4, 0)
  return { cpu, log }
}

test('IRET to an outer level loads SS:ESP and nulls what level 3 may not use (SDM 2, IRET)', () => {
  const { cpu } = user()
  expect(where(cpu)).toBe('1b:20000 3 9000')
  expect(selectorOf(cpu, SEG_SS)).toBe(0x23)
  expect(selectorOf(cpu, SEG_DS)).toBe(0)
  expect(faultOf(() => cpu.linear(SEG_DS, 0, 1, false))).toBe('13(0)')
  expect(cpu.getEflags()).toBe(0x202)
})

test('direct JMP: same level only, conforming from below (SDM 2, JMP)', () => {
  const { cpu } = bench()
  jumpFar(cpu, 0x08, 0x12345, 4, 0)
  expect(where(cpu)).toBe('8:12345 0 8000')
  expect(faultOf(() => jumpFar(cpu, 0, 0, 4, 0))).toBe('13(0)')
  expect(faultOf(() => jumpFar(cpu, 0x10, 0, 4, 0))).toBe('13(10)')
  expect(faultOf(() => jumpFar(cpu, 0x18, 0, 4, 0))).toBe('13(18)')
  expect(faultOf(() => jumpFar(cpu, 0x0b, 0, 4, 0))).toBe('13(8)')
  writeDescriptor(cpu, 0x40, 0, 0xfff, CODE0, 0x4)
  expect(faultOf(() => jumpFar(cpu, 0x40, 0x1000, 4, 0))).toBe('13(0)')
  writeDescriptor(cpu, 0x40, 0, 0xfff, 0x1b, 0x4)
  expect(faultOf(() => jumpFar(cpu, 0x40, 0, 4, 0))).toBe('11(40)')
  const u = user().cpu
  writeDescriptor(u, 0x40, 0, 0xfffff, 0x9e, FLAT)
  jumpFar(u, 0x40, 0x500, 4, 0)
  expect(where(u)).toBe('43:500 3 9000')
})

test('CALL and RETF at one level push and pop by operand size', () => {
  const { cpu } = bench()
  callFar(cpu, 0x08, 0x12340, 4, 0x10007)
  expect(where(cpu)).toBe('8:12340 0 7ff8')
  expect(dwords(cpu, 0x7ff8, 2)).toBe('10007 8')
  retFar(cpu, 4, 8)
  expect(where(cpu)).toBe('8:10007 0 8008')
  callFar(cpu, 0x08, 0x2340, 2, 0x1007)
  expect(dwords(cpu, 0x8004, 1)).toBe('81007')
  retFar(cpu, 2, 0)
  expect(where(cpu)).toBe('8:1007 0 8008')
})

test('a call gate to level 0 switches stacks and copies parameters; RETF undoes it (SDM 3A 5.8.5, 5.8.6)', () => {
  const { cpu } = user()
  writeGate(cpu, GDT + 0x48, 0x08, 0x30000, 0xec, 2)
  loadSegment(cpu, SEG_DS, 0x23)
  poke32(cpu, 0x9000, 0x111)
  poke32(cpu, 0x9004, 0x222)
  callFar(cpu, 0x4b, 0xdead, 4, 0x20007)
  expect(where(cpu)).toBe('8:30000 0 6fe8')
  expect(selectorOf(cpu, SEG_SS)).toBe(0x10)
  expect(dwords(cpu, 0x6fe8, 6)).toBe('20007 1b 111 222 9000 23')
  retFar(cpu, 4, 8)
  expect(where(cpu)).toBe('1b:20007 3 9008')
  expect(selectorOf(cpu, SEG_SS)).toBe(0x23)
  expect(selectorOf(cpu, SEG_DS)).toBe(0x23)
})

test('a 16-bit call gate pushes words', () => {
  const { cpu } = user()
  writeGate(cpu, GDT + 0x48, 0x08, 0x3000, 0xe4, 1)
  poke32(cpu, 0x9000, 0xbeef)
  callFar(cpu, 0x4b, 0, 4, 0x20007)
  expect(where(cpu)).toBe('8:3000 0 6ff6')
  expect([0, 1, 2, 3, 4].map(i => peek16(cpu, 0x6ff6 + i * 2).toString(16))).toEqual(['7', '1b', 'beef', '9000', '23'])
})

test('call gate checks (SDM 2, CALL)', () => {
  const { cpu } = user()
  writeGate(cpu, GDT + 0x48, 0x08, 0x30000, 0x8c)
  expect(faultOf(() => callFar(cpu, 0x4b, 0, 4, 0))).toBe('13(48)') // gate DPL 0 from level 3
  writeGate(cpu, GDT + 0x48, 0x08, 0x30000, 0x6c)
  expect(faultOf(() => callFar(cpu, 0x4b, 0, 4, 0))).toBe('11(48)')
  writeGate(cpu, GDT + 0x48, 0, 0x30000, 0xec)
  expect(faultOf(() => callFar(cpu, 0x4b, 0, 4, 0))).toBe('13(0)')
  writeGate(cpu, GDT + 0x48, 0x10, 0x30000, 0xec)
  expect(faultOf(() => callFar(cpu, 0x4b, 0, 4, 0))).toBe('13(10)')
  writeGate(cpu, GDT + 0x48, 0x08, 0x30000, 0xec)
  expect(faultOf(() => jumpFar(cpu, 0x4b, 0, 4, 0))).toBe('13(8)') // JMP may not change level
  // The stack of the TSS: null, bad, absent (#TS, #TS, #SS with its selector).
  poke32(cpu, TSS + 8, 0)
  expect(faultOf(() => callFar(cpu, 0x4b, 0, 4, 0))).toBe('10(0)')
  poke32(cpu, TSS + 8, 0x20)
  expect(faultOf(() => callFar(cpu, 0x4b, 0, 4, 0))).toBe('10(20)')
  writeDescriptor(cpu, 0x50, 0, 0xfffff, 0x13, FLAT)
  poke32(cpu, TSS + 8, 0x50)
  expect(faultOf(() => callFar(cpu, 0x4b, 0, 4, 0))).toBe('12(50)')
  writeDescriptor(cpu, 0x50, 0, 0xf, 0x93, 0x4)
  poke32(cpu, TSS + 4, 8)
  expect(faultOf(() => callFar(cpu, 0x4b, 0, 4, 0))).toBe('12(50)') // no room for four dwords
  expect(where(cpu)).toBe('1b:20000 3 9000')
})

test('RETF checks: inner level, null, stack selector (SDM 2, RET)', () => {
  const { cpu } = user()
  const stack = (...values: number[]): void => pokeAll(cpu, 0x9000, values)
  stack(0x100, 0x08)
  expect(faultOf(() => retFar(cpu, 4, 0))).toBe('13(8)')
  stack(0x100, 0)
  expect(faultOf(() => retFar(cpu, 4, 0))).toBe('13(0)')
  stack(0x100, 0x1b)
  writeDescriptor(cpu, 0x18, 0, 0xff, CODE3, 0x4)
  expect(faultOf(() => retFar(cpu, 4, 0))).toBe('13(0)')
  const k = bench().cpu
  const put = (...values: number[]): void => pokeAll(k, 0x8000, values)
  put(0x100, 0x1b, 0x9000, 0)
  expect(faultOf(() => retFar(k, 4, 0))).toBe('13(0)')
  put(0x100, 0x1b, 0x9000, 0x10)
  expect(faultOf(() => retFar(k, 4, 0))).toBe('13(10)')
  writeDescriptor(k, 0x20, 0, 0xfffff, DATA3 & 0x7f, FLAT)
  put(0x100, 0x1b, 0x9000, 0x23)
  expect(faultOf(() => retFar(k, 4, 0))).toBe('12(20)')
  expect(where(k)).toBe('8:10000 0 8000')
})

test('a 16-bit stack segment keeps the high half of ESP', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0, 0xffff, 0x93, 0)
  loadSegment(cpu, SEG_SS, 0x40)
  cpu.u32[ESP >> 2] = 0xabcd0000
  callFar(cpu, 0x08, 0x100, 4, 0x55)
  expect(cpu.u32[ESP >> 2]!.toString(16)).toBe('abcdfff8')
  expect(dwords(cpu, 0xfff8, 2)).toBe('55 8')
})

test('real mode: far call and return, 64 KB limit', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0, 0xffff, CODE0, 0)
  writeDescriptor(cpu, 0x48, 0, 0xffff, 0x93, 0)
  jumpFar(cpu, 0x40, 0x100, 2, 0)
  loadSegment(cpu, SEG_SS, 0x48)
  loadSegment(cpu, SEG_ES, 0x48)
  writeCr(cpu, 0, cpu.u32[CR0 >> 2]! & ~1)
  jumpFar(cpu, 0x1000, 0x20, 2, 0)
  loadSegment(cpu, SEG_SS, 0x200)
  cpu.u32[ESP >> 2] = 0x100
  expect(faultOf(() => callFar(cpu, 0x2000, 0x10000, 4, 0))).toBe('13(0)')
  callFar(cpu, 0x2000, 0x30, 2, 0x25)
  expect(where(cpu)).toBe('2000:30 0 fc')
  expect(dwords(cpu, 0x20fc, 1)).toBe('10000025')
  expect(cpu.linear(1, 0, 1, false)).toBe(0x20000)
  retFar(cpu, 2, 2)
  expect(where(cpu)).toBe('1000:25 0 102')
})
