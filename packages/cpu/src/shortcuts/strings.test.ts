/** Shortcuts of repeats against the helpers: from the same state the same memory and registers. */
import { expect, test } from 'vitest'
import { repCmps, repMovs, repScas, repStos } from '../interp/strings.ts'
import { PAGE_SHARED } from '../mmu/physical.ts'
import { markCodePage, unmarkCodePage } from '../mmu/tlb.ts'
import type { Processor } from '../processor.ts'
import { CODE_LINES, EAX, ECX, EDI, ESI, RAM, SCRATCH, SEG, SEG_DS, SEG_SIZE, STATE_SIZE } from '../state.ts'
import { bench, someHelpers } from '../testbench.ts'
import { createShortcuts } from './index.ts'

/** Everything happens in these pages. */
const [FIRST, LAST] = [0x10000, 0x18000]
const DS = SEG + SEG_DS * SEG_SIZE

const { cpu, memory } = bench({ megabytes: 1 })
const HELPERS = { repMovs, repStos, repScas, repCmps }
type Name = keyof typeof HELPERS
let declined = 0
const shortcuts = createShortcuts(
  memory,
  someHelpers(
    Object.fromEntries(
      Object.entries(HELPERS).map(([name, helper]) => [
        name,
        (...args: [number, number, number, number]) => {
          declined++
          return helper(cpu, ...args)
        },
      ]),
    ),
  ),
)

/** Numbers below `n` that repeat: a linear congruential generator (Knuth, TAOCP vol. 2, 3.3.4). */
let seed = 1
function random(n: number): number {
  seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
  return Math.floor((seed / 2 ** 32) * n)
}

const image = (): Buffer =>
  Buffer.concat([cpu.u8.subarray(0, STATE_SIZE), cpu.u8.subarray(RAM + FIRST, RAM + LAST)].map(b => Buffer.from(b)))
function restore(from: Buffer): void {
  cpu.u8.set(from.subarray(0, STATE_SIZE))
  cpu.u8.set(from.subarray(STATE_SIZE), RAM + FIRST)
}

/** Lengths that have whole vectors, odd ends, more than a page, and nothing. */
const lengths = [0, 1, 3, 15, 16, 17, 64, 100, 511, 512, 1030, 5000]

test.each(Object.keys(HELPERS) as Name[])('%s', name => {
  for (let page = FIRST; page < LAST; page += 4096) {
    cpu.readSys8(page)
    cpu.writeSys8(page, 0)
  }
  let short = 0
  for (let i = 0; i < 600; i++) {
    const same = random(3) > 0
    const fill = random(4)
    for (let at = FIRST; at < LAST; at++) cpu.u8[RAM + at] = same ? fill : random(4)
    if (same) cpu.u8[RAM + FIRST + random(LAST - FIRST)] = 9
    const size = [1, 1, 2, 4][random(4)]!
    const most = lengths[random(lengths.length)]!
    cpu.u32[ECX >> 2] = Math.floor(most / size)
    cpu.u32[EAX >> 2] = random(2) === 0 ? fill * 0x01010101 : random(2 ** 32)
    cpu.u32[ESI >> 2] = FIRST + random(0x2000)
    // Near enough to overlap, or at nearly the same place of another page, sometimes.
    const distances = [random(40) - 20, 0x1000 + random(80) - 10, 0x3000 + random(80) - 10]
    const distance = [...distances, FIRST + 0x3000 + random(0x2000) - cpu.u32[ESI >> 2]!][random(4)]!
    cpu.u32[EDI >> 2] = cpu.u32[ESI >> 2]! + distance
    cpu.u32[EDI >> 2] = Math.max(cpu.u32[EDI >> 2]!, FIRST)
    const args = [size, DS, random(20) === 0 ? 0 : 1, random(2)] as const
    cpu.u32[SCRATCH >> 2] = cpu.u32[(SCRATCH >> 2) + 1] = 0
    const before = image()
    const wanted = HELPERS[name](cpu, ...args)
    const after = image()
    restore(before)
    declined = 0
    expect(shortcuts[name]!(...args)).toBe(wanted)
    expect(image().findIndex((byte, at) => byte !== after[at])).toBe(-1)
    if (declined === 0) short++
  }
  // The usual case must be the short one, or there is no use in it.
  expect(short).toBeGreaterThan(200)
})

// The pages' code is not that of their own blocks: what overlaps it is the helper's.
test.each(['repMovs', 'repStos'] as const)('%s beside code', name => {
  const reported: [number, number][] = []
  cpu.onCodeWrite = (pa, bytes) => void reported.push([pa, bytes])
  const inCode = (pa: number): boolean => {
    const line = (pa >>> 6) & 63
    return (cpu.u32[(CODE_LINES >> 2) + (pa >>> 12) * 2 + (line >> 5)]! & (1 << (line & 31))) !== 0
  }
  const helper: (p: Processor, ...args: number[]) => number = HELPERS[name]
  let short = 0
  let long = 0
  for (let i = 0; i < 400; i++) {
    for (let page = FIRST; page < LAST; page += 4096) {
      unmarkCodePage(cpu, page)
      cpu.readSys8(page)
      cpu.writeSys8(page, i)
    }
    for (let page = FIRST; page < LAST; page += 4096) {
      if (random(3) === 0) continue
      cpu.u32[(CODE_LINES >> 2) + (page >>> 11)] = 1 << random(32)
      cpu.u32[(CODE_LINES >> 2) + (page >>> 11) + 1] = 1 << random(32)
      markCodePage(cpu, page)
      cpu.pageFlags[page >>> 12]! |= PAGE_SHARED
      // A page that holds code has no write entry; who writes again need not walk again.
      cpu.writeSys8(page, i)
    }
    cpu.u32[ECX >> 2] = random(700)
    cpu.u32[EAX >> 2] = random(2 ** 32)
    cpu.u32[ESI >> 2] = FIRST + random(0x2000)
    cpu.u32[EDI >> 2] = FIRST + 0x3000 + random(0x2000)
    const args = [[1, 2, 4][random(3)]!, DS, 1, 0] as const
    const before = image()
    reported.length = declined = 0
    const answer = shortcuts[name]!(...args)
    const after = image()
    const told = reported.splice(0)
    restore(before)
    expect(answer).toBe(helper(cpu, ...args))
    expect(image().findIndex((byte, at) => byte !== after[at])).toBe(-1)
    // Whatever touches code is reported; the shortcut by itself may have left out only what does not.
    for (const [pa, bytes] of reported) {
      for (let at = pa; at < pa + bytes; at++) {
        if (inCode(at)) expect(told.some(([from, size]) => at >= from && at < from + size)).toBe(true)
      }
    }
    if (declined === 0 && reported.length > 0) short++
    if (declined !== 0) long++
  }
  expect(short).toBeGreaterThan(30)
  expect(long).toBeGreaterThan(30)
})
