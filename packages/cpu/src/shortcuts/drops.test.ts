/** Writes into code by the shortcut, on one of two machines that are the same otherwise, and stay the same. */
import { expect, test } from 'vitest'
import { PAGE_SHARED } from '../mmu/physical.ts'
import { MODE_BASE, MODE_CODE32, MODE_FLAT, MODE_STACK32, MODE_VALID } from '../mode.ts'
import { random } from '../native/generate.ts'
import { BLOCKS_NEXT, CODE_HEADS, CODE_LINES, DECODING, RAM, RECORDS, TLB_SLOW } from '../state.ts'
import { type BlocksBench, blocksBench, someHelpers } from '../testbench.ts'
import { createShortcuts } from './index.ts'

const MODES = [MODE_VALID | MODE_CODE32 | MODE_STACK32 | MODE_FLAT, MODE_VALID | MODE_CODE32 | MODE_BASE]
/** Where the pages are that have code. */
const [FIRST, PAGES, PAGE] = [0x20000, 3, 0x1000]

/** Whatever a write may change. */
function memoryOf({ cpu }: BlocksBench): Buffer[] {
  const area = (at: number, size: number): Buffer => Buffer.from(cpu.u8.buffer, at, size)
  const code = [area(CODE_LINES, 0x800), area(CODE_HEADS, 0x400), area(RECORDS, cpu.u32[BLOCKS_NEXT >> 2]! - RECORDS)]
  return [
    area(0, DECODING),
    area(TLB_SLOW, 0x4000),
    area(RAM + FIRST, PAGES * PAGE),
    Buffer.from(cpu.pageFlags),
    ...code,
  ]
}

test('the same blocks are dropped, and the same pages hold code afterwards', () => {
  const [general, quick] = [blocksBench(), blocksBench()]
  const { drop } = createShortcuts(quick.memory, someHelpers({}))
  let dropped = 0
  let emptied = 0
  let declined = 0
  quick.blocks.drop = (from, to) => {
    const shared = quick.cpu.pageFlags[from >>> 12]! & PAGE_SHARED
    const head = (CODE_HEADS >> 2) + (from >>> 12)
    const before = quick.cpu.u32[head]
    const answer = drop!(from, to)
    expect(answer).toBe(shared === 0 ? 1 : 0)
    if (answer === 0) declined++
    // The list is turned round when something goes.
    else if (quick.cpu.u32[head] !== before) dropped++
    if (quick.cpu.pageFlags[from >>> 12] === 0) emptied++
    return answer
  }
  const r = random(1)
  const both = (step: (m: BlocksBench) => number): void => expect(step(quick)).toBe(step(general))
  for (let i = 0; i < 4000; i++) {
    const page = FIRST + (r() % PAGES) * PAGE
    const whole = r() % 8 === 0
    const what = r() % 16
    // Some blocks cross into the next page; some writes are of a page.
    const pa = page + (what >= 12 && whole ? 0 : r() % 32 === 0 ? 0xffd : r() % 0x300)
    const mode = MODES[r() % 2]!
    const twin = r() % 4 === 0
    const [size, value] = [
      whole ? PAGE : r() % 8 === 0 ? r() % 0x400 : 1 + (r() % 4),
      [0x40, 0x90, 0xc3, 0x50, 0xb8][r() % 5]!,
    ]
    if (what < 12) {
      both(({ blocks }) => {
        const next = (pa & ~0xfff) + PAGE
        const block = blocks.find(pa, mode) || blocks.build(pa, mode, () => next)
        if (twin && block !== 0 && block < RECORDS + 0x100000) blocks.setRegion(block, pa, 7)
        return block
      })
    } else if (what < 15) {
      both(({ cpu }) => {
        // Known to the cache that a page without code leaves.
        cpu.writeSys8(pa, value)
        for (let at = pa; at < pa + size && at < FIRST + PAGES * PAGE; at++) cpu.u8[RAM + at] = value
        cpu.onCodeWrite(pa, Math.min(size, FIRST + PAGES * PAGE - pa))
        return 0
      })
    } else if (r() % 32 === 0) {
      both(({ blocks }) => {
        blocks.markRegion(pa >>> 12, 0, 1 << 31)
        return 0
      })
    }
    if (i % 20 !== 0) continue
    const there = memoryOf(general)
    expect(memoryOf(quick).map((area, n) => Buffer.compare(area, there[n]!))).toEqual(there.map(() => 0))
  }
  expect(dropped).toBeGreaterThan(100)
  expect(emptied).toBeGreaterThan(5)
  expect(declined).toBeGreaterThan(50)
})
