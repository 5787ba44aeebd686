/**
 * From oracles to a layout: agree on the table, settle the era by what the slots hold, list the sites.
 * Shared by the layouts of guests that keep all their ops in one structure.
 */
import type { GuestImage } from '@paragraft/core/image'
import type { CallSite, GuestLayout, LayoutResult, LayoutSlot, Oracle } from '@paragraft/core/layout'
import { ERAS, type Era } from '@paragraft/core/ops'
import { kernelRelease } from './banner.ts'
import { readOpTableType } from './btf.ts'
import { type SymbolNames, symbolNames } from './names.ts'
import { agreement, isNop } from './natives.ts'
import { kallsymsOracle, ksymtabOracle, siteOracle, symtabOracle } from './oracles.ts'
import { readRelocations } from './relocations.ts'
import { ImageView } from './view.ts'

/** What a layout file says about its kind of guest. */
export interface TableKind {
  /** The C object: `pv_ops`. */
  symbol: string
  /** Which of core's eras it may be. */
  era(era: Era): boolean
  /** True when a kernel of this release has that era; consulted only when the slots' names do not settle it. */
  release?(era: Era, major: number, minor: number): boolean
}

/** Fewer matching native functions than this settle nothing: no-ops match many ops. */
const FEWEST_MATCHES = 3

const hex = (va: number): string => `0x${va.toString(16)}`

/** An image opened for the oracles; reading its symbol lists is what takes time, so it is done once. */
export interface OpenImage {
  image: GuestImage
  view: ImageView
  names: SymbolNames
}

export function openImage(image: GuestImage): OpenImage {
  return { image, view: new ImageView(image), names: symbolNames(image) }
}

/** Looks for the table of that kind in an image. */
export function findTable({ image, view, names }: OpenImage, kind: TableKind): LayoutResult {
  const voted = siteOracle(view)
  const oracles: Oracle[] = [
    ksymtabOracle(view, kind.symbol),
    voted.oracle,
    kallsymsOracle(names, kind.symbol),
    symtabOracle(names, kind.symbol),
  ]
  const said = oracles.filter(oracle => oracle.tableVa !== null)
  const tableVa = said[0]?.tableVa
  if (tableVa === undefined || tableVa === null) {
    return {
      found: false,
      code: 'PG_LAYOUT_NOT_FOUND',
      reason: `nothing in the image says where ${kind.symbol} is`,
      oracles,
    }
  }
  const refuse = (reason: string): LayoutResult => ({ found: false, code: 'PG_LAYOUT_DISAGREE', reason, oracles })
  const other = said.find(oracle => oracle.tableVa !== tableVa)
  if (other !== undefined) {
    return refuse(`${said[0]?.name} says ${hex(tableVa)}, ${other.name} says ${hex(other.tableVa ?? 0)}`)
  }
  if (voted.torn) return refuse(`the call sites do not agree: ${voted.oracle.says}`)
  const tablePa = view.physical(tableVa)
  if (tablePa === undefined || tableVa % 4 !== 0) return refuse(`${hex(tableVa)} is not an address inside the image`)

  const sites = withSlots(voted.sites, tableVa)
  const eras = ERAS.filter(era => era.arch === image.machine && kind.era(era))
  const chosen = chooseEra(eras, kind, { image, view, names }, tableVa, sites)
  oracles.push(...chosen.oracles)
  if (chosen.era === undefined) return refuse(chosen.reason)
  const relocated = relocationOracle(image, chosen.era, tableVa)
  oracles.push(relocated)
  if (relocated.tableVa === null && image.trailer !== undefined) return refuse(`relocs: ${relocated.says}`)

  const layout: GuestLayout = {
    era: chosen.era.id,
    arch: image.machine,
    tableVa,
    tablePa,
    slots: chosen.era.slots.map(slot => describe(slot, view, names, tableVa)),
    sites,
    nopVa: nopAddress(names),
    oracles,
  }
  return { found: true, layout }
}

/** Direct-call sites come with their operand in place of the slot. */
function withSlots(sites: CallSite[], tableVa: number): CallSite[] {
  return sites.map(site => (site.slot >= tableVa ? { ...site, slot: (site.slot - tableVa) / 4 } : site))
}

interface Choice {
  era: Era | undefined
  reason: string
  oracles: Oracle[]
}

function chooseEra(
  eras: Era[],
  kind: TableKind,
  { image, view, names }: OpenImage,
  tableVa: number,
  sites: readonly CallSite[],
): Choice {
  const oracles: Oracle[] = []
  const size = names.size(kind.symbol)
  const highest = sites.reduce((max, site) => Math.max(max, site.slot), 0)
  const fits = eras.filter(
    era =>
      era.slots.length > highest &&
      (size === undefined || size === era.slots.length * 4) &&
      pointsToCode(era, view, tableVa),
  )
  const scores = fits.map(era => ({ era, ...score(era, view, names, tableVa) }))
  const named = scores.filter(s => s.matches >= FEWEST_MATCHES && s.mismatches.length === 0)
  const release = kernelRelease(image)
  const btf = readOpTableType(view)
  const about = `${sites.length} sites up to slot ${highest}${size === undefined ? '' : `, ${size} bytes`}${release === undefined ? '' : `, release ${release}`}`

  let era: Era | undefined
  let reason = ''
  if (named.length === 1) {
    era = named[0]?.era
    const s = named[0]
    oracles.push({
      name: 'natives',
      tableVa,
      says: `${s?.matches} native functions and ${s?.nops} no-ops where era ${era?.id} has them`,
    })
  } else if (named.length > 1) {
    reason = `the slots' functions fit eras ${named.map(s => s.era.id).join(', ')} alike (${about})`
  } else {
    const contradicted = scores.filter(s => s.matches > 0 || s.mismatches.length > 0)
    const byRelease = fits.filter(e => release !== undefined && kind.release?.(e, ...majorMinor(release)) === true)
    const only = byRelease.length === 1 ? byRelease[0] : size !== undefined && fits.length === 1 ? fits[0] : undefined
    if (contradicted.length > 0 && scores.every(s => s.mismatches.length > 0)) {
      const best = [...scores].sort((a, b) => a.mismatches.length - b.mismatches.length)[0]
      reason = `no era has these functions in these slots; nearest is ${best?.era.id}, but ${best?.mismatches[0]}`
    } else if (only !== undefined) {
      era = only
      oracles.push({
        name: 'natives',
        tableVa: null,
        says: `too few named functions to tell; era ${era.id} by ${about}`,
      })
    } else {
      reason = `no single era fits the table (${about})`
    }
  }
  if (era !== undefined && btf !== undefined) {
    const wrong = btfDisagreement(era, btf)
    oracles.push({ name: 'btf', tableVa: null, says: wrong ?? `${btf.length} members in the order of era ${era.id}` })
    if (wrong !== null) return { era: undefined, reason: `BTF: ${wrong}`, oracles }
  }
  return { era, reason, oracles }
}

/** Every function slot of the era must hold an address of code (or nothing, for ops that are absent). */
function pointsToCode(era: Era, view: ImageView, tableVa: number): boolean {
  return era.slots.every(slot => {
    if (slot.kind === 'data') return true
    const target = view.read32(tableVa + 4 * slot.slot)
    return target !== undefined && (target === 0 || view.isCode(target))
  })
}

function score(
  era: Era,
  view: ImageView,
  names: SymbolNames,
  tableVa: number,
): { matches: number; nops: number; mismatches: string[] } {
  let matches = 0
  let nops = 0
  const mismatches: string[] = []
  for (const slot of era.slots) {
    if (slot.kind === 'data') continue
    const at = names.at(view.read32(tableVa + 4 * slot.slot) ?? 0)
    const verdict = agreement(slot, at)
    if (verdict === 'match') matches++
    else if (verdict === 'nop') nops++
    else if (verdict === 'mismatch') mismatches.push(`slot ${slot.slot} (${slot.op}) holds ${at.join(' = ')}`)
  }
  return { matches, nops, mismatches }
}

function btfDisagreement(era: Era, members: readonly { name: string; offset: number }[]): string | null {
  const functions = members.filter(member => member.name !== '')
  if (functions.length !== era.slots.length)
    return `${functions.length} members, era ${era.id} has ${era.slots.length} slots`
  for (const slot of era.slots) {
    const member = functions[slot.slot]
    if (member?.name !== slot.member) return `slot ${slot.slot} is ${member?.name}, era ${era.id} has ${slot.member}`
  }
  return null
}

function relocationOracle(image: GuestImage, era: Era, tableVa: number): Oracle {
  const relocations = readRelocations(image.trailer)
  if (relocations === undefined) return { name: 'relocs', tableVa: null, says: 'the image has no relocation list' }
  const functions = era.slots.filter(slot => slot.kind === 'fn')
  const listed = functions.filter(slot => relocations.has(tableVa + 4 * slot.slot)).length
  const says = `${listed} of ${functions.length} table words are in the list of ${relocations.size} relocations`
  return { name: 'relocs', tableVa: listed === functions.length ? tableVa : null, says }
}

function describe(slot: Era['slots'][number], view: ImageView, names: SymbolNames, tableVa: number): LayoutSlot {
  const target = view.read32(tableVa + 4 * slot.slot) ?? 0
  const name = slot.kind === 'fn' ? preferred(names.at(target)) : undefined
  return {
    slot: slot.slot,
    op: slot.op,
    version: slot.version,
    kind: slot.kind,
    calleeSave: slot.calleeSave,
    target,
    ...(name === undefined ? {} : { targetName: name }),
  }
}

/** Of several aliases the one that says most. */
function preferred(names: readonly string[]): string | undefined {
  return names.find(name => /native_|paravirt/.test(name)) ?? names[0]
}

function nopAddress(names: SymbolNames): number | null {
  for (const list of [names.symtab, names.kallsyms]) {
    for (const [name, va] of list) if (isNop(name)) return va
  }
  return null
}

function majorMinor(release: string): [number, number] {
  const [major, minor] = release.split('.').map(part => Number.parseInt(part, 10))
  return [major ?? 0, minor ?? 0]
}
