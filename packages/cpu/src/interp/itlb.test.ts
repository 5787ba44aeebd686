import { expect, test } from 'vitest'
import type { Processor } from '../processor.ts'
import { CR0_PE, CR0_PG, CR4_PGE, CR4_PSE, ITLB, ITLB_ENTRIES } from '../state.ts'
import { invlpg, writeCr } from '../sys/control.ts'
import { bench, poke32 } from '../testbench.ts'
import { InstructionTlb } from './itlb.ts'

const PD = 0x100000
const PT = 0x101000

/** Pages 0x50 and 0x51 local, 0x52 global; the rest of the first 4 MB identical and local. */
function paged(): { cpu: Processor; fetch: (lin: number) => void; held: () => string } {
  const { cpu } = bench()
  poke32(cpu, PD, PT | 7)
  for (let i = 0; i < 1024; i++) poke32(cpu, PT + i * 4, (i << 12) | (i === 0x52 ? 0x107 : 7))
  poke32(cpu, PD + 4, 0x87)
  writeCr(cpu, 4, CR4_PSE | CR4_PGE)
  writeCr(cpu, 3, PD)
  const itlb = new InstructionTlb(cpu)
  writeCr(cpu, 0, CR0_PE | CR0_PG)
  return {
    cpu,
    fetch: lin => itlb.enter(lin, cpu.translateFetch(lin) & ~0xfff),
    held: () =>
      Array.from({ length: ITLB_ENTRIES }, (_, slot) => cpu.u32[(ITLB >> 2) + slot * 2])
        .filter(tag => tag !== 0)
        .map(tag => (tag >>> 12).toString(16))
        .sort()
        .join(' '),
  }
}

// SDM vol. 3A 4.10.4.1: INVLPG drops its page, global or not; a load of CR3 all but global pages.
test('flushes drop what the architecture says, and nothing else', () => {
  const { cpu, fetch, held } = paged()
  for (const lin of [0x50000, 0x51000, 0x52000]) fetch(lin)
  expect(held()).toBe('50 51 52')
  invlpg(cpu, 0x50abc)
  expect(held()).toBe('51 52')
  // A page that shares the slot of another, 4 MB away, is not that page.
  invlpg(cpu, 0x51000 + ITLB_ENTRIES * 0x1000)
  expect(held()).toBe('51 52')
  writeCr(cpu, 3, PD)
  expect(held()).toBe('52')
  // Known from before the reload by the cache of fetches or walked again: global all the same.
  fetch(0x52000)
  fetch(0x51000)
  writeCr(cpu, 3, PD)
  expect(held()).toBe('52')
  invlpg(cpu, 0x52000)
  expect(held()).toBe('')
  fetch(0x52000)
  writeCr(cpu, 4, CR4_PSE)
  expect(held()).toBe('')
})

test('INVLPG in a large page drops all of it', () => {
  const { cpu, fetch, held } = paged()
  for (const lin of [0x450000, 0x461000, 0x50000, 0x7ff000]) fetch(lin)
  invlpg(cpu, 0x400000)
  expect(held()).toBe('50')
  fetch(0x450000)
  fetch(0x7ff000)
  fetch(0x51000)
  invlpg(cpu, 0x412000)
  expect(held()).toBe('51')
})

test('the list of local pages may overflow', () => {
  const { cpu, fetch, held } = paged()
  for (let i = 0; i <= ITLB_ENTRIES; i++) fetch(0x50000 + (i & 1) * 0x1000)
  writeCr(cpu, 3, PD)
  expect(held()).toBe('')
})
