import { expect, test } from 'vitest'
import type { Processor } from '../processor.ts'
import {
  CR0,
  CR0_CD,
  CR0_NW,
  CR0_PE,
  CR0_PG,
  CR0_TS,
  CR2,
  CR4,
  EAX,
  EBX,
  ECX,
  EDX,
  EFER,
  EIP,
  GDTR_BASE,
  IDTR_LIMIT,
  SEG_CS,
  SEG_SS,
  SEG_TR,
} from '../state.ts'
import { bench, faultOf, poke32, selectorOf, TSS, where } from '../testbench.ts'
import { clts, hlt, invlpg, lmsw, rdpmc, rdtsc, readCr, smsw, wbinvd, writeCr } from './control.ts'
import { cpuid, cpuidLeaf, DEFAULT_CPUID, FEAT_PSE, FEAT_SEP, signature } from './cpuid.ts'
import { hostOp, registerStubPages, unregisterStubPages } from './hostop.ts'
import { checkIo, ioIn, ioOut } from './io.ts'
import { rdmsr, wrmsr } from './msr.ts'
import { reset } from './reset.ts'
import { sysenter, sysexit } from './sysenter.ts'
import { lgdt, ltr } from './tables.ts'

function msrWrite(cpu: Processor, msr: number, value: bigint): string {
  cpu.u32[ECX >> 2] = msr
  cpu.u32[EDX >> 2] = Number(value >> 32n)
  cpu.u32[EAX >> 2] = Number(value & 0xffffffffn)
  return faultOf(() => wrmsr(cpu))
}

function msrRead(cpu: Processor, msr: number): bigint | string {
  cpu.u32[ECX >> 2] = msr
  const fault = faultOf(() => rdmsr(cpu))
  return fault !== '' ? fault : (BigInt(cpu.u32[EDX >> 2]!) << 32n) | BigInt(cpu.u32[EAX >> 2]!)
}

test('CR0 combinations that are refused (SDM 3A 2.5, 5.1.1)', () => {
  const { cpu } = bench()
  expect(faultOf(() => writeCr(cpu, 0, CR0_PG))).toBe('13(0)')
  expect(faultOf(() => writeCr(cpu, 0, CR0_PE | CR0_NW))).toBe('13(0)')
  writeCr(cpu, 0, CR0_PE | CR0_NW | CR0_CD | 0x0ffa0000)
  expect(readCr(cpu, 0)).toBe(0x60000011)
  expect(faultOf(() => readCr(cpu, 1))).toBe('6')
  expect(faultOf(() => writeCr(cpu, 8, 0))).toBe('6')
  writeCr(cpu, 2, 0xabc)
  expect(cpu.u32[CR2 >> 2]).toBe(0xabc)
  cpu.setCpl(3)
  for (const action of [
    () => readCr(cpu, 0),
    () => writeCr(cpu, 3, 0),
    () => lmsw(cpu, 1),
    () => clts(cpu),
    () => invlpg(cpu, 0),
    () => wbinvd(cpu),
    () => hlt(cpu),
    () => rdmsr(cpu),
    () => wrmsr(cpu),
    () => lgdt(cpu, 0, 0, 4),
  ]) {
    expect(faultOf(action)).toBe('13(0)')
  }
  expect(smsw(cpu) & 1).toBe(1)
})

test('CR4 accepts what CPUID shows', () => {
  const { cpu } = bench()
  writeCr(cpu, 4, 0x7ff)
  expect(cpu.u32[CR4 >> 2]).toBe(0x7ff)
  expect(faultOf(() => writeCr(cpu, 4, 0x800))).toBe('13(0)')
  const plain = bench({ cpuid: { ...DEFAULT_CPUID, features: DEFAULT_CPUID.features & ~FEAT_PSE } }).cpu
  expect(faultOf(() => writeCr(plain, 4, 0x10))).toBe('13(0)')
})

test('LMSW sets PE but never clears it; CLTS', () => {
  const { cpu } = bench()
  lmsw(cpu, 0xfff8)
  expect(cpu.u32[CR0 >> 2]).toBe(0x11 | CR0_TS)
  clts(cpu)
  expect(cpu.u32[CR0 >> 2]).toBe(0x11)
})

test('LGDT with a 16-bit operand keeps 24 bits of base (SDM 2)', () => {
  const { cpu } = bench()
  lgdt(cpu, 0x7f, 0x12345678, 2)
  expect(cpu.u32[GDTR_BASE >> 2]).toBe(0x345678)
})

test('RDTSC and its MSR; TSD; the counters of RDPMC', () => {
  const { cpu } = bench()
  let now = 5_000_000_000
  cpu.cycles = () => now
  cpu.instructions = () => now / 2
  rdtsc(cpu)
  expect([cpu.u32[EDX >> 2], cpu.u32[EAX >> 2]]).toEqual([1, 705032704])
  expect(msrWrite(cpu, 0x10, 100n)).toBe('')
  now += 23
  expect(msrRead(cpu, 0x10)).toBe(123n)
  writeCr(cpu, 4, 4)
  cpu.setCpl(3)
  expect(faultOf(() => rdtsc(cpu))).toBe('13(0)')
  expect(faultOf(() => rdpmc(cpu))).toBe('13(0)')
  cpu.setCpl(0)
  // Count retired instructions and cycles, enabled at all levels.
  msrWrite(cpu, 0x187, 0x30079n)
  msrWrite(cpu, 0x186, 0x4300c0n)
  now += 1000
  cpu.u32[ECX >> 2] = 0
  rdpmc(cpu)
  expect(cpu.u32[EAX >> 2]).toBe(500)
  cpu.u32[ECX >> 2] = 1
  rdpmc(cpu)
  expect(cpu.u32[EAX >> 2]).toBe(1000)
  cpu.u32[ECX >> 2] = 2
  expect(faultOf(() => rdpmc(cpu))).toBe('13(0)')
  msrWrite(cpu, 0xc1, 0xffffffffn)
  expect(msrRead(cpu, 0xc1)).toBe(0xffffffffffn)
})

test('MSRs: EFER only NXE, PAT types, MTRRs, SYSENTER, unknown ones refused and said once', () => {
  const { cpu, log } = bench()
  expect(msrWrite(cpu, 0xc0000080, 0x800n)).toBe('')
  expect(cpu.u32[EFER >> 2]).toBe(0x800)
  expect(msrWrite(cpu, 0xc0000080, 0x100n)).toBe('13(0)')
  expect(msrRead(cpu, 0x277)).toBe(0x0007040600070406n)
  expect(msrWrite(cpu, 0x277, 0x0007010600070106n)).toBe('')
  expect(msrWrite(cpu, 0x277, 2n)).toBe('13(0)')
  expect(msrRead(cpu, 0xfe)).toBe(0x508n)
  expect(msrRead(cpu, 0x2ff)).toBe(0xc06n)
  expect(msrWrite(cpu, 0x2ff, 0x02n)).toBe('13(0)')
  expect(msrWrite(cpu, 0x202, 0x80000006n)).toBe('')
  expect(msrWrite(cpu, 0x203, 0xf80000800n)).toBe('')
  expect(msrWrite(cpu, 0x203, 0x1000000800n)).toBe('13(0)')
  expect(msrRead(cpu, 0x203)).toBe(0xf80000800n)
  expect(msrWrite(cpu, 0x176, 0xc0001234n)).toBe('')
  expect(msrRead(cpu, 0x176)).toBe(0xc0001234n)
  expect(msrRead(cpu, 0x179)).toBe(0n)
  expect(msrRead(cpu, 0x1b)).toBe(0xfee00900n)
  expect(msrRead(cpu, 0x1234)).toBe('13(0)')
  expect(log).toContain('report msr 0x1234')
})

test('CPUID leaves (SDM 2, CPUID)', () => {
  const { cpu } = bench()
  cpuid(cpu)
  const text = [EBX, EDX, ECX].map(r => String.fromCharCode(...cpu.u8.subarray(r, r + 4))).join('')
  expect([cpu.u32[EAX >> 2], text]).toEqual([7, 'GenuineIntel'])
  expect(signature(DEFAULT_CPUID)).toBe(0x106ca)
  expect(cpuidLeaf(DEFAULT_CPUID, 1)[3].toString(16)).toBe('78bfbff')
  expect(cpuidLeaf(DEFAULT_CPUID, 0x80000001)[3]).toBe(1 << 20)
  const brand = [0x80000002, 0x80000003, 0x80000004].flatMap(leaf => [...cpuidLeaf(DEFAULT_CPUID, leaf)])
  const bytes = new Uint8Array(new Uint32Array(brand).buffer)
  expect(String.fromCharCode(...bytes).replace(/\0+$/, '')).toBe(DEFAULT_CPUID.brand)
  expect(cpuidLeaf(DEFAULT_CPUID, 0x40000000)).toEqual([0, 0, 0, 0])
  const hv = { ...DEFAULT_CPUID, leaves: { 1073741824: [1, 2, 3, 4] as const } }
  expect(cpuidLeaf(hv, 0x40000000)).toEqual([1, 2, 3, 4])
  expect(signature({ ...DEFAULT_CPUID, family: 0x19, model: 0x21, stepping: 2 })).toBe(0xa20f12)
})

test('SYSENTER and SYSEXIT load flat segments from the MSR (SDM 2)', () => {
  const { cpu } = bench()
  expect(faultOf(() => sysenter(cpu))).toBe('13(0)')
  msrWrite(cpu, 0x174, 8n)
  msrWrite(cpu, 0x175, 0x7000n)
  msrWrite(cpu, 0x176, 0x40000n)
  cpu.setEflags(0x202)
  cpu.setCpl(3)
  expect(faultOf(() => sysexit(cpu))).toBe('13(0)')
  sysenter(cpu)
  expect(where(cpu)).toBe('8:40000 0 7000')
  expect([selectorOf(cpu, SEG_SS), cpu.getEflags()]).toEqual([0x10, 2])
  cpu.u32[ECX >> 2] = 0x9000
  cpu.u32[EDX >> 2] = 0x20000
  sysexit(cpu)
  expect(where(cpu)).toBe('1b:20000 3 9000')
  expect([selectorOf(cpu, SEG_SS), selectorOf(cpu, SEG_CS)]).toEqual([0x23, 0x1b])
  const none = bench({ cpuid: { ...DEFAULT_CPUID, features: DEFAULT_CPUID.features & ~FEAT_SEP } }).cpu
  expect(faultOf(() => sysenter(none))).toBe('6')
  expect(msrRead(none, 0x174)).toBe('13(0)')
})

test('I/O permission bitmap (SDM 1 19.5.2)', () => {
  const { cpu, log } = bench()
  poke32(cpu, TSS + 100, 0x68 << 16)
  cpu.writeSys8(TSS + 0x68 + (0x60 >> 3), 0b0001_0000) // port 64H
  ltr(cpu, 0x28)
  cpu.setCpl(3)
  ioOut(cpu, 0x60, 1, 0x1ff)
  expect(log).toEqual(['out 60 1 ff'])
  expect(faultOf(() => ioIn(cpu, 0x64, 1))).toBe('13(0)')
  expect(faultOf(() => checkIo(cpu, 0x62, 4))).toBe('13(0)')
  checkIo(cpu, 0x62, 2)
  cpu.setEflags(0x3002)
  expect(ioIn(cpu, 0x64, 4)).toBe(0xffffffff)
  cpu.setEflags(2)
  // Two bytes are read: the last byte of the segment alone is not enough.
  cpu.u32[(0x100 + SEG_TR * 32 + 20) >> 2] = 0x68 + 12
  expect(faultOf(() => checkIo(cpu, 0x60, 1))).toBe('13(0)')
  cpu.u32[(0x100 + SEG_TR * 32 + 20) >> 2] = 0x68 + 13
  expect(faultOf(() => checkIo(cpu, 0x60, 1))).toBe('')
})

test('a host op is valid only in stub pages at level 0', () => {
  const { cpu, log } = bench()
  expect(faultOf(() => hostOp(cpu, 7, 0x10000, 4))).toBe('6')
  registerStubPages(cpu, [0x10, 0x99999])
  hostOp(cpu, 7, 0x10000, 4)
  expect(log).toEqual(['hostop 7'])
  expect(faultOf(() => hostOp(cpu, 7, 0x10ffe, 4))).toBe('6')
  cpu.setCpl(3)
  expect(faultOf(() => hostOp(cpu, 7, 0x10000, 4))).toBe('6')
  cpu.setCpl(0)
  unregisterStubPages(cpu, [0x10])
  expect(faultOf(() => hostOp(cpu, 7, 0x10000, 4))).toBe('6')
})

test('reset (SDM 3A table 9-1)', () => {
  const { cpu } = bench()
  cpu.read8(0x50000)
  hlt(cpu)
  reset(cpu)
  expect(where(cpu)).toBe('f000:fff0 0 0')
  expect(cpu.linear(SEG_CS, cpu.u32[EIP >> 2]!, 1, false)).toBe(0xfffffff0)
  expect(cpu.u32[CR0 >> 2]).toBe(0x60000010)
  expect(cpu.u32[EDX >> 2]).toBe(0x106ca)
  expect(cpu.getEflags()).toBe(2)
  expect(cpu.u32[IDTR_LIMIT >> 2]).toBe(0xffff)
  expect(cpu.halted).toBe(false)
})
