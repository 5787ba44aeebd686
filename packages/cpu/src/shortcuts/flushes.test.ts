/** Flushes by the shortcut against the processor's own: the same tables, lists and registers. */
import { expect, test } from 'vitest'
import { InstructionTlb } from '../interp/itlb.ts'
import { markCodePage, tryTranslate } from '../mmu/tlb.ts'
import { PF_I, PF_U, PF_W, PTE_G, PTE_P, PTE_PS, PTE_RW, PTE_US } from '../mmu/walk.ts'
import {
  ATTENTION,
  CPL,
  CR0,
  CR0_PE,
  CR0_PG,
  CR3,
  CR4,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  ITLB,
  ITLB_ENTRIES,
  PDPTE,
  RAM,
  TLB_LOCAL,
  TLB_SLOW,
  TLB_SUPERVISOR_READ,
  TLB_TABLE_SIZE,
} from '../state.ts'
import { invlpg, writeCr } from '../sys/control.ts'
import { bench, poke32, someHelpers } from '../testbench.ts'
import { createShortcuts } from './index.ts'

const [PD, PT, POINTERS] = [0x10000, 0x11000, 0x20000]
const { cpu, memory } = bench({ megabytes: 4 })
const itlb = new InstructionTlb(cpu)
let declined = false
const decline = (): number => {
  declined = true
  return 0
}
const shortcuts = createShortcuts(memory, someHelpers({ invlpg: decline, writeCr: decline }))

/** Numbers below `n` that repeat: a linear congruential generator (Knuth, TAOCP vol. 2, 3.3.4). */
let seed = 1
function random(n: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor((seed / 2 ** 32) * n)
}

/** Linear addresses of 4 KB pages that the tables map, some of them of one slot of the instruction TLB, and of a large one. */
const LINEAR = [0x1000, 0x2000, 0x3000, 0x4000, 0x5000, 0x6000, 0x40000000, 0x40001000]

/** Where flushes leave their traces: registers, both TLBs, and their lists. */
const PIECES: readonly (readonly [number, number])[] = [
  [0, 0x900],
  [ITLB, ITLB_ENTRIES * 8],
  [TLB_LOCAL, 64],
  [TLB_SLOW, 0x5000],
  ...[0, 1, 2, 3].flatMap(n =>
    [0, 0x40000].map(page => [TLB_SUPERVISOR_READ + n * TLB_TABLE_SIZE + page * 4, 0x40] as const),
  ),
]
const image = (): Buffer => Buffer.concat(PIECES.map(([at, size]) => Buffer.from(cpu.u8.slice(at, at + size))))
function restore(from: Buffer): void {
  let done = 0
  for (const [at, size] of PIECES) {
    cpu.u8.set(from.subarray(done, done + size), at)
    done += size
  }
}

/** Tables for LINEAR, and translations of it in both TLBs. */
function scramble(): void {
  const pae = random(2) === 0
  cpu.u32[CPL >> 2] = 0
  cpu.u32[CR0 >> 2] = CR0_PE | CR0_PG
  cpu.u32[CR4 >> 2] = CR4_PSE | (random(3) > 0 ? CR4_PGE : 0) | (pae ? CR4_PAE : 0)
  const rights = PTE_P | PTE_RW | PTE_US
  for (let i = 0; i < 8; i++) {
    const pte = ((0x100 + i) << 12) | rights | (random(3) === 0 ? PTE_G : 0)
    poke32(cpu, PT + i * (pae ? 8 : 4), pte)
    if (pae) poke32(cpu, PT + i * 8 + 4, 0)
  }
  const large = (pae ? 0x200000 : 0) | rights | PTE_PS
  for (const base of [PD, PD + 0x2000]) {
    cpu.u8.fill(0, RAM + base, RAM + base + 0x1000)
    poke32(cpu, base, PT | rights)
  }
  if (!pae) poke32(cpu, PD + 0x400, large)
  poke32(cpu, PD + 0x2000, large)
  for (const [i, at] of [PD, PD + 0x2000].entries()) {
    cpu.u32[(PDPTE >> 2) + i * 2] = at | PTE_P
    cpu.u32[(PDPTE >> 2) + i * 2 + 1] = 0
    poke32(cpu, POINTERS + i * 8, at | PTE_P | (random(10) === 0 ? 0x20 : 0))
    poke32(cpu, POINTERS + i * 8 + 4, random(10) === 0 ? 0x10 : 0)
  }
  cpu.u32[CR3 >> 2] = pae ? POINTERS : PD
  cpu.flushTlb('all')
  cpu.pageFlags.fill(0)
  if (random(2) === 0) markCodePage(cpu, (0x100 + random(8)) << 12)
  cpu.setCpl(0)
  for (let i = random(12); i > 0; i--) {
    const lin = LINEAR[random(LINEAR.length)]!
    tryTranslate(cpu, lin, (random(2) * PF_W) | (random(2) * PF_U))
    if (random(2) === 0) itlb.enter(lin, tryTranslate(cpu, lin, PF_I))
  }
  // Slots go round when there are many.
  if (random(20) === 0) for (let i = 0; i < 1100; i++) tryTranslate(cpu, LINEAR[i & 1]!, PF_I | ((i & 2) << 1))
  cpu.u32[CPL >> 2] = random(20) === 0 ? 3 : 0
  cpu.u32[ATTENTION >> 2] = 0
}

test.each(['invlpg', 'writeCr'])('%s', name => {
  let short = 0
  for (let i = 0; i < 600; i++) {
    scramble()
    const lin = LINEAR[random(LINEAR.length)]! + (random(8) === 0 ? ITLB_ENTRIES * 0x1000 : random(0x1000))
    const n = random(10) === 0 ? 4 : 3
    const before = image()
    declined = false
    if (name === 'invlpg') shortcuts.invlpg!(lin)
    else shortcuts.writeCr!(n, n === 3 ? POINTERS : 0)
    const after = image()
    if (declined) {
      expect(after.equals(before)).toBe(true)
      continue
    }
    short++
    restore(before)
    if (name === 'invlpg') invlpg(cpu, lin)
    else writeCr(cpu, n, POINTERS)
    expect(image().findIndex((byte, at) => byte !== after[at])).toBe(-1)
  }
  expect(short).toBeGreaterThan(200)
})
