import { expect, test } from 'vitest'
import type { Processor } from '../processor.ts'
import {
  CR0_AM,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR4_PGE,
  CR4_PSE,
  FLAG_AC,
  RAM,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_USER_READ,
  TLB_USER_WRITE,
} from '../state.ts'
import { invlpg, writeCr } from '../sys/control.ts'
import { bench, faultOf, peek32, poke32 } from '../testbench.ts'
import { setA20, setHole } from './physical.ts'
import { Ram } from './ram.ts'
import { markCodePage, unmarkCodePage } from './tlb.ts'

const PD = 0x100000
const PT = 0x101000

function paged(): Processor {
  const { cpu } = bench()
  poke32(cpu, PD, PT | 7)
  for (let i = 0; i < 1024; i++) poke32(cpu, PT + i * 4, (i << 12) | 7)
  writeCr(cpu, 4, CR4_PSE | CR4_PGE)
  writeCr(cpu, 3, PD)
  writeCr(cpu, 0, CR0_PE | CR0_PG | CR0_WP)
  return cpu
}

function entries(cpu: Processor, lin: number): string {
  const at = (table: number): string => {
    const entry = cpu.u32[(table >> 2) + (lin >>> 12)]!
    return entry === 0 ? '-' : ((lin + entry + 3 - RAM) >>> 0).toString(16)
  }
  return [TLB_SUPERVISOR_READ, TLB_SUPERVISOR_WRITE, TLB_USER_READ, TLB_USER_WRITE].map(at).join(' ')
}

test('entries give host addresses; write entries only once D is set', () => {
  const cpu = paged()
  poke32(cpu, PT + 0x50 * 4, 0x60000 | 7)
  cpu.read8(0x50123)
  expect(entries(cpu, 0x50123)).toBe('60123 - 60123 -')
  cpu.write8(0x50123, 1)
  expect(entries(cpu, 0x50123)).toBe('60123 60123 60123 60123')
  // The low 12 bits are 0xffd, which is what the inline check compares with (state.ts).
  expect(cpu.u32[(TLB_SUPERVISOR_READ >> 2) + 0x50]! & 0xfff).toBe(0xffd)
})

test('supervisor pages stay out of the user tables, read-only ones out of the write tables', () => {
  const cpu = paged()
  poke32(cpu, PT + 0x50 * 4, 0x60000 | 0x63)
  poke32(cpu, PT + 0x51 * 4, 0x61000 | 0x65)
  cpu.read8(0x50000)
  cpu.read8(0x51000)
  expect(entries(cpu, 0x50000)).toBe('60000 60000 - -')
  expect(entries(cpu, 0x51000)).toBe('61000 - 61000 -')
})

test('MOV CR3 keeps global pages, INVLPG drops them, clearing PGE drops all (SDM 3A 4.10.2.4, 4.10.4.1)', () => {
  const cpu = paged()
  const told: unknown[] = []
  poke32(cpu, PT + 0x50 * 4, 0x60000 | 0x107)
  cpu.onTlbFlush = what => told.push(what)
  cpu.read8(0x50000)
  cpu.read8(0x51000)
  writeCr(cpu, 3, PD)
  expect(entries(cpu, 0x50000)).toBe('60000 - 60000 -')
  expect(entries(cpu, 0x51000)).toBe('- - - -')
  invlpg(cpu, 0x50abc)
  expect(entries(cpu, 0x50000)).toBe('- - - -')
  cpu.read8(0x50000)
  writeCr(cpu, 4, CR4_PSE)
  expect(entries(cpu, 0x50000)).toBe('- - - -')
  expect(told).toEqual(['nonglobal', 0x50abc, 'all'])
})

test('INVLPG anywhere in a large page drops all of it', () => {
  const cpu = paged()
  poke32(cpu, PD + 4, 0x87)
  cpu.read8(0x450000)
  cpu.read8(0x7ff000)
  invlpg(cpu, 0x400000)
  expect(entries(cpu, 0x450000)).toBe('- - - -')
  expect(entries(cpu, 0x7ff000)).toBe('- - - -')
})

test('filling more pages than the list holds flushes and goes on', () => {
  const cpu = paged()
  for (let i = 0; i < 20; i++) poke32(cpu, PD + 4 + i * 4, 0x87)
  for (let page = 0; page < 20 * 1024; page++) cpu.read8(0x400000 + page * 4096)
  expect(entries(cpu, 0x400000)).toBe('- - - -')
  expect(entries(cpu, 0x400000 + (20 * 1024 - 1) * 4096)).not.toBe('- - - -')
  cpu.flushTlb('all')
  expect(cpu.u32.subarray(TLB_SUPERVISOR_READ >> 2, (TLB_SUPERVISOR_READ >> 2) + 0x100000).some(e => e !== 0)).toBe(
    false,
  )
})

test('a page marked as code loses every write entry; writes are reported and still land', () => {
  const cpu = paged()
  const told: string[] = []
  cpu.onCodeWrite = (pa, size) => told.push(`${pa.toString(16)}+${size}=${peek32(cpu, pa & ~3).toString(16)}`)
  poke32(cpu, PT + 0x50 * 4, 0x60000 | 7)
  poke32(cpu, PT + 0x51 * 4, 0x60000 | 7)
  cpu.write8(0x50000, 0)
  cpu.write8(0x51000, 0)
  markCodePage(cpu, 0x60000)
  expect(entries(cpu, 0x50000)).toBe('60000 - 60000 -')
  expect(entries(cpu, 0x51000)).toBe('60000 - 60000 -')
  cpu.write32(0x51010, 0xdeadbeef)
  cpu.write32(0x51010, 0x11)
  new Ram(cpu).write(0x5fffe, Uint8Array.of(1, 2, 3, 4))
  expect(told).toEqual(['60010+4=deadbeef', '60010+4=11', '60000+2=403'])
  unmarkCodePage(cpu, 0x60000)
  cpu.write32(0x51010, 5)
  expect(told.length).toBe(3)
  expect(entries(cpu, 0x51000)).toBe('60000 60000 60000 60000')
})

test('an access across two pages checks both before a byte is written', () => {
  const cpu = paged()
  poke32(cpu, PT + 0x50 * 4, 0x60000 | 7)
  poke32(cpu, PT + 0x51 * 4, 0x70000 | 7)
  cpu.write32(0x50ffe, 0x44332211)
  expect(peek32(cpu, 0x60ffc) >>> 16).toBe(0x2211)
  expect(peek32(cpu, 0x70000)).toBe(0x4433)
  expect(cpu.read32(0x50ffe)).toBe(0x44332211)
  poke32(cpu, PT + 0x51 * 4, 0)
  invlpg(cpu, 0x51000)
  expect(faultOf(() => cpu.write32(0x50ffe, 0))).toBe('14(2)')
  expect(peek32(cpu, 0x60ffc) >>> 16).toBe(0x2211)
})

test('devices get naturally aligned pieces and never enter the tables', () => {
  const { cpu, log } = bench()
  cpu.read32(0xfee00020)
  cpu.write16(0xfee00031, 0xabcd)
  cpu.read32(0xb0000002)
  expect(log).toEqual([
    'read fee00020 4',
    'write fee00031 1 cd',
    'write fee00032 1 ab',
    'read b0000002 2',
    'read b0000004 2',
  ])
  expect(entries(cpu, 0xfee00000)).toBe('- - - -')
})

test('a hole in RAM belongs to devices until it is closed', () => {
  const { cpu, log } = bench()
  cpu.write32(0xb8000, 0x1234)
  setHole(cpu, 0xb8000, 0x8000, true)
  cpu.write32(0xb8000, 5)
  cpu.write32(0xc0000, 6)
  expect(log).toEqual(['write b8000 4 5'])
  expect(entries(cpu, 0xb8000)).toBe('- - - -')
  setHole(cpu, 0xb8000, 0x8000, false)
  expect(cpu.read32(0xb8000)).toBe(0x1234)
})

test('a closed A20 gate clears bit 20 of every physical address', () => {
  const { cpu } = bench()
  poke32(cpu, 0x500, 7)
  expect(cpu.read32(0x100500)).toBe(0)
  setA20(cpu, false)
  expect(cpu.read32(0x100500)).toBe(7)
  expect(cpu.read32(0x300500)).toBe(0)
  setA20(cpu, true)
  expect(cpu.read32(0x100500)).toBe(0)
})

test('#AC(0) for unaligned user accesses with AM and AC, none for the supervisor (SDM 3A 6.15)', () => {
  const cpu = paged()
  writeCr(cpu, 0, CR0_PE | CR0_PG | CR0_WP | CR0_AM)
  cpu.setEflags(FLAG_AC)
  expect(cpu.read32(0x50001)).toBe(0)
  cpu.setCpl(3)
  expect(faultOf(() => cpu.read32(0x50001))).toBe('17(0)')
  expect(faultOf(() => cpu.write16(0x50001, 1))).toBe('17(0)')
  expect(cpu.read32(0x50004)).toBe(0)
  expect(cpu.read8(0x50003)).toBe(0)
  expect(entries(cpu, 0x50000).split(' ')[2]).toBe('-')
  expect(cpu.readSys16(0x50001)).toBe(0)
  cpu.setEflags(2)
  expect(cpu.read32(0x50001)).toBe(0)
})

test('the RAM port refuses what is outside', () => {
  const { cpu } = bench()
  const ram = new Ram(cpu)
  expect(() => ram.read32(ram.size - 3)).toThrow(expect.objectContaining({ code: 'PG_MEMORY_RANGE' }))
  expect(() => ram.write(-1, new Uint8Array(1))).toThrow(expect.objectContaining({ code: 'PG_MEMORY_RANGE' }))
  expect(() => ram.read8(Number.NaN)).toThrow(expect.objectContaining({ code: 'PG_MEMORY_RANGE' }))
  ram.fill(0x1ff0, 0xaa, 0x20)
  expect(ram.read(0x1fef, 3)).toEqual(Uint8Array.of(0, 0xaa, 0xaa))
})
