/** Misses of the block table by the shortcut, on one of two machines that are the same otherwise, and stay the same. */
import { expect, test } from 'vitest'
import { LAST_BLOCK } from '../interp/blocks.ts'
import { itlbTag } from '../interp/lookup.ts'
import { setA20 } from '../mmu/physical.ts'
import { translate } from '../mmu/tlb.ts'
import { PF_W } from '../mmu/walk.ts'
import { MODE_BASE, MODE_CODE32, MODE_FLAT, MODE_STACK32, MODE_VALID } from '../mode.ts'
import { random } from '../native/generate.ts'
import {
  BLOCKS_NEXT,
  CODE_HEADS,
  CODE_LINES,
  CPL,
  DECODING,
  EIP,
  ITLB,
  MODE,
  RAM,
  RECORDS,
  TLB,
  TLB_TABLE_SIZE,
  TLB_WRITERS,
} from '../state.ts'
import { type BlocksBench, blocksBench, someHelpers } from '../testbench.ts'
import { createShortcuts } from './index.ts'

const MODES = [MODE_VALID | MODE_CODE32 | MODE_STACK32 | MODE_FLAT, MODE_VALID | MODE_CODE32 | MODE_BASE]
/** Where the pages are that have code. */
const FIRST = 0x20000
const PAGES = 4
const PAGE = 0x1000
const MEGABYTE = 0x100000

/** Whatever a miss may change. */
function memoryOf({ cpu }: BlocksBench): Buffer[] {
  const area = (at: number, size: number): Buffer => Buffer.from(cpu.u8.buffer, at, size)
  const entries = [0, 1, 2, 3].map(n => area(TLB + n * TLB_TABLE_SIZE, 0x1000))
  const code = [area(CODE_LINES, 0x800), area(CODE_HEADS, 0x400), area(RECORDS, cpu.u32[BLOCKS_NEXT >> 2]! - RECORDS)]
  return [area(0, DECODING), ...entries, Buffer.from(cpu.pageFlags.slice()), area(TLB_WRITERS, 0x400), ...code]
}

test('the same blocks are found or built, and the same pages marked', () => {
  const [general, quick] = [blocksBench(), blocksBench()]
  const { resolve } = createShortcuts(quick.memory, someHelpers({}))
  const r = random(1)
  let found = 0
  let built = 0
  const both = (step: (m: BlocksBench) => void): void => {
    for (const m of [general, quick]) step(m)
  }
  // Short blocks of instructions whose handlers are soon known.
  const code = Array.from({ length: PAGES * PAGE }, () => [0x40, 0x90, 0x4b, 0xc3, 0x50][r() % 5]!)
  both(({ cpu }) => {
    cpu.u8.set(code, RAM + FIRST)
    // Each page is there twice, 1 MB apart.
    setA20(cpu, false)
  })
  for (let i = 0; i < 2000; i++) {
    const pa = FIRST + (r() % PAGES) * PAGE + (r() % 0x200)
    const written = r() % 8
    // By one linear page or two, if by any.
    for (let at = pa; written < 2 && at <= pa + written * MEGABYTE; at += MEGABYTE) {
      both(({ cpu }) => {
        translate(cpu, at, PF_W)
        cpu.write8(at, code[pa - FIRST]!)
      })
    }
    const [mode, user] = [MODES[r() % 2]!, r() % 2 === 1]
    both(({ cpu }) => {
      cpu.u32[EIP >> 2] = pa
      cpu.u32[MODE >> 2] = mode
      cpu.u32[CPL >> 2] = user ? 3 : 0
      const slot = (ITLB >> 2) + (pa >>> 12) * 2
      cpu.u32[slot] = itlbTag(pa, user)
      cpu.u32[slot + 1] = pa - (pa & 0xfff)
    })
    const build = ({ blocks }: BlocksBench): number => blocks.find(pa, mode) || blocks.build(pa, mode, () => -1)
    const wanted = build(general)
    const before = quick.cpu.u32[BLOCKS_NEXT >> 2]!
    const got = resolve!()
    if (got >= before) built++
    else if (got !== 0) found++
    expect(got || build(quick)).toBe(wanted)
    if (i % 20 !== 0) continue
    const there = memoryOf(general)
    expect(memoryOf(quick).map((area, n) => Buffer.compare(area, there[n]!))).toEqual(there.map(() => 0))
  }
  expect(found).toBeGreaterThan(50)
  expect(built).toBeGreaterThan(500)
})

test('a page that cannot be had, a full pool and a probe are left to the run loop', () => {
  const m = blocksBench()
  const { cpu, blocks } = m
  const { resolve } = createShortcuts(m.memory, someHelpers({}))
  cpu.u8.set([0x90, 0xc3, 0x90, 0xc3, 0x90, 0xc3, 0x90, 0xc3], RAM + FIRST)
  const [mode] = MODES
  blocks.build(FIRST, mode!, () => -1)
  const at = (eip: number): number => {
    cpu.u32[EIP >> 2] = eip
    return resolve!()
  }
  cpu.u32[MODE >> 2] = mode!
  // Without paging, the instruction TLB is filled by the run loop.
  expect(at(FIRST + 2)).toBe(0)
  const slot = (ITLB >> 2) + (FIRST >>> 12) * 2
  cpu.u32[slot] = itlbTag(FIRST, false)
  cpu.u32[slot + 1] = FIRST
  expect(at(FIRST + 2)).not.toBe(0)
  const next = cpu.u32[BLOCKS_NEXT >> 2]!
  cpu.u32[BLOCKS_NEXT >> 2] = LAST_BLOCK + 1
  expect(at(FIRST + 4)).toBe(0)
  cpu.u32[BLOCKS_NEXT >> 2] = next
  expect(at(FIRST + 4)).toBe(next)
  blocks.addProbe(FIRST + 7, 0x8000)
  expect(at(FIRST + 6)).toBe(0)
})
