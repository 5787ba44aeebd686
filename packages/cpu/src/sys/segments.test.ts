import { expect, test } from 'vitest'
import type { Processor } from '../processor.ts'
import {
  CR0,
  FLAG_VM,
  SEG,
  SEG_ATTR,
  SEG_BASE,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_LDTR,
  SEG_LIMIT,
  SEG_READ_LIMIT,
  SEG_SIZE,
  SEG_SS,
  SEG_TR,
  SEG_WRITE_LIMIT,
} from '../state.ts'
import { bench, DATA0, FLAT, faultOf, GDT, LDT, peek32, poke32, selectorOf, writeDescriptor } from '../testbench.ts'
import { writeCr } from './control.ts'
import { loadSegment } from './segments.ts'
import { arpl, lar, lldt, lsl, ltr, sldt, str, verr, verw } from './tables.ts'

const word = (cpu: Processor, seg: number, field: number): number => cpu.u32[(SEG + seg * SEG_SIZE + field) >> 2]!
const zf = (cpu: Processor): boolean => (cpu.getEflags() & 0x40) !== 0

test('loading a data segment fills the cache and sets the accessed bit (SDM 3A 3.4.5.1)', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0x12345678, 0x1fff, 0x92, 0x4)
  loadSegment(cpu, SEG_ES, 0x40)
  expect(selectorOf(cpu, SEG_ES)).toBe(0x40)
  expect(word(cpu, SEG_ES, SEG_BASE)).toBe(0x12345678)
  expect(word(cpu, SEG_ES, SEG_LIMIT)).toBe(0x1fff)
  expect(word(cpu, SEG_ES, SEG_ATTR)).toBe(0x409300)
  expect(word(cpu, SEG_ES, SEG_READ_LIMIT)).toBe(0x1fff - 14)
  expect(word(cpu, SEG_ES, SEG_WRITE_LIMIT)).toBe(0x1fff - 14)
  expect(peek32(cpu, GDT + 0x44) & 0x100).toBe(0x100)
})

test('checks of DS, ES, FS, GS (SDM 2, MOV)', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0, 0xffff, 0x13, 0) // not present
  writeDescriptor(cpu, 0x48, 0, 0xffff, 0x99, 0) // execute-only code
  writeDescriptor(cpu, 0x50, 0, 0xffff, 0x9f, 0) // conforming readable code, DPL 0
  expect(faultOf(() => loadSegment(cpu, SEG_DS, 0x40))).toBe('11(40)')
  expect(faultOf(() => loadSegment(cpu, SEG_DS, 0x48))).toBe('13(48)')
  expect(faultOf(() => loadSegment(cpu, SEG_DS, 0x28))).toBe('13(28)') // a TSS
  expect(faultOf(() => loadSegment(cpu, SEG_DS, 0x100))).toBe('13(100)') // beyond the limit
  expect(faultOf(() => loadSegment(cpu, SEG_DS, 0x13))).toBe('13(10)') // RPL 3 on DPL 0
  expect(faultOf(() => loadSegment(cpu, SEG_DS, 0x0c))).toBe('13(c)') // no LDT
  expect(selectorOf(cpu, SEG_DS)).toBe(0x10)
  cpu.setCpl(3)
  expect(faultOf(() => loadSegment(cpu, SEG_DS, 0x10))).toBe('13(10)')
  loadSegment(cpu, SEG_DS, 0x23)
  loadSegment(cpu, SEG_FS, 0x53)
  expect(word(cpu, SEG_FS, SEG_WRITE_LIMIT)).toBe(0)
  expect(word(cpu, SEG_FS, SEG_READ_LIMIT)).toBe(0xffff - 14)
})

test('checks of SS (SDM 2, MOV)', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0, 0xffff, 0x13, 0)
  writeDescriptor(cpu, 0x48, 0, 0xffff, 0x91, 0)
  expect(faultOf(() => loadSegment(cpu, SEG_SS, 0))).toBe('13(0)')
  expect(faultOf(() => loadSegment(cpu, SEG_SS, 0x40))).toBe('12(40)')
  expect(faultOf(() => loadSegment(cpu, SEG_SS, 0x48))).toBe('13(48)') // read-only
  expect(faultOf(() => loadSegment(cpu, SEG_SS, 0x20))).toBe('13(20)') // DPL 3
  expect(faultOf(() => loadSegment(cpu, SEG_SS, 0x11))).toBe('13(10)') // RPL 1
  loadSegment(cpu, SEG_SS, 0x10)
})

test('accesses: limits exact to the byte, types, null segments (SDM 3A 5.3, 5.4)', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0x1000, 0x20, DATA0, 0x4)
  writeDescriptor(cpu, 0x48, 0x1000, 0xff, 0x91, 0x4)
  loadSegment(cpu, SEG_ES, 0x40)
  expect(cpu.linear(SEG_ES, 0x1d, 4, true)).toBe(0x101d)
  expect(faultOf(() => cpu.linear(SEG_ES, 0x1e, 4, true))).toBe('13(0)')
  expect(faultOf(() => cpu.linear(SEG_ES, 0xffffffff, 4, false))).toBe('13(0)')
  loadSegment(cpu, SEG_ES, 0x48)
  expect(cpu.linear(SEG_ES, 0xf0, 16, false)).toBe(0x10f0)
  expect(faultOf(() => cpu.linear(SEG_ES, 0, 1, true))).toBe('13(0)')
  expect(faultOf(() => cpu.linear(SEG_CS, 0, 1, true))).toBe('13(0)')
  loadSegment(cpu, SEG_ES, 3)
  expect(faultOf(() => cpu.linear(SEG_ES, 0, 1, false))).toBe('13(0)')
  writeDescriptor(cpu, 0x50, 0, 0x0f, DATA0, 0x4)
  loadSegment(cpu, SEG_SS, 0x50)
  expect(faultOf(() => cpu.linear(SEG_SS, 0x10, 1, false))).toBe('12(0)')
  expect(word(cpu, SEG_SS, SEG_READ_LIMIT)).toBe(1)
})

test('expand-down segments: above the limit, up to 64 KB or 4 GB (SDM 3A 5.3)', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0, 0xfff, 0x97, 0)
  writeDescriptor(cpu, 0x48, 0, 0xfff, 0x97, 0x4)
  loadSegment(cpu, SEG_ES, 0x40)
  expect(faultOf(() => cpu.linear(SEG_ES, 0xfff, 1, false))).toBe('13(0)')
  expect(cpu.linear(SEG_ES, 0x1000, 4, true)).toBe(0x1000)
  expect(cpu.linear(SEG_ES, 0xfffc, 4, true)).toBe(0xfffc)
  expect(faultOf(() => cpu.linear(SEG_ES, 0xfffd, 4, true))).toBe('13(0)')
  loadSegment(cpu, SEG_ES, 0x48)
  expect(cpu.linear(SEG_ES, 0xfffffffc, 4, true)).toBe(0xfffffffc)
  expect(faultOf(() => cpu.linear(SEG_ES, 0xfffffffd, 4, true))).toBe('13(0)')
  expect(word(cpu, SEG_ES, SEG_READ_LIMIT)).toBe(0)
})

test('real mode keeps limits; virtual-8086 mode has 64 KB (SDM 3A 20.1.1, 20.2)', () => {
  const { cpu } = bench()
  loadSegment(cpu, SEG_ES, 0x10)
  writeCr(cpu, 0, cpu.u32[CR0 >> 2]! & ~1)
  loadSegment(cpu, SEG_ES, 0x1234)
  expect(cpu.linear(SEG_ES, 0x100000, 4, true)).toBe(0x112340)
  expect(cpu.linear(SEG_CS, 4, 4, true)).toBe(4)
  writeCr(cpu, 0, cpu.u32[CR0 >> 2]! | 1)
  expect(faultOf(() => cpu.linear(SEG_CS, 4, 4, true))).toBe('13(0)')
  cpu.setEflags(FLAG_VM)
  cpu.setCpl(3)
  loadSegment(cpu, SEG_DS, 0xffff)
  expect(cpu.linear(SEG_DS, 0xfffc, 4, true)).toBe(0x10ffec)
  expect(faultOf(() => cpu.linear(SEG_DS, 0xfffe, 4, false))).toBe('13(0)')
})

test('LLDT and LTR (SDM 2)', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, LDT, 0x17, 0x82, 0)
  writeDescriptor(cpu, 0x0c, 0x5000, 0xff, DATA0, 0x4)
  lldt(cpu, 0x40)
  expect(sldt(cpu)).toBe(0x40)
  loadSegment(cpu, SEG_DS, 0x0c)
  expect(word(cpu, SEG_DS, SEG_BASE)).toBe(0x5000)
  expect(faultOf(() => loadSegment(cpu, SEG_DS, 0x1c))).toBe('13(1c)')
  expect(faultOf(() => lldt(cpu, 0x28))).toBe('13(28)')
  lldt(cpu, 0)
  expect(word(cpu, SEG_LDTR, SEG_ATTR)).toBe(0)
  writeDescriptor(cpu, 0x48, LDT, 0x17, 0x02, 0)
  expect(faultOf(() => lldt(cpu, 0x48))).toBe('11(48)')
  ltr(cpu, 0x28)
  expect(str(cpu)).toBe(0x28)
  expect(peek32(cpu, GDT + 0x2c) & 0xf00).toBe(0xb00)
  expect(word(cpu, SEG_TR, SEG_ATTR)).toBe(0x8b00)
  expect(faultOf(() => ltr(cpu, 0x28))).toBe('13(28)')
  expect(faultOf(() => ltr(cpu, 0))).toBe('13(0)')
  cpu.setCpl(3)
  expect(faultOf(() => ltr(cpu, 0x28))).toBe('13(0)')
})

test('LAR, LSL, VERR, VERW, ARPL (SDM 2)', () => {
  const { cpu } = bench()
  expect(lar(cpu, 0x10)).toBe(0xc09300)
  expect(zf(cpu)).toBe(true)
  expect(lsl(cpu, 0x10)).toBe(0xffffffff)
  expect(lsl(cpu, 0x28)).toBe(0x2fff)
  poke32(cpu, GDT + 0x40, 0x00080000)
  poke32(cpu, GDT + 0x44, 0x8c00) // call gate: LAR sees it, LSL does not
  expect(lar(cpu, 0x40)).toBe(0x8c00)
  expect(lsl(cpu, 0x40)).toBe(undefined)
  expect(zf(cpu)).toBe(false)
  expect(lar(cpu, 0)).toBe(undefined)
  expect(lar(cpu, 0x13)).toBe(undefined)
  verr(cpu, 0x08)
  expect(zf(cpu)).toBe(true)
  verw(cpu, 0x08)
  expect(zf(cpu)).toBe(false)
  verw(cpu, 0x10)
  expect(zf(cpu)).toBe(true)
  verr(cpu, 0x28)
  expect(zf(cpu)).toBe(false)
  expect(arpl(cpu, 0x1230, 0x3)).toBe(0x1233)
  expect(zf(cpu)).toBe(true)
  expect(arpl(cpu, 0x1233, 0x1)).toBe(0x1233)
  expect(zf(cpu)).toBe(false)
  cpu.setCpl(3)
  expect(lar(cpu, 0x10)).toBe(undefined)
  cpu.setEflags(FLAG_VM)
  expect(faultOf(() => lar(cpu, 0x10))).toBe('6')
})

test('flat segments get the widest inline words, whatever their base', () => {
  const { cpu } = bench()
  writeDescriptor(cpu, 0x40, 0x1000, 0xfffff, DATA0, FLAT)
  loadSegment(cpu, SEG_FS, 0x40)
  expect(word(cpu, SEG_FS, SEG_READ_LIMIT)).toBe(0xffffffff)
  expect(cpu.linear(SEG_FS, 0xfffffffe, 4, true)).toBe(0xffe)
})
