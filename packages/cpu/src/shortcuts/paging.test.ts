/** TLB misses by the shortcut against mmu/: the same faults, and the same entries and lists. */
import { expect, test } from 'vitest'
import { pageFault, tryRead, tryWrite } from '../mmu/access.ts'
import { PAGE_CODE, PAGE_SHARED } from '../mmu/physical.ts'
import { tryTranslate } from '../mmu/tlb.ts'
import { PF_I, PF_U, PF_W, PTE_A, PTE_D, PTE_G, PTE_P, PTE_PS, PTE_RW, PTE_US } from '../mmu/walk.ts'
import {
  CODE_LINES,
  CPL,
  CR0,
  CR0_PE,
  CR0_PG,
  CR0_WP,
  CR3,
  CR4,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  EFER,
  EFER_NXE,
  FAULT,
  FAULT_ADDRESS,
  FAULT_CODE,
  FAULT_PAGE,
  PDPTE,
  RAM,
  TLB_SUPERVISOR_READ,
  TLB_TABLE_SIZE,
} from '../state.ts'
import { bench, poke32, someHelpers } from '../testbench.ts'
import { LOOKUP_PLAIN, LOOKUP_SPAN, LOOKUP_WRITE } from '../translate/lookup-word.ts'
import { createShortcuts } from './index.ts'

const [PD, PT, DATA, END] = [0x10000, 0x11000, 0x20000, 0x30000]
const { cpu, memory } = bench({ megabytes: 1 })
let declined = false
const decline = (): number => {
  declined = true
  return 0
}
const shortcuts = createShortcuts(
  memory,
  someHelpers({ slowRead: decline, slowWrite: decline, slowReadForWrite: decline, regionPage: decline }),
)

/** Numbers below `n` that repeat: a linear congruential generator (Knuth, TAOCP vol. 2, 3.3.4). */
let seed = 1
function random(n: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor((seed / 2 ** 32) * n)
}
const rarely = <T>(usual: T, otherwise: () => T): T => (random(12) === 0 ? otherwise() : usual)
const some = (bits: number): number => random(2 ** 32) & bits

/** Two levels of tables through which `lin` is translated, and the modes that matter. */
function scramble(lin: number): void {
  const pae = random(2) === 0
  const flags = (): number => rarely(PTE_P, () => 0) | rarely(PTE_A, () => 0) | some(PTE_RW | PTE_US | PTE_D | PTE_G)
  const pde = PT | flags() | rarely(0, () => PTE_PS)
  const frame = rarely(DATA + random(16) * 4096, () => random(2 ** 20) * 4096)
  const high = (): number => rarely(0, () => [1, 0x80000000, 0x10][random(3)]!)
  if (pae) {
    poke32(cpu, PD + ((lin >>> 21) & 0x1ff) * 8, pde)
    poke32(cpu, PD + ((lin >>> 21) & 0x1ff) * 8 + 4, high())
    poke32(cpu, PT + ((lin >>> 12) & 0x1ff) * 8, frame | flags())
    poke32(cpu, PT + ((lin >>> 12) & 0x1ff) * 8 + 4, high())
    cpu.u32[(PDPTE >> 2) + (lin >>> 30) * 2] = PD | rarely(1, () => 0)
    cpu.u32[(PDPTE >> 2) + (lin >>> 30) * 2 + 1] = 0
  } else {
    poke32(cpu, PD + (lin >>> 22) * 4, pde)
    poke32(cpu, PT + ((lin >>> 12) & 0x3ff) * 4, frame | flags())
  }
  cpu.u32[CR3 >> 2] = PD
  cpu.u32[CR0 >> 2] = CR0_PE | CR0_PG | some(CR0_WP)
  cpu.u32[CR4 >> 2] = some(CR4_PGE | CR4_PSE) | (pae ? CR4_PAE : 0)
  cpu.u32[EFER >> 2] = some(EFER_NXE)
  cpu.u32[CPL >> 2] = random(2) * 3
  cpu.setCpl(cpu.u32[CPL >> 2]!)
  for (let page = 0; page < 256; page++) cpu.pageFlags[page] = rarely(0, () => PAGE_CODE)
  for (let page = DATA >>> 12; page < END >>> 12; page++)
    cpu.pageFlags[page] = [0, PAGE_CODE, PAGE_CODE | PAGE_SHARED][random(3)]!
  for (let word = DATA >>> 11; word < END >>> 11; word++) {
    cpu.u32[(CODE_LINES >> 2) + word] = random(2 ** 32) & random(2 ** 32)
  }
}
/** Whether there is code in the 64-byte lines of [pa, pa + bytes). */
function inCode(pa: number, bytes: number): boolean {
  for (let at = pa; at < pa + bytes; at++) {
    const line = (at >>> 6) & 63
    if (cpu.u32[(CODE_LINES >> 2) + (at >>> 12) * 2 + (line >> 5)]! & (1 << (line & 31))) return true
  }
  return false
}

/** What the TLB knows of a page, and has listed; and what memory holds. */
function known(lin: number): unknown {
  const { tlb, u32 } = cpu
  const slow = Array.from(tlb.slowKey.entries()).filter(([, key]) => key !== 0xffffffff)
  const tables = [0, 1, 2, 3].map(n => u32[((TLB_SUPERVISOR_READ + n * TLB_TABLE_SIZE) >>> 2) + (lin >>> 12)])
  const lists = [tlb.local.slice(0, tlb.localCount), tlb.global.slice(0, tlb.globalCount)]
  return {
    tables,
    lists,
    writers: tlb.writer.slice(),
    slow: slow.map(([slot, key]) => [slot, key, tlb.slowFrame[slot], tlb.slowGlobal[slot]]),
    slowUsed: tlb.slowUsed.slice(0, tlb.slowCount),
    large: tlb.largeRegion.indexOf(1),
    memory: Buffer.from(cpu.u8.subarray(RAM + PD, RAM + END)).toString('latin1'),
  }
}
function clear(): void {
  cpu.flushTlb('all')
  cpu.tlb.writer.fill(0)
  cpu.u32[FAULT >> 2] = 0
  declined = false
}

test.each(['slowRead', 'slowWrite', 'slowReadForWrite', 'regionPage'])('%s', name => {
  let short = 0
  let faults = 0
  let beside = 0
  for (let i = 0; i < 1000; i++) {
    const lin = random(2 ** 32) & ~3
    scramble(lin)
    cpu.u8.fill(i, RAM + DATA, RAM + DATA + 0x10000)
    const before = cpu.u8.slice(RAM + PD, RAM + END)
    const size = [1, 2, 4][random(3)]!
    const value = random(2 ** 32)
    const write = name === 'regionPage' ? random(2) === 1 : name !== 'slowRead'
    const user = cpu.u32[CPL >> 2] === 3
    const access = (user ? PF_U : 0) | (write ? PF_W : 0)
    const warm = random(2) === 0
    const start = (): void => {
      clear()
      cpu.u8.set(before, RAM + PD)
      if (warm) tryTranslate(cpu, lin, access)
    }
    start()
    const args =
      name === 'regionPage' ? [lin, (4 << LOOKUP_SPAN) | LOOKUP_PLAIN | (write ? LOOKUP_WRITE : 0)] : [lin, size, value]
    const answer = shortcuts[name]!(...args) >>> 0
    if (declined) continue
    short++
    const fault = cpu.u32[FAULT >> 2] === FAULT_PAGE ? [cpu.u32[FAULT_CODE >> 2], cpu.u32[FAULT_ADDRESS >> 2]] : null
    const after = known(lin)
    start()
    const pa = tryTranslate(cpu, lin, access)
    const code = write && pa >= 0 && (cpu.pageFlags[pa >>> 12]! & PAGE_CODE) !== 0
    if (code) beside++
    let wanted = pa
    if (pa < 0) expect(fault).not.toBeNull()
    else if (name === 'regionPage') {
      const known = cpu.pageForRegion(lin, 4, 0, write)
      wanted = code && !inCode(pa, 4) ? (RAM + pa - lin - 3) >>> 0 : known
    } else {
      // No block is where the lines say there is code: what other code there may be, the shortcut does not know.
      if (code && inCode(pa, size) && name === 'slowWrite') expect(cpu.pageFlags[pa >>> 12]).toBe(PAGE_CODE)
      if (name === 'slowWrite') wanted = tryWrite(cpu, lin, size, user, value) ? 0 : -1
      else wanted = tryRead(cpu, lin, size, user)
    }
    if (fault !== null) {
      faults++
      expect(wanted).toBe(-1)
      const { errorCode, cr2 } = pageFault(cpu, lin)
      expect(fault).toEqual([errorCode, cr2])
    } else expect(answer).toBe(wanted)
    expect(known(lin)).toEqual(after)
  }
  expect(short - faults).toBeGreaterThan(100)
  expect(faults).toBeGreaterThan(40)
  if (name !== 'slowRead') expect(beside).toBeGreaterThan(20)
})

test('fetches leave the tables alone', () => {
  let pages = 0
  for (let i = 0; i < 1000; i++) {
    const lin = random(2 ** 32)
    scramble(lin)
    const before = cpu.u8.slice(RAM + PD, RAM + END)
    const access = cpu.u32[CPL >> 2] === 3 ? PF_U | PF_I : PF_I
    const warm = random(2) === 0
    const start = (): void => {
      clear()
      cpu.u8.set(before, RAM + PD)
      // Data may be there already.
      if (warm) for (const data of [access & PF_U, access]) tryTranslate(cpu, lin, data)
    }
    start()
    const answer = shortcuts.page!(lin, access) >>> 0
    // A fault, or what the general way is to find out.
    if ((answer & 1) === 0) continue
    const after = known(lin)
    start()
    const pa = tryTranslate(cpu, lin, access)
    expect(pa & 0xffff_f000).toBe(answer & 0xffff_f000)
    expect((answer & 2) !== 0).toBe(cpu.walk.global)
    expect(known(lin)).toEqual(after)
    pages++
  }
  expect(pages).toBeGreaterThan(100)
})
