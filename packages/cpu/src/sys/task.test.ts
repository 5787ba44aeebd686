import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR3,
  DR,
  EAX,
  EDI,
  EIP,
  ESP,
  FLAG_NT,
  SEG_DS,
  SEG_LDTR,
  SEG_SS,
} from '../state.ts'
import {
  bench,
  dwords,
  faultOf,
  GDT,
  IDT,
  LDT,
  peek16,
  peek32,
  poke32,
  selectorOf,
  TSS,
  where,
  writeDescriptor,
  writeGate,
} from '../testbench.ts'
import { writeCr } from './control.ts'
import { fetchDescriptor } from './descriptors.ts'
import { raise } from './interrupts.ts'
import { iret } from './return.ts'
import { ltr, str } from './tables.ts'
import { taskSwitch } from './task.ts'
import { callFar, jumpFar } from './transfer.ts'

/** The second task's TSS and descriptor. */
const TSS2 = 0x5000
const NEW = 0x40
const TSS3 = 0x5100

interface Task {
  eip?: number
  eflags?: number
  esp?: number
  es?: number
  cs?: number
  ss?: number
  ds?: number
  ldt?: number
  cr3?: number
  trap?: number
}

function writeTss32(cpu: Processor, at: number, t: Task): void {
  poke32(cpu, at + 28, t.cr3 ?? 0)
  poke32(cpu, at + 32, t.eip ?? 0x30000)
  poke32(cpu, at + 36, t.eflags ?? 2)
  for (let i = 0; i < 8; i++) poke32(cpu, at + 40 + i * 4, 0x100 + i)
  poke32(cpu, at + 56, t.esp ?? 0x6000)
  poke32(cpu, at + 72, t.es ?? 0x10)
  poke32(cpu, at + 76, t.cs ?? 0x08)
  poke32(cpu, at + 80, t.ss ?? 0x10)
  poke32(cpu, at + 84, t.ds ?? 0x10)
  poke32(cpu, at + 88, 0)
  poke32(cpu, at + 92, 0)
  poke32(cpu, at + 96, t.ldt ?? 0)
  poke32(cpu, at + 100, t.trap ?? 0)
}

function tasks(t: Task = {}): ReturnType<typeof bench> {
  const b = bench()
  ltr(b.cpu, 0x28)
  writeDescriptor(b.cpu, NEW, TSS2, 0x67, 0x89, 0)
  writeTss32(b.cpu, TSS2, t)
  return b
}

const busy = (cpu: Processor, selector: number): boolean => (peek32(cpu, GDT + selector + 4) & 0x200) !== 0

test('JMP to a TSS saves the old task, loads the new one, moves the busy bit (SDM 3A 7.3, table 7-2)', () => {
  const { cpu } = tasks()
  cpu.u32[EAX >> 2] = 0xaaaa
  cpu.u32[EDI >> 2] = 0xdddd
  cpu.setEflags(0x203)
  jumpFar(cpu, NEW, 0, 4, 0x10007)
  expect(where(cpu)).toBe('8:30000 0 6000')
  expect([cpu.u32[EAX >> 2], cpu.u32[EDI >> 2]]).toEqual([0x100, 0x107])
  expect(cpu.getEflags()).toBe(2)
  expect([busy(cpu, 0x28), busy(cpu, NEW), str(cpu)]).toEqual([false, true, NEW])
  expect(cpu.u32[CR0 >> 2]! & CR0_TS).toBe(CR0_TS)
  expect(dwords(cpu, TSS + 32, 3)).toBe('10007 203 aaaa')
  expect(dwords(cpu, TSS + 56, 1)).toBe('8000')
  expect([peek16(cpu, TSS + 72), peek16(cpu, TSS + 76), peek16(cpu, TSS + 80)]).toEqual([0x10, 8, 0x10])
  jumpFar(cpu, 0x28, 0, 4, 0x30007)
  expect(where(cpu)).toBe('8:10007 0 8000')
  expect(cpu.getEflags()).toBe(0x203)
})

test('CALL nests: link, NT, both busy; IRET goes back and clears NT in the saved image', () => {
  const { cpu } = tasks()
  callFar(cpu, NEW, 0, 4, 0x10007)
  expect(cpu.getEflags()).toBe(2 | FLAG_NT)
  expect([busy(cpu, 0x28), busy(cpu, NEW)]).toEqual([true, true])
  expect(peek16(cpu, TSS2)).toBe(0x28)
  iret(cpu, 4, 0x30001)
  expect(where(cpu)).toBe('8:10007 0 8000')
  expect([busy(cpu, 0x28), busy(cpu, NEW)]).toEqual([true, false])
  expect(dwords(cpu, TSS2 + 32, 2)).toBe('30001 2')
})

test('a task gate: exception with error code on the new stack, resuming at the faulting instruction', () => {
  const { cpu } = tasks()
  writeGate(cpu, IDT + 8 * 10, NEW, 0, 0x85)
  raise(cpu, new GuestFault(10, 0x55))
  expect(where(cpu)).toBe('8:30000 0 5ffc')
  expect(dwords(cpu, 0x5ffc, 1)).toBe('55')
  expect(peek32(cpu, TSS + 32)).toBe(0x10000)
  writeGate(cpu, GDT + 0x48, 0x28, 0, 0x85)
  expect(faultOf(() => jumpFar(cpu, 0x48, 0, 4, 0))).toBe('13(28)') // busy
})

test('selector checks before the switch', () => {
  const { cpu } = tasks()
  expect(faultOf(() => jumpFar(cpu, 0x28, 0, 4, 0))).toBe('13(28)') // busy
  writeDescriptor(cpu, NEW, TSS2, 0x66, 0x89, 0)
  expect(faultOf(() => jumpFar(cpu, NEW, 0, 4, 0))).toBe('10(40)') // limit below 67H
  writeDescriptor(cpu, NEW, TSS2, 0x67, 0x09, 0)
  expect(faultOf(() => jumpFar(cpu, NEW, 0, 4, 0))).toBe('11(40)')
  cpu.setEflags(FLAG_NT)
  poke32(cpu, TSS, NEW)
  writeDescriptor(cpu, NEW, TSS2, 0x67, 0x89, 0)
  expect(faultOf(() => iret(cpu, 4, 0))).toBe('10(40)') // the link must be busy
  expect(where(cpu)).toBe('8:10000 0 8000')
})

test('faults of the new segments belong to the new task (SDM 3A 7.3, table 7-1)', () => {
  for (const [task, expected] of [
    [{ ss: 0 }, '10(0)'],
    [{ ss: 0x20 }, '10(20)'],
    [{ ds: 0x28 }, '10(28)'],
    [{ cs: 0x10 }, '10(10)'],
    [{ cs: 0 }, '10(0)'],
    [{ ldt: 0x10 }, '10(10)'],
    [{ ldt: 0x4c }, '10(4c)'],
    [{ ds: 0x60 }, '11(60)'],
    [{ ss: 0x60 }, '12(60)'],
    [{ cs: 0x68 }, '11(68)'],
  ] as [Task, string][]) {
    const { cpu } = tasks(task)
    writeDescriptor(cpu, 0x60, 0, 0xfffff, 0x13, 0xc)
    writeDescriptor(cpu, 0x68, 0, 0xfffff, 0x1b, 0xc)
    const d = fetchDescriptor(cpu, NEW)
    expect([task, faultOf(() => taskSwitch(cpu, d, 'jmp', 0))]).toEqual([task, expected])
    expect([cpu.u32[EIP >> 2], str(cpu)]).toEqual([0x30000, NEW])
  }
  const { cpu } = tasks({ eip: 0x1000 })
  writeDescriptor(cpu, 0x08, 0, 0xfff, 0x9b, 0x4)
  const d = fetchDescriptor(cpu, NEW)
  expect(faultOf(() => taskSwitch(cpu, d, 'jmp', 0))).toBe('13(0)')
})

test('such a fault is delivered in the new task, at its EIP', () => {
  const { cpu } = tasks({ ds: 0x28 })
  writeGate(cpu, IDT + 8 * 10, 0x48, 0, 0x85)
  writeDescriptor(cpu, 0x48, TSS3, 0x67, 0x89, 0)
  writeTss32(cpu, TSS3, { eip: 0x70000, esp: 0x4000 })
  expect(faultOf(() => jumpFar(cpu, NEW, 0, 4, 0x10007))).toBe('')
  expect([where(cpu), str(cpu)]).toEqual(['8:70000 0 3ffc', 0x48])
  expect(dwords(cpu, 0x3ffc, 1)).toBe('28')
  expect([peek16(cpu, TSS3), peek32(cpu, TSS2 + 32)]).toEqual([NEW, 0x30000])
})

test('level, LDT and virtual-8086 mode come from the new TSS', () => {
  const { cpu } = tasks({ cs: 0x1b, ss: 0x23, ds: 0x0f, es: 0, ldt: 0x48 })
  writeDescriptor(cpu, 0x48, LDT, 0xff, 0x82, 0)
  writeDescriptor(cpu, 0x0c, 0x7000, 0xff, 0xf2, 0x4)
  jumpFar(cpu, NEW, 0, 4, 0)
  expect(where(cpu)).toBe('1b:30000 3 6000')
  expect(cpu.linear(SEG_DS, 1, 1, true)).toBe(0x7001)
  expect([selectorOf(cpu, SEG_LDTR), selectorOf(cpu, SEG_SS)]).toEqual([0x48, 0x23])
  const v = tasks({ cs: 0x1234, ss: 0x100, ds: 0x200, es: 0x300, eflags: 0x20002, eip: 8 }).cpu
  jumpFar(v, NEW, 0, 4, 0)
  expect(where(v)).toBe('1234:8 3 6000')
  expect(v.linear(SEG_DS, 1, 1, true)).toBe(0x2001)
})

test('the T bit traps after the switch; local breakpoints are switched off (SDM 3B 17.3.1.5, 17.2.4)', () => {
  const { cpu } = tasks({ trap: 1 })
  cpu.u32[(DR + 56) >> 2] = 0x4ff
  jumpFar(cpu, NEW, 0, 4, 0)
  expect(cpu.pendingDr6).toBe(0x8000)
  expect(cpu.u32[(DR + 56) >> 2]).toBe(0x4aa)
})

test('CR3 comes from a 32-bit TSS when paging is on', () => {
  const { cpu } = tasks({ cr3: 0x110000 })
  for (const pd of [0x100000, 0x110000]) {
    poke32(cpu, pd, 0x101007)
    poke32(cpu, pd + 4, pd === 0x110000 ? 0x101007 : 0)
  }
  for (let i = 0; i < 1024; i++) poke32(cpu, 0x101000 + i * 4, (i << 12) | 7)
  writeCr(cpu, 3, 0x100000)
  writeCr(cpu, 0, CR0_PE | CR0_PG)
  expect(faultOf(() => cpu.read8(0x400000))).toBe('14(0)')
  jumpFar(cpu, NEW, 0, 4, 0)
  expect(cpu.u32[CR3 >> 2]).toBe(0x110000)
  expect(cpu.read8(0x400000)).toBe(0)
})

test('a TSS on an absent page faults with nothing switched', () => {
  const { cpu } = tasks()
  poke32(cpu, 0x100000, 0x101007)
  for (let i = 0; i < 1024; i++) poke32(cpu, 0x101000 + i * 4, (i << 12) | 7)
  poke32(cpu, 0x101000 + (TSS2 >> 12) * 4, 0)
  writeCr(cpu, 3, 0x100000)
  writeCr(cpu, 0, CR0_PE | CR0_PG)
  expect(faultOf(() => jumpFar(cpu, NEW, 0, 4, 0))).toBe('14(0)')
  expect([where(cpu), str(cpu), busy(cpu, 0x28), busy(cpu, NEW)]).toEqual(['8:10000 0 8000', 0x28, true, false])
  expect(peek32(cpu, TSS + 32)).toBe(0)
})

test('a 16-bit TSS (SDM 3A 7.6)', () => {
  const { cpu } = tasks()
  writeDescriptor(cpu, 0x50, TSS2, 0x2b, 0x81, 0)
  const words = [0, 0, 0, 0, 0, 0, 0, 0x4000, 2, 1, 2, 3, 4, 0x6000, 6, 7, 8, 0x10, 8, 0x10, 0x10, 0]
  for (const [i, value] of words.entries()) cpu.writeSys16(TSS2 + i * 2, value)
  jumpFar(cpu, 0x50, 0, 4, 0x10007)
  expect(cpu.u32[EIP >> 2]).toBe(0x4000)
  expect(cpu.u32[ESP >> 2]! & 0xffff).toBe(0x6000)
  expect(cpu.u32[EAX >> 2]! & 0xffff).toBe(1)
  cpu.u32[EAX >> 2] = 0x12345678
  jumpFar(cpu, 0x28, 0, 4, 0x4005)
  expect(where(cpu)).toBe('8:10007 0 8000')
  expect([peek16(cpu, TSS2 + 14), peek16(cpu, TSS2 + 18), peek16(cpu, TSS2 + 20)]).toEqual([0x4005, 0x5678, 2])
})
