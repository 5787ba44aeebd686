import { expect, test } from 'vitest'
import { CR4, CR4_DE, DR, FLAG_RF, TLB_SUPERVISOR_READ } from '../state.ts'
import { bench, faultOf } from '../testbench.ts'
import { writeCr } from './control.ts'
import { checkExecBreakpoint, readDr, writeDr } from './debug.ts'
import { ioIn, ioOut } from './io.ts'

test('reserved bits of DR6 and DR7; DR4 and DR5 alias them unless CR4.DE (SDM 3B 17.2)', () => {
  const { cpu } = bench()
  writeDr(cpu, 6, 0xffffffff)
  expect(readDr(cpu, 6)).toBe(0xffffefff)
  writeDr(cpu, 6, 0)
  expect(readDr(cpu, 4)).toBe(0xffff0ff0)
  writeDr(cpu, 5, 0)
  expect(readDr(cpu, 7)).toBe(0x400)
  writeDr(cpu, 0, 0x12345678)
  expect(readDr(cpu, 0)).toBe(0x12345678)
  writeCr(cpu, 4, CR4_DE)
  expect(faultOf(() => readDr(cpu, 4))).toBe('6')
  cpu.setCpl(3)
  expect(faultOf(() => readDr(cpu, 0))).toBe('13(0)')
})

test('general detect: #DB with BD before the move (SDM 3B 17.2.4)', () => {
  const { cpu } = bench()
  writeDr(cpu, 7, 0x2000)
  expect(faultOf(() => readDr(cpu, 0))).toBe('1')
  expect(cpu.pendingDr6).toBe(0x2000)
  expect(cpu.u32[(DR + 56) >> 2]).toBe(0x2400)
})

test('instruction breakpoints fault before the instruction, unless RF is set', () => {
  const { cpu } = bench()
  writeDr(cpu, 1, 0x10004)
  writeDr(cpu, 7, 0x8)
  expect(faultOf(() => checkExecBreakpoint(cpu, 0x10003))).toBe('')
  expect(faultOf(() => checkExecBreakpoint(cpu, 0x10004))).toBe('1')
  expect(cpu.pendingDr6).toBe(2)
  cpu.setEflags(FLAG_RF)
  expect(faultOf(() => checkExecBreakpoint(cpu, 0x10004))).toBe('')
})

test('data breakpoints: any byte of an aligned range, writes or both, on whatever page they lie', () => {
  const { cpu } = bench()
  cpu.write32(0x50000, 1)
  writeDr(cpu, 0, 0x50006)
  writeDr(cpu, 2, 0x50100)
  writeDr(cpu, 7, (0b0101 << 16) | 2 | (0b1111 << 24) | 0x10) // DR0: write, 2 bytes; DR2: read or write, 4 bytes
  expect(cpu.u32[(TLB_SUPERVISOR_READ >> 2) + 0x50]).toBe(0)
  cpu.read32(0x50004)
  cpu.write32(0x50002, 0)
  cpu.write8(0x50005, 0)
  cpu.read8(0x50104)
  expect(cpu.pendingDr6).toBe(0)
  cpu.write8(0x50007, 1)
  expect(cpu.pendingDr6).toBe(1)
  cpu.pendingDr6 = 0
  cpu.read16(0x500ff)
  expect(cpu.pendingDr6).toBe(4)
  expect(cpu.u32[(TLB_SUPERVISOR_READ >> 2) + 0x50]).toBe(0)
  writeDr(cpu, 7, 0)
  cpu.pendingDr6 = 0
  cpu.write8(0x50007, 1)
  expect(cpu.pendingDr6).toBe(0)
  expect(cpu.u32[(TLB_SUPERVISOR_READ >> 2) + 0x50]).not.toBe(0)
})

test('a data breakpoint that a page crossing reaches on its second page', () => {
  const { cpu } = bench()
  writeDr(cpu, 3, 0x51000)
  writeDr(cpu, 7, (0b0001 << 28) | 0x40)
  cpu.write32(0x50ffe, 0)
  expect(cpu.pendingDr6).toBe(8)
})

test('I/O breakpoints need CR4.DE', () => {
  const { cpu } = bench()
  writeDr(cpu, 0, 0x60)
  writeDr(cpu, 7, (0b0010 << 16) | 1)
  ioOut(cpu, 0x60, 1, 0)
  expect(cpu.pendingDr6).toBe(0)
  writeCr(cpu, 4, cpu.u32[CR4 >> 2]! | CR4_DE)
  ioIn(cpu, 0x5f, 1)
  expect(cpu.pendingDr6).toBe(0)
  ioIn(cpu, 0x5f, 2)
  expect(cpu.pendingDr6).toBe(1)
})
