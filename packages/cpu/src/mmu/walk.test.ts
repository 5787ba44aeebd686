import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import { CR0, CR0_PE, CR0_PG, CR0_WP, CR3, CR4, CR4_PAE, CR4_PGE, CR4_PSE, EFER } from '../state.ts'
import { writeCr } from '../sys/control.ts'
import { bench, faultOf, peek32, poke32 } from '../testbench.ts'

const PD = 0x100000
const PT = 0x101000

/** 32-bit paging: identity for the first 4 MB by a 4 MB page would hide A/D bits, so 4 KB pages throughout. */
function paging32(cr0 = CR0_PE | CR0_PG | CR0_WP, cr4 = CR4_PSE): Processor {
  const { cpu } = bench()
  poke32(cpu, PD, PT | 7)
  for (let i = 0; i < 1024; i++) poke32(cpu, PT + i * 4, (i << 12) | 7)
  writeCr(cpu, 4, cr4)
  writeCr(cpu, 3, PD)
  writeCr(cpu, 0, cr0)
  return cpu
}

/** PAE: PDPTEs at PD, one page directory at PD + 1000, one page table at PD + 2000. */
function pagingPae(nx = true): Processor {
  const { cpu } = bench()
  poke32(cpu, PD, (PD + 0x1000) | 1)
  poke32(cpu, PD + 0x1000, (PD + 0x2000) | 7)
  for (let i = 0; i < 512; i++) poke32(cpu, PD + 0x2000 + i * 8, (i << 12) | 7)
  if (nx) cpu.u32[EFER >> 2] = 0x800
  writeCr(cpu, 4, CR4_PAE | CR4_PGE)
  writeCr(cpu, 3, PD)
  writeCr(cpu, 0, CR0_PE | CR0_PG | CR0_WP)
  return cpu
}

function pf(action: () => unknown): { code: number; cr2: number } {
  try {
    action()
  } catch (thrown) {
    if (thrown instanceof GuestFault && thrown.vector === 14) return { code: thrown.errorCode, cr2: thrown.cr2 }
    throw thrown
  }
  throw new Error('no page fault')
}

test('a read walks two levels and sets A in both, D in neither (SDM 3A 4.8)', () => {
  const cpu = paging32()
  poke32(cpu, PT + 0x50 * 4, 0x60000 | 7)
  poke32(cpu, 0x60010, 0x12345678)
  expect(cpu.read32(0x50010)).toBe(0x12345678)
  expect(peek32(cpu, PD) & 0x60).toBe(0x20)
  expect(peek32(cpu, PT + 0x50 * 4)).toBe(0x60027)
  cpu.write8(0x50010, 0xff)
  expect(peek32(cpu, PT + 0x50 * 4)).toBe(0x60067)
  expect(peek32(cpu, 0x60010)).toBe(0x123456ff)
})

test('error codes by cause and access (SDM 3A 4.7, figure 4-12)', () => {
  const cpu = paging32()
  poke32(cpu, PT + 0x51 * 4, 0)
  poke32(cpu, PT + 0x52 * 4, 0x52000 | 3)
  poke32(cpu, PT + 0x53 * 4, 0x53000 | 5)
  expect(pf(() => cpu.read8(0x51004))).toEqual({ code: 0, cr2: 0x51004 })
  expect(pf(() => cpu.write8(0x51004, 0))).toEqual({ code: 2, cr2: 0x51004 })
  expect(pf(() => cpu.write32(0x53008, 0))).toEqual({ code: 3, cr2: 0x53008 })
  cpu.setCpl(3)
  expect(pf(() => cpu.read8(0x51004))).toEqual({ code: 4, cr2: 0x51004 })
  expect(pf(() => cpu.read8(0x52000))).toEqual({ code: 5, cr2: 0x52000 })
  expect(pf(() => cpu.write8(0x53000, 0))).toEqual({ code: 7, cr2: 0x53000 })
  expect(cpu.read8(0x53000)).toBe(0)
  expect(pf(() => cpu.read32(0x80000000))).toEqual({ code: 4, cr2: 0x80000000 })
  // Fetches report I/D only under PAE with NXE.
  expect(pf(() => cpu.translateFetch(0x52000))).toEqual({ code: 5, cr2: 0x52000 })
})

test('a fault changes no A or D bit', () => {
  const cpu = paging32()
  poke32(cpu, PT + 0x53 * 4, 0x53000 | 5)
  poke32(cpu, PD, PT | 7)
  cpu.flushTlb('all')
  pf(() => cpu.write8(0x53000, 1))
  expect(peek32(cpu, PD)).toBe(PT | 7)
  expect(peek32(cpu, PT + 0x53 * 4)).toBe(0x53005)
})

test('without CR0.WP the supervisor writes read-only pages; the write entry goes when WP is set', () => {
  const cpu = paging32(CR0_PE | CR0_PG)
  poke32(cpu, PT + 0x53 * 4, 0x53000 | 5)
  cpu.write8(0x53000, 9)
  expect(cpu.read8(0x53000)).toBe(9)
  writeCr(cpu, 0, CR0_PE | CR0_PG | CR0_WP)
  expect(pf(() => cpu.write8(0x53000, 1)).code).toBe(3)
})

test('4 MB pages, PSE-36 addresses and their reserved bits (SDM 3A table 4-4)', () => {
  const { cpu, log } = ((): { cpu: Processor; log: string[] } => {
    const b = bench({ megabytes: 8 })
    return { cpu: b.cpu, log: b.log }
  })()
  poke32(cpu, PD, 0x83 | 4)
  poke32(cpu, PD + 4, 0x400000 | 0x87)
  poke32(cpu, PD + 8, 0x400000 | 0x87 | (1 << 13))
  poke32(cpu, PD + 12, 0x400000 | 0x87 | (1 << 17))
  poke32(cpu, PD + 16, 0x400000 | 0x87 | (1 << 21))
  writeCr(cpu, 4, CR4_PSE)
  writeCr(cpu, 3, PD)
  writeCr(cpu, 0, CR0_PE | CR0_PG)
  poke32(cpu, 0x401234, 77)
  expect(cpu.read32(0x401234)).toBe(77)
  cpu.write32(0x401234, 78)
  expect(peek32(cpu, PD + 4)).toBe(0x4000e7)
  // Bit 13 is address bit 32: outside RAM, so the device port answers.
  expect(cpu.read32(0x801230)).toBe(0xffffffff)
  expect(log).toEqual(['read 100401230 4'])
  expect(pf(() => cpu.read8(0xc00000))).toEqual({ code: 9, cr2: 0xc00000 })
  expect(pf(() => cpu.write8(0x1000000, 0))).toEqual({ code: 11, cr2: 0x1000000 })
})

test('without CR4.PSE the PS bit is ignored', () => {
  const cpu = paging32(CR0_PE | CR0_PG, 0)
  poke32(cpu, PD, PT | 0x87)
  cpu.flushTlb('all')
  poke32(cpu, PT + 0x50 * 4, 0x60000 | 7)
  poke32(cpu, 0x60000, 5)
  expect(cpu.read32(0x50000)).toBe(5)
})

test('PAE: translation above and below 4 GB, 2 MB pages, reserved bits (SDM 3A tables 4-9 to 4-11)', () => {
  const cpu = pagingPae()
  const pt = PD + 0x2000
  poke32(cpu, pt + 0x50 * 8, 0x60000 | 7)
  poke32(cpu, 0x60000, 0xabcd)
  expect(cpu.read32(0x50000)).toBe(0xabcd)
  expect(peek32(cpu, pt + 0x50 * 8)).toBe(0x60027)
  poke32(cpu, PD + 0x1000 + 8, 0x200087)
  poke32(cpu, 0x212340, 42)
  expect(cpu.read32(0x212340)).toBe(42)
  poke32(cpu, PD + 0x1000 + 16, 0x200087 | (1 << 13))
  expect(pf(() => cpu.read8(0x400000))).toEqual({ code: 9, cr2: 0x400000 })
  poke32(cpu, pt + 0x51 * 8 + 4, 1 << 4)
  expect(pf(() => cpu.read8(0x51000)).code).toBe(9)
  // PDPTE 1 is not present.
  expect(pf(() => cpu.read8(0x40000000)).code).toBe(0)
})

test('execute-disable: I/D in the error code, data accesses unaffected; reserved without NXE', () => {
  const cpu = pagingPae()
  poke32(cpu, PD + 0x2000 + 0x51 * 8 + 4, 0x80000000)
  expect(cpu.read8(0x51000)).toBe(0)
  expect(pf(() => cpu.translateFetch(0x51000))).toEqual({ code: 0x11, cr2: 0x51000 })
  expect(cpu.translateFetch(0x52003)).toBe(0x52003)
  poke32(cpu, PD + 0x2000 + 0x53 * 8, 0)
  expect(pf(() => cpu.translateFetch(0x53000)).code).toBe(0x10)
  const plain = pagingPae(false)
  poke32(plain, PD + 0x2000 + 0x51 * 8 + 4, 0x80000000)
  expect(pf(() => plain.read8(0x51000)).code).toBe(9)
  expect(pf(() => plain.translateFetch(0x51000)).code).toBe(9)
})

test('PDPTEs are registers: loaded by MOV CR3, with #GP(0) for reserved bits and nothing changed (SDM 3A 4.4.1)', () => {
  const cpu = pagingPae()
  expect(cpu.read8(0x50000)).toBe(0)
  poke32(cpu, PD, 0)
  cpu.flushTlb('all')
  expect(cpu.read8(0x50000)).toBe(0)
  poke32(cpu, PD + 0x40, 0x102001 | 2)
  expect(faultOf(() => writeCr(cpu, 3, PD + 0x40))).toBe('13(0)')
  expect(cpu.u32[CR3 >> 2]).toBe(PD)
  poke32(cpu, PD + 0x40, 0)
  writeCr(cpu, 3, PD + 0x40)
  expect(pf(() => cpu.read8(0x50000)).code).toBe(0)
})

test('entering PAE paging with bad PDPTEs leaves CR0 as it was', () => {
  const { cpu } = bench()
  poke32(cpu, PD, 0x1e1)
  writeCr(cpu, 4, CR4_PAE)
  writeCr(cpu, 3, PD)
  const before = cpu.u32[CR0 >> 2]
  expect(faultOf(() => writeCr(cpu, 0, CR0_PE | CR0_PG))).toBe('13(0)')
  expect(cpu.u32[CR0 >> 2]).toBe(before)
  expect(cpu.u32[CR4 >> 2]).toBe(CR4_PAE)
})
