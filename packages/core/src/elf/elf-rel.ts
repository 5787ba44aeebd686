/**
 * ELF32 object files for i386 (ET_REL; i386 psABI, "Relocation"): sections that go to memory, symbols, relocations. Ops
 * modules of third parties come as such objects; `elf-link.ts` links them.
 *
 * What the linker could not do is refused here: no GOT, no thread-local storage, no constructors, since a module with
 * a hole in it must never reach a guest.
 */
import { ParagraftError } from '../errors.ts'
import type { ElfFile, ElfSection } from './elf.ts'
import {
  ET_REL,
  entryCount,
  readElf,
  requireType,
  SHF_ALLOC,
  SHF_EXECINSTR,
  SHF_WRITE,
  SHN_ABS,
  SHN_COMMON,
  SHN_LORESERVE,
  SHN_UNDEF,
  SHT_NOBITS,
  SHT_NOTE,
  SHT_PROGBITS,
  SHT_REL,
  SHT_RELA,
  SHT_SYMTAB,
} from './elf.ts'
import { corrupt, unsupported, wrongArchitecture } from './errors.ts'
import { Reader, StringTable } from './reader.ts'

const STB_LOCAL = 0
const STB_WEAK = 2
const STT_SECTION = 3
const STT_TLS = 6
const STT_GNU_IFUNC = 10
const SHF_TLS = 0x400

/** Alignments beyond a large page are nobody's. */
export const MAX_ALIGN = 1 << 22

/** How a relocation's value is made and stored: S + A, less P where relative; `size` in bytes. */
export interface Howto {
  name: string
  size: 1 | 2 | 4
  relative: boolean
}

/** The relocations that can be linked, by type. */
export const HOWTO: Readonly<Record<number, Howto>> = {
  1: { name: 'R_386_32', size: 4, relative: false },
  2: { name: 'R_386_PC32', size: 4, relative: true },
  // A call through a PLT that there is not: S for L, as every static linker takes it.
  4: { name: 'R_386_PLT32', size: 4, relative: true },
  20: { name: 'R_386_16', size: 2, relative: false },
  21: { name: 'R_386_PC16', size: 2, relative: true },
  22: { name: 'R_386_8', size: 1, relative: false },
  23: { name: 'R_386_PC8', size: 1, relative: true },
}
const R_386_NONE = 0

/** Names of relocations that are refused, for the message. */
const REFUSED: Readonly<Record<number, string>> = {
  3: 'R_386_GOT32',
  9: 'R_386_GOTOFF',
  10: 'R_386_GOTPC',
  14: 'R_386_TLS_TPOFF',
  15: 'R_386_TLS_IE',
  16: 'R_386_TLS_GOTIE',
  17: 'R_386_TLS_LE',
  18: 'R_386_TLS_GD',
  19: 'R_386_TLS_LDM',
  43: 'R_386_GOT32X',
}

/** A section of an object that will lie in memory. */
export interface ObjectSection {
  /** Index in the file, by which symbols and relocations name it. */
  index: number
  name: string
  size: number
  align: number
  /** The contents; empty for BSS. */
  bytes: Uint8Array
  writable: boolean
  executable: boolean
}

/** A symbol of an object. */
export interface ObjectSymbol {
  name: string
  value: number
  size: number
  binding: 'local' | 'global' | 'weak'
  /** Section index, or what stands in its place. */
  section: number | 'undefined' | 'absolute' | 'common'
}

/** One place to be patched: `offset` in the section with index `section`; `symbol` is an index into `symbols`. */
export interface ObjectRelocation {
  section: number
  offset: number
  type: number
  symbol: number
}

/** An object file, read and checked. */
export interface ObjectFile {
  sections: ObjectSection[]
  symbols: ObjectSymbol[]
  relocations: ObjectRelocation[]
}

/** Reads an object file. Throws the `PG_IMAGE_…` codes, and `PG_LINK_RELOCATION` for kinds that are refused. */
export function readObject(bytes: Uint8Array): ObjectFile {
  const elf = readElf(bytes)
  if (elf.class !== 32) throw wrongArchitecture('x86_64 (ELF64)', 'i386 (ELF32)', { class: 64, machine: elf.machine })
  requireType(elf, ET_REL)
  const sections: ObjectSection[] = []
  elf.sections.forEach((section, index) => {
    if (isPlaced(section)) sections.push(objectSection(section, index))
  })
  const placed = new Set(sections.map(section => section.index))
  const { symbols, table } = readSymbols(elf)
  return { sections, symbols, relocations: readRelocations(elf, placed, symbols.length, table) }
}

/** Which sections go to memory: what is allocated, less unwinding tables and notes, which no guest reads. */
function isPlaced(section: ElfSection): boolean {
  return (section.flags & SHF_ALLOC) !== 0 && section.type !== SHT_NOTE && section.name !== '.eh_frame'
}

function objectSection(section: ElfSection, index: number): ObjectSection {
  const what = `section ${section.name}`
  if ((section.flags & SHF_TLS) !== 0)
    throw unsupported(`${what} (thread-local)`, 'A guest kernel has no threads of ours.')
  if (section.type !== SHT_PROGBITS && section.type !== SHT_NOBITS) {
    throw unsupported(
      `${what} (type ${section.type})`,
      'Constructors and the like would never run: call them yourself.',
    )
  }
  const align = Math.max(1, section.align)
  if ((align & (align - 1)) !== 0 || align > MAX_ALIGN) throw corrupt(what, 'its alignment is impossible', { align })
  return {
    index,
    name: section.name,
    size: section.size,
    align,
    bytes: section.bytes,
    writable: (section.flags & SHF_WRITE) !== 0,
    executable: (section.flags & SHF_EXECINSTR) !== 0,
  }
}

function readSymbols(elf: ElfFile): { symbols: ObjectSymbol[]; table: number } {
  const table = elf.sections.findIndex(section => section.type === SHT_SYMTAB)
  const symtab = elf.sections[table]
  if (symtab === undefined) return { symbols: [], table }
  const strings = elf.sections[symtab.link]
  if (strings === undefined) throw corrupt('symbol table', 'its string table does not exist', { link: symtab.link })
  const names = new StringTable(strings.bytes, 'symbol names')
  const reader = new Reader(symtab.bytes, 'symbol table')
  const count = entryCount(symtab, 16)
  const symbols: ObjectSymbol[] = []
  for (let i = 0; i < count; i++) {
    const at = i * 16
    const info = reader.u8(at + 12)
    const index = reader.u16(at + 14)
    const type = info & 15
    const name = type === STT_SECTION ? (elf.sections[index]?.name ?? '') : names.at(reader.u32(at))
    if (type === STT_TLS || type === STT_GNU_IFUNC)
      throw unsupported(`symbol ${name} (type ${type})`, 'Use plain functions and data.')
    symbols.push({
      name,
      value: reader.u32(at + 4),
      size: reader.u32(at + 8),
      binding: info >> 4 === STB_LOCAL ? 'local' : info >> 4 === STB_WEAK ? 'weak' : 'global',
      section: symbolSection(elf, index, name),
    })
  }
  return { symbols, table }
}

function symbolSection(elf: ElfFile, index: number, name: string): ObjectSymbol['section'] {
  if (index === SHN_UNDEF) return 'undefined'
  if (index === SHN_ABS) return 'absolute'
  if (index === SHN_COMMON) return 'common'
  if (index >= SHN_LORESERVE || index >= elf.sections.length) {
    throw corrupt(`symbol ${name}`, 'its section does not exist', { section: index })
  }
  return index
}

function readRelocations(elf: ElfFile, placed: Set<number>, symbols: number, table: number): ObjectRelocation[] {
  const relocations: ObjectRelocation[] = []
  for (const section of elf.sections) {
    // Debug information and dropped sections have relocations too; nobody needs those.
    if ((section.type !== SHT_REL && section.type !== SHT_RELA) || !placed.has(section.info)) continue
    if (section.type === SHT_RELA)
      throw unsupported('relocations with addends (RELA)', 'i386 objects use REL: assemble for i386.')
    if (section.link !== table)
      throw corrupt(`section ${section.name}`, 'it uses another symbol table', { link: section.link })
    const target = elf.sections[section.info] as ElfSection
    const reader = new Reader(section.bytes, `section ${section.name}`)
    const count = entryCount(section, 8)
    for (let i = 0; i < count; i++) {
      const offset = reader.u32(i * 8)
      const info = reader.u32(i * 8 + 4)
      const type = info & 0xff
      const symbol = info >>> 8
      if (type === R_386_NONE) continue
      if (symbol >= symbols) throw corrupt(`section ${section.name}`, 'a symbol does not exist', { symbol })
      const howto = HOWTO[type]
      // Patching BSS would be lost: it has no bytes.
      if (offset + (howto?.size ?? 1) > target.bytes.length) {
        throw corrupt(`section ${section.name}`, 'a relocation lies outside its section', {
          offset,
          size: target.bytes.length,
        })
      }
      if (howto === undefined) throw refusedRelocation(type, target.name, offset)
      relocations.push({ section: section.info, offset, type, symbol })
    }
  }
  return relocations
}

function refusedRelocation(type: number, section: string, offset: number): ParagraftError {
  const name = REFUSED[type] ?? `relocation type ${type}`
  return new ParagraftError('PG_LINK_RELOCATION', `${name} in ${section} at offset ${offset} cannot be linked here`, {
    fields: { type, name, section, offset },
    hint: 'Compile with -fno-pic -fno-pie -mno-tls-direct-seg-refs: there is no global offset table in a guest.',
  })
}
