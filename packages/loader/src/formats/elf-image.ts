/**
 * An executable ELF file as a guest image: load segments checked for sense, sections and symbols by name, notes, and
 * the ways in that these offer. Shared by `elf32.ts` and `elf64.ts`; the class makes no difference here.
 */

import type { ElfFile, ElfSection } from '@paragraft/core/elf'
import {
  corrupt,
  entryCount,
  overlap,
  PF_R,
  PF_W,
  PF_X,
  PT_LOAD,
  Reader,
  SHN_UNDEF,
  SHT_NULL,
  SHT_SYMTAB,
  StringTable,
  tooLarge,
} from '@paragraft/core/elf'
import type { GuestImage, ImageEntry, ImageSection, ImageSegment, ImageSymbol } from '@paragraft/core/image'
import { readNotes, xenEntries } from './elf-notes.ts'

const STT_OBJECT = 1
const STT_FUNC = 2
const STT_SECTION = 3
const STT_FILE = 4

/** Linux with every symbol kept has some 400,000. */
const SYMBOL_LIMIT = 1 << 21

/** The image of an executable: everything but the format's name and the multiboot header. */
export function elfImage(elf: ElfFile): GuestImage {
  const segments = loadSegments(elf)
  if (segments.length === 0) throw corrupt('ELF file', 'it has nothing to load')
  const notes = readNotes(elf)
  const sections = elf.sections.filter(s => s.type !== SHT_NULL).map(imageSection)
  return {
    format: [elf.class === 64 ? 'elf64' : 'elf32'],
    machine: elf.class === 64 ? 'x86_64' : 'i386',
    segments,
    sections,
    symbols: readSymbols(elf),
    notes,
    entries: [...elfEntries(elf, segments, notes, sections), ...xenEntries(elf, notes)],
    ...(elf.end < elf.bytes.length ? { trailer: elf.bytes.subarray(elf.end) } : {}),
  }
}

/** Where `address` is loaded if it is a virtual address inside an executable segment; itself otherwise. */
export function physicalEntry(segments: ImageSegment[], address: number): number {
  // Kernels differ: Linux and Xen put a physical address into e_entry, gnumach the linked one. GRUB and QEMU translate alike.
  const home = segments.find(s => s.flags.execute && address >= s.vaddr && address < s.vaddr + s.memorySize)
  return home === undefined ? address : address - home.vaddr + home.paddr
}

/** Throws `PG_IMAGE_OVERLAP` if two segments share a physical byte, BSS included. */
function refuseOverlap(segments: ImageSegment[]): void {
  const sorted = [...segments].sort((a, b) => a.paddr - b.paddr)
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1] as ImageSegment
    const after = sorted[i] as ImageSegment
    if (before.paddr + before.memorySize > after.paddr) {
      const place = (s: ImageSegment) => ({ paddr: s.paddr, memorySize: s.memorySize })
      throw overlap('two load segments', place(before), place(after))
    }
  }
}

function loadSegments(elf: ElfFile): ImageSegment[] {
  const limit = elf.class === 64 ? 2 ** 52 : 2 ** 32
  const segments: ImageSegment[] = []
  elf.programs.forEach((p, index) => {
    if (p.type !== PT_LOAD || p.memorySize === 0) {
      if (p.type === PT_LOAD && p.fileSize > 0)
        throw corrupt(`program header ${index}`, 'its file part exceeds its memory')
      return
    }
    if (p.fileSize > p.memorySize) throw corrupt(`program header ${index}`, 'its file part exceeds its memory')
    if (p.paddr < 0)
      throw corrupt(`program header ${index}`, 'its physical address is not physical', { paddr: p.paddr })
    if (p.paddr + p.memorySize > limit) throw tooLarge(`program header ${index}`, p.paddr + p.memorySize, limit)
    if (elf.class === 32 && p.vaddr + p.memorySize > limit) {
      throw corrupt(`program header ${index}`, 'its virtual addresses wrap around', { vaddr: p.vaddr })
    }
    segments.push({
      paddr: p.paddr,
      vaddr: p.vaddr,
      bytes: elf.bytes.subarray(p.offset, p.offset + p.fileSize),
      memorySize: p.memorySize,
      flags: { read: (p.flags & PF_R) !== 0, write: (p.flags & PF_W) !== 0, execute: (p.flags & PF_X) !== 0 },
    })
  })
  refuseOverlap(segments)
  return segments
}

function imageSection(section: ElfSection): ImageSection {
  return { name: section.name, vaddr: section.vaddr, bytes: section.bytes, size: section.size }
}

function elfEntries(
  elf: ElfFile,
  segments: ImageSegment[],
  notes: { owner: string }[],
  sections: ImageSection[],
): ImageEntry[] {
  const entries: ImageEntry[] = [{ kind: 'elf', address: elf.entry }]
  // A vmlinux has no mark of its own. Since 5.x it carries notes with owner "Linux"; ever since 2.6 a table of its exports.
  if (notes.some(note => note.owner === 'Linux') || sections.some(section => section.name === '__ksymtab')) {
    entries.push({ kind: 'linux', address: physicalEntry(segments, elf.entry) })
  }
  return entries
}

function readSymbols(elf: ElfFile): ImageSymbol[] {
  const symbols: ImageSymbol[] = []
  const wide = elf.class === 64
  const size = wide ? 24 : 16
  for (const table of elf.sections) {
    if (table.type !== SHT_SYMTAB) continue
    const strings = elf.sections[table.link]
    if (strings === undefined)
      throw corrupt(`section ${table.name}`, 'its string table does not exist', { link: table.link })
    const names = new StringTable(strings.bytes, 'symbol names')
    const reader = new Reader(table.bytes, 'symbol table')
    const count = entryCount(table, size)
    for (let i = 1; i < count; i++) {
      const at = i * size
      const type = reader.u8(at + (wide ? 4 : 12)) & 15
      const section = reader.u16(at + (wide ? 6 : 14))
      const nameOffset = reader.u32(at)
      if (section === SHN_UNDEF || nameOffset === 0 || type === STT_SECTION || type === STT_FILE) continue
      // Absolute symbols may hold checksums and the like; one that no number can hold exactly is no address either.
      const value = wide ? reader.s64(at + 8) : reader.u32(at + 4)
      const symbolSize = wide ? reader.s64(at + 16) : reader.u32(at + 8)
      if (value === undefined || symbolSize === undefined) continue
      if (symbols.length === SYMBOL_LIMIT) throw tooLarge('the number of symbols', count, SYMBOL_LIMIT)
      symbols.push({
        name: names.at(nameOffset),
        value,
        size: symbolSize,
        type: type === STT_FUNC ? 'func' : type === STT_OBJECT ? 'object' : 'other',
      })
    }
  }
  return symbols
}
