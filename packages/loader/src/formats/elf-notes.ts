/**
 * ELF notes (gABI, "Note Section") from program headers and sections, and what Xen's notes say about ways in
 * (Xen `public/elfnote.h`).
 */

import type { ElfFile } from '@paragraft/core/elf'
import { corrupt, cString, latin1, PT_NOTE, Reader, SHT_NOTE } from '@paragraft/core/elf'
import type { ImageEntry, ImageNote } from '@paragraft/core/image'

/** `XEN_ELFNOTE_ENTRY`: the paravirtual entry (virtual address). */
const XEN_ELFNOTE_ENTRY = 1
/** `XEN_ELFNOTE_PHYS32_ENTRY`: the PVH entry, 32-bit protected mode (physical address). */
const XEN_ELFNOTE_PHYS32_ENTRY = 18

/** grub-mkimage's last note (i386-xen) claims so many bytes more than there are, and Xen boots it: what is there counts. */
const LAST_NOTE_SLACK = 8
/** An image with more notes than this is crafted. */
const NOTE_LIMIT = 65536

/** All notes, PT_NOTE first, then sections; a note that both cover is given once. */
export function readNotes(elf: ElfFile): ImageNote[] {
  const notes = new Map<number, ImageNote>()
  for (const p of elf.programs) {
    if (p.type === PT_NOTE) collect(notes, elf.bytes, p.offset, p.fileSize, p.align)
  }
  for (const s of elf.sections) {
    if (s.type === SHT_NOTE) collect(notes, elf.bytes, s.offset, s.bytes.length, s.align)
  }
  return [...notes.values()]
}

function collect(
  notes: Map<number, ImageNote>,
  bytes: Uint8Array,
  offset: number,
  length: number,
  align: number,
): void {
  const reader = new Reader(bytes.subarray(offset, offset + length), 'note')
  // Everything pads to 4 except notes that say 8 (.note.gnu.property in ELF64).
  const pad = align === 8 ? 8 : 4
  let at = 0
  while (at + 12 <= length) {
    const nameSize = reader.u32(at)
    const descSize = reader.u32(at + 4)
    const type = reader.u32(at + 8)
    const desc = roundUp(at + 12 + nameSize, pad)
    const missing = Math.max(at + 12 + nameSize, desc + descSize) - length
    if (at + 12 + nameSize > length || missing > LAST_NOTE_SLACK) {
      throw corrupt('note', 'it is longer than what holds it', { offset: offset + at, nameSize, descSize })
    }
    // An all-zero record is padding.
    if (nameSize !== 0 || descSize !== 0 || type !== 0) {
      const owner = cString(reader.slice(at + 12, nameSize))
      notes.set(offset + at, { owner, type, desc: reader.slice(desc, Math.min(descSize, length - desc)) })
      if (notes.size > NOTE_LIMIT) throw corrupt('notes', `there are more than ${NOTE_LIMIT}`)
    }
    at = roundUp(desc + descSize, pad)
  }
}

/** Entries that Xen's notes, or the older `__xen_guest` string, offer. */
export function xenEntries(elf: ElfFile, notes: ImageNote[]): ImageEntry[] {
  const entries: ImageEntry[] = []
  const xen = notes.filter(note => note.owner === 'Xen')
  const phys32 = xen.find(note => note.type === XEN_ELFNOTE_PHYS32_ENTRY)
  if (phys32 !== undefined && phys32.desc.length >= 4) {
    entries.push({ kind: 'pvh', address: new Reader(phys32.desc, 'PHYS32_ENTRY note').u32(0) })
  }
  const pv = xen.find(note => note.type === XEN_ELFNOTE_ENTRY)
  if (pv !== undefined && pv.desc.length >= 4) {
    const reader = new Reader(pv.desc, 'ENTRY note')
    const address = pv.desc.length >= 8 ? reader.s64(0) : reader.u32(0)
    if (address !== undefined) entries.push({ kind: 'xen-pv', address })
  } else if (xen.length === 0) {
    const legacy = elf.sections.find(section => section.name === '__xen_guest')
    if (legacy !== undefined) entries.push({ kind: 'xen-pv', address: legacyEntry(legacy.bytes) ?? elf.entry })
  }
  return entries
}

/** `VIRT_ENTRY=` of the comma-separated `__xen_guest` string; absent means `e_entry`. */
function legacyEntry(bytes: Uint8Array): number | undefined {
  const found = /(?:^|,)VIRT_ENTRY=(0x[0-9a-fA-F]{1,8}|[0-9]{1,10})(?:,|\0|$)/.exec(latin1(bytes.subarray(0, 4096)))
  return found === null ? undefined : Number(found[1])
}

function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to
}
