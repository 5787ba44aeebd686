/**
 * Head `xen-pv`: the paravirtual entry, by note or by the string `__xen_guest`; the domain builder does the rest. What is asked of
 * an image is what libelf asks (xen/common/libelf/libelf-dominfo.c: elf_xen_note_check, elf_xen_addr_calc_check), and that its
 * kernel uses PAE page tables, as all 32-bit kernels on a 64-bit Xen.
 */

import type { GuestImage, GuestMemory, Head, HeadMatch, PlaceOptions, StartOfDay } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import { describeXen, XEN_PV, type XenDescription } from '../notes.ts'
import { buildDomain, paddrOffset } from '../pv/builder.ts'

/** Features by name that such a domain has (xen/include/public/features.h); one that a kernel requires is marked with `!`. */
const FEATURES = ['pae_pgdir_above_4gb', 'gnttab_map_avail_bits']
const REQUIRED = '!'
const PAE = /^(yes|bimodal)/
const NEEDS_MODULE =
  'a kernel that does not know Xen boots with an ops module that brings the entrypoint (--ops @paragraft/backend-xen/ops)'
const SOURCES = { notes: 'its notes', __xen_guest: 'its string __xen_guest', module: 'an ops module' }

const hex = (value: number): string =>
  `0x${(value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value)).toString(16)}`

export const pvHead: Head = {
  name: XEN_PV,
  paging: true,

  probe(image: GuestImage): HeadMatch {
    const found = find(image)
    if (typeof found === 'string') return { match: false, reason: found }
    return { match: true, entry: found.entry, note: wishes(found.description) }
  },

  place(image: GuestImage, options: PlaceOptions, memory: GuestMemory): StartOfDay {
    const found = find(image)
    if (typeof found === 'string') {
      throw new ParagraftError('PG_HEAD_NO_MATCH', `the xen-pv head cannot boot this image: ${found}`, {
        fields: { head: XEN_PV, reason: found },
        hint: 'Run `paragraft inspect` to see which heads can.',
      })
    }
    return buildDomain(image, found.description, found.entry, options, memory)
  },
}

/** What is needed to build the domain, or why it cannot be built. */
function find(image: GuestImage): { description: XenDescription; entry: number } | string {
  const description = describeXen(image)
  if (description === undefined) return `no ELF note of Xen's, and no section __xen_guest; ${NEEDS_MODULE}`
  // A module's is the one that it was asked for.
  const entry = image.entries.findLast(({ kind }) => kind === XEN_PV)?.address
  if (entry === undefined) return 'its notes have no ENTRY: it has no paravirtual way in'
  const refused = (why: string): string => `it asks for an entry at ${hex(entry)}, ${wishes(description)}; ${why}`
  if (image.machine !== 'i386') return refused(`its kernel is ${image.machine}`)
  const { guestOs = '', loader = '', xenVersion = '', pae = 'no', features = '', bsdSymtab = 'no' } = description
  if (!loader.startsWith('generic') && !guestOs.startsWith('linux')) return refused('it is made for another loader')
  if (!xenVersion.startsWith('xen-3.0')) return refused(`it is made for Xen "${xenVersion}", not xen-3.0`)
  if (!PAE.test(pae)) return refused('it has page tables of two levels, which Xen has had no domains for since PAE')
  const missing = features
    .split('|')
    .filter(feature => feature.startsWith(REQUIRED) && !FEATURES.includes(feature.slice(REQUIRED.length)))
  if (missing.length > 0) return refused(`it requires ${missing.join(', ')}`)
  if (bsdSymtab.startsWith('yes')) return refused('it wants its symbol table loaded (BSD_SYMTAB), which is not done')
  return misplaced(image, description, entry) ?? { description, entry }
}

/** Addresses that contradict each other. */
function misplaced(image: GuestImage, description: XenDescription, entry: number): string | undefined {
  const { source, virtBase = 0, hypercallPage } = description
  const toVirtual = virtBase - paddrOffset(description)
  const start = Math.min(...image.segments.map(({ paddr }) => paddr)) + toVirtual
  const end = Math.max(...image.segments.map(({ paddr, memorySize }) => paddr + memorySize)) + toVirtual
  const range = `${hex(start)}–${hex(end)}`
  if (!(start >= virtBase)) return `its virtual base, ${hex(virtBase)}, is above its segments at ${range}`
  if (source !== 'module' && (entry < start || entry > end))
    return `its entry, ${hex(entry)}, is outside its segments at ${range}`
  if (
    hypercallPage !== undefined &&
    (hypercallPage < start || hypercallPage + 4096 > end || hypercallPage % 4096 !== 0)
  ) {
    return `its hypercall page, ${hex(hypercallPage)}, is no page of its segments at ${range}`
  }
  return undefined
}

/** What the image wants, for a person. */
function wishes({
  source,
  guestOs,
  virtBase,
  paddrOffset: offset,
  pae,
  hypercallPage,
  features,
  modStartPfn,
}: XenDescription): string {
  const parts: string[] = []
  if (guestOs !== undefined) parts.push(guestOs)
  if (virtBase !== undefined) parts.push(`virtual base ${hex(virtBase)}`)
  if (offset !== undefined && offset !== 0) parts.push(`physical addresses from ${hex(offset)}`)
  if (pae !== undefined) parts.push(`PAE ${pae}`)
  if (hypercallPage !== undefined) parts.push(`hypercalls at ${hex(hypercallPage)}`)
  if (features !== undefined && features !== '') parts.push(`features ${features}`)
  if (modStartPfn === true) parts.push('its ramdisk by frame')
  return `${parts.join(', ')} (by ${SOURCES[source]})`
}
