import { expect, test } from 'vitest'
import { Writer } from '../formats/fixtures.ts'
import { readAlternatives, scrubs, X86_FEATURE_ALWAYS, X86_FEATURE_PVUNLOCK } from './alternatives.ts'
import { requireLayout } from './index.ts'
import { ALTERNATIVES, TEXT, tinyKernel } from './layouts.fixtures.ts'
import { ImageView } from './view.ts'

const NOT = 0x8000
/** X86_FEATURE_XENPV, cpufeatures.h: 8*32+16. */
const XENPV = 8 * 32 + 16

/** Entries of the 12-byte form; `site` is the number of tinyKernel's call site, -1 for text that is no site. */
function entries(...list: { site: number; cpuid: number }[]): Uint8Array {
  const out = new Writer()
  for (const { site, cpuid } of list) {
    const at = ALTERNATIVES + out.length
    const va = site < 0 ? TEXT + 0xf00 : TEXT + 0x10 + 16 * site
    out
      .u32(va - at, TEXT - (at + 4))
      .u16(cpuid)
      .u8(6, 2)
  }
  return out.bytes()
}

const list = entries(
  { site: 3, cpuid: NOT | XENPV },
  { site: 9, cpuid: NOT | X86_FEATURE_PVUNLOCK },
  { site: -1, cpuid: 5 },
)
const image = tinyKernel({ alternatives: list })
const read = readAlternatives(new ImageView(image))!
const { sites } = requireLayout(image)

test('the 12-byte form is read with its NOT bit', () => {
  expect(read.map(entry => [entry.va, entry.feature, entry.not])).toEqual([
    [TEXT + 0x40, XENPV, true],
    [TEXT + 0xa0, X86_FEATURE_PVUNLOCK, true],
    [TEXT + 0xf00, 5, false],
  ])
})

test('an entry over a site of a replaced slot becomes NOT ALWAYS', () => {
  const { scrubs: changes, leftToKernel } = scrubs(read, sites, new Set([3, 9]))
  expect(changes).toHaveLength(1)
  expect(changes[0]).toMatchObject({ va: ALTERNATIVES + 8, slot: 3, siteVa: TEXT + 0x40 })
  const word = changes[0]!.bytes[0]! | (changes[0]!.bytes[1]! << 8)
  expect(word).toBe(NOT | X86_FEATURE_ALWAYS)
  // paravirt_set_cap (6.1 arch/x86/kernel/paravirt.c) forces PVUNLOCK itself.
  expect(leftToKernel).toBe(1)
})

test('entries over slots that stay are left alone', () => {
  expect(scrubs(read, sites, new Set([0, 1])).scrubs).toEqual([])
})

test('the 14-byte form of 6.3 and up has its flags apart', () => {
  const at = ALTERNATIVES
  const bytes = new Writer()
    .u32(TEXT + 0x40 - at, TEXT - (at + 4))
    .u16(XENPV, 1)
    .u8(6, 2)
    .bytes()
  const modern = readAlternatives(new ImageView(tinyKernel({ alternatives: bytes })))!
  expect(modern[0]).toMatchObject({ feature: XENPV, not: true, entrySize: 14, directCall: false })
  expect(scrubs(modern, sites, new Set([3])).scrubs[0]?.bytes).toEqual(
    Uint8Array.of(X86_FEATURE_ALWAYS & 0xff, X86_FEATURE_ALWAYS >> 8, 1, 0),
  )
})

test('an entry that stands for the paravirtual call itself follows the table, and stays', () => {
  const at = ALTERNATIVES
  const ALT_FLAG_DIRECT_CALL = 2
  const direct = new Writer()
    .u32(TEXT + 0x40 - at, TEXT - (at + 4))
    .u16(X86_FEATURE_ALWAYS, ALT_FLAG_DIRECT_CALL)
    .u8(6, 5)
  const modern = readAlternatives(new ImageView(tinyKernel({ alternatives: direct.bytes() })))!
  expect(modern[0]).toMatchObject({ directCall: true })
  expect(scrubs(modern, sites, new Set([3]))).toEqual({ scrubs: [], leftToKernel: 1 })
})

test('bytes of no known form are not read at all', () => {
  expect(readAlternatives(new ImageView(tinyKernel({ alternatives: new Uint8Array(37).fill(0xff) })))).toBeUndefined()
})
