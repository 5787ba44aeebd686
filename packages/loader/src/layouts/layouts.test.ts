import { expect, test } from 'vitest'
import { Writer } from '../formats/fixtures.ts'
import { findLayout, requireLayout } from './index.ts'
import { NATIVES_6_1, TABLE, TEXT, tinyKernel } from './layouts.fixtures.ts'

/** The list as relocs.c writes it: a zero word, then the addresses. */
const relocations = (...addresses: number[]): Uint8Array => new Writer().u32(0, ...addresses).bytes()
const tableWords = NATIVES_6_1.map((_, slot) => TABLE + 4 * slot)

test('oracles that agree give the table, its era, its slots and its sites', () => {
  const layout = requireLayout(tinyKernel({ trailer: relocations(...tableWords) }))
  expect(layout).toMatchObject({ era: '5.0', arch: 'i386', tableVa: TABLE, tablePa: TABLE - 0xc0000000 })
  expect(layout.slots.map(slot => slot.targetName)).toEqual(NATIVES_6_1)
  expect(layout.slots[9]).toMatchObject({ op: 'lock.queued_spin_unlock', calleeSave: true, kind: 'fn' })
  expect(layout.sites).toHaveLength(13)
  expect(layout.sites[3]).toEqual({ va: TEXT + 0x40, pa: TEXT + 0x40 - 0xc0000000, slot: 3, length: 6, kind: 'call' })
  expect(layout.nopVa).toBe(layout.slots[6]?.target)
  const speaking = layout.oracles.filter(oracle => oracle.tableVa !== null).map(oracle => oracle.name)
  expect(speaking).toEqual(['ksymtab', 'site-vote', 'natives', 'relocs'])
})

test('the sites alone find a table that no symbol names', () => {
  const layout = requireLayout(tinyKernel({ exported: null }))
  expect(layout.tableVa).toBe(TABLE)
  expect(layout.oracles.find(oracle => oracle.name === 'ksymtab')?.tableVa).toBeNull()
})

test('disagreement is refused, whoever disagrees', () => {
  const refused = (image: ReturnType<typeof tinyKernel>, reason: RegExp): void => {
    const result = findLayout(image)
    expect(result).toMatchObject({ found: false, code: 'PG_LAYOUT_DISAGREE' })
    expect(result.found ? '' : result.reason).toMatch(reason)
  }
  refused(tinyKernel({ exported: TABLE + 4 }), /ksymtab says .* site-vote says/)
  refused(tinyKernel({ sitesTable: TABLE - 4 }), /ksymtab says/)
  // One site of thirteen goes elsewhere.
  const torn = tinyKernel()
  torn.segments[0]!.bytes[0x10 + 2]! += 8
  refused(torn, /do not agree: 12 of 13 sites/)
  // The functions are those of another order.
  const swapped = [...NATIVES_6_1]
  ;[swapped[1], swapped[3]] = [swapped[3]!, swapped[1]!]
  refused(tinyKernel({ functions: swapped }), /no era has these functions/)
  // A word of the table is not relocated: then it is no pointer.
  refused(tinyKernel({ trailer: relocations(...tableWords.slice(1)) }), /relocs: 12 of 13/)
  expect(() => requireLayout(tinyKernel({ exported: TABLE + 4 }))).toThrow(
    expect.objectContaining({ code: 'PG_LAYOUT_DISAGREE' }),
  )
})

test('an image that says nothing about a table is not found', () => {
  const silent = tinyKernel({ exported: null, sites: [], withKallsyms: false })
  expect(findLayout(silent)).toMatchObject({ found: false, code: 'PG_LAYOUT_NOT_FOUND' })
  expect(() => requireLayout(silent)).toThrow(expect.objectContaining({ code: 'PG_LAYOUT_NOT_FOUND' }))
  expect(findLayout({ ...silent, machine: 'x86_64' })).toMatchObject({ code: 'PG_LAYOUT_NOT_FOUND' })
})

test('the fifteen slots of 6.12 are told from the thirteen of 6.1', () => {
  const functions = [NATIVES_6_1[0]!, 'native_safe_halt', 'native_halt', ...NATIVES_6_1.slice(1)]
  expect(requireLayout(tinyKernel({ functions })).era).toBe('6.0')
})

test('sections that lie about their contents end as a refusal', () => {
  const image = tinyKernel()
  for (const section of image.sections) {
    const broken = { ...section, bytes: section.bytes.map((byte, i) => byte ^ (i * 37)) }
    const result = findLayout({ ...image, sections: image.sections.map(s => (s === section ? broken : s)) })
    if (section.name !== '.text') expect(result.found && section.name === '.parainstructions').toBe(false)
  }
})
