/** The layout of Debian's own i386 kernel, which nobody prepared for us: FACTS were measured on 6.1.176, and stay true by rule. */
import { readFileSync } from 'node:fs'
import type { GuestImage } from '@paragraft/core/image'
import { expect } from 'vitest'
import { guest, needs } from '../../../../tests/support/needs.ts'
import { parseImage } from '../formats/index.ts'
import { readAlternatives, scrubs, X86_FEATURE_PVUNLOCK, X86_FEATURE_VCPUPREEMPT } from './alternatives.ts'
import { findLayout, requireLayout } from './index.ts'
import { readKallsyms } from './kallsyms.ts'
import { NATIVES_6_1 } from './layouts.fixtures.ts'
import { ImageView } from './view.ts'

const load = (name: string): Promise<GuestImage> => parseImage(new Uint8Array(readFileSync(guest(name))))
const debian = needs('debian guests')

debian('vmlinuz and the extracted vmlinux give the same table, by oracles that agree', async () => {
  const packed = requireLayout(await load('vmlinuz-686-pae'))
  const plain = requireLayout(await load('vmlinux-686-pae'))
  expect(packed).toMatchObject({ era: '5.0', arch: 'i386' })
  expect(packed.tablePa).toBe(packed.tableVa - 0xc0000000)
  expect({ ...plain, oracles: [] }).toEqual({ ...packed, oracles: [] })

  const says = new Map(packed.oracles.map(oracle => [oracle.name, oracle]))
  for (const name of ['ksymtab', 'site-vote', 'natives', 'relocs']) {
    expect(says.get(name)).toMatchObject({ tableVa: packed.tableVa })
  }
  expect(says.get('site-vote')?.says).toMatch(new RegExp(`^${packed.sites.length} of ${packed.sites.length} sites`))
  expect(says.get('relocs')?.says).toMatch(/^13 of 13 table words/)
  // CONFIG_KALLSYMS_ALL is off: functions only.
  expect(says.get('kallsyms')?.tableVa).toBeNull()
})

debian('every slot holds the native function of 6.1', async () => {
  const layout = requireLayout(await load('vmlinux-686-pae'))
  expect(layout.slots.map(slot => slot.targetName)).toEqual(NATIVES_6_1)
  expect(layout.slots.map(slot => slot.calleeSave)).toEqual(layout.slots.map(({ slot }) => slot === 9 || slot === 12))
  expect(layout.nopVa).toBe(layout.slots[6]?.target)
  expect(layout.sites.every(site => site.length === 6 && site.kind === 'call')).toBe(true)
})

debian('kallsyms is found without a symbol, and begins where the text does', async () => {
  const symbols = readKallsyms((await load('vmlinux-686-pae')).segments) ?? []
  expect(symbols.length).toBeGreaterThan(40_000)
  expect(symbols[0]).toMatchObject({ type: 'T', value: 0xc1000000 })
  expect(symbols.map(symbol => symbol.name)).toContain('start_kernel')
})

debian('alternatives cover lock sites only, and those are the kernel’s own care', async () => {
  const image = await load('vmlinux-686-pae')
  const { sites, slots } = requireLayout(image)
  const entries = readAlternatives(new ImageView(image)) ?? []
  const lock = sites.filter(site => site.slot === 9 || site.slot === 12)
  expect(lock.length).toBeGreaterThan(0)
  const all = scrubs(entries, sites, new Set(slots.map(slot => slot.slot)))
  expect(all).toEqual({ scrubs: [], leftToKernel: lock.length })
  const caps = new Set([X86_FEATURE_PVUNLOCK, X86_FEATURE_VCPUPREEMPT])
  const covering = entries.filter(entry => lock.some(site => site.va === entry.va))
  expect(covering.every(entry => entry.not && caps.has(entry.feature))).toBe(true)
})

debian('a kernel whose export table was tampered with is refused', async () => {
  const image = await load('vmlinux-686-pae')
  const { tableVa } = requireLayout(image)
  const table = image.sections.find(section => section.name === '__ksymtab_gpl' || section.name === '__ksymtab')
  expect(table).toBeDefined()
  const sections = image.sections.map(section => {
    if (!section.name.startsWith('__ksymtab') || section.name.endsWith('strings')) return section
    const bytes = section.bytes.slice()
    const view = new DataView(bytes.buffer)
    for (let at = 0; at + 12 <= bytes.length; at += 12) {
      const value = (section.vaddr + at + view.getInt32(at, true)) >>> 0
      if (value === tableVa) view.setInt32(at, view.getInt32(at, true) + 64, true)
    }
    return { ...section, bytes }
  })
  expect(findLayout({ ...image, sections })).toMatchObject({ found: false, code: 'PG_LAYOUT_DISAGREE' })
})
