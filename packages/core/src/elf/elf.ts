/**
 * ELF headers of both classes, little-endian: identification, program headers, section headers (gABI chapters 4 and 5;
 * `elf.h` names). What the headers promise is checked against the file before anybody uses it. What the pieces mean
 * for a guest is the business of `elf-image.ts` (executables) and `elf-rel.ts` (object files).
 */
import { corrupt, tooLarge, truncated, unsupported, wrongArchitecture } from './errors.ts'
import { Reader, StringTable } from './reader.ts'

export const ET_REL = 1
export const ET_EXEC = 2
const EM_386 = 3
const EM_X86_64 = 62
export const PT_LOAD = 1
export const PT_NOTE = 4
export const PF_X = 1
export const PF_W = 2
export const PF_R = 4
export const SHT_NULL = 0
export const SHT_PROGBITS = 1
export const SHT_SYMTAB = 2
export const SHT_RELA = 4
export const SHT_NOTE = 7
export const SHT_NOBITS = 8
export const SHT_REL = 9
export const SHF_WRITE = 1
export const SHF_ALLOC = 2
export const SHF_EXECINSTR = 4
export const SHN_UNDEF = 0
export const SHN_LORESERVE = 0xff00
export const SHN_ABS = 0xfff1
export const SHN_COMMON = 0xfff2
const SHN_XINDEX = 0xffff

/** More sections than any linker makes; each costs memory here, so a crafted count is refused. */
const SECTION_LIMIT = 1 << 18

const ELFCLASS32 = 1
/** `e_ident[EI_CLASS]` of 64-bit files. */
export const ELFCLASS64 = 2
const ELFDATA2LSB = 1

/** Names for messages (gABI, `e_machine` and `e_type`). */
const MACHINES: Readonly<Record<number, string>> = {
  2: 'SPARC',
  3: 'i386',
  8: 'MIPS',
  20: 'PowerPC',
  21: 'PowerPC64',
  22: 'S/390',
  40: 'ARM',
  62: 'x86_64',
  183: 'AArch64',
  243: 'RISC-V',
  258: 'LoongArch',
}
const TYPES: Readonly<Record<number, string>> = {
  0: 'ET_NONE',
  1: 'ET_REL (an object file)',
  2: 'ET_EXEC',
  3: 'ET_DYN (a shared object or position-independent executable)',
  4: 'ET_CORE (a core dump)',
}

/** The printed name of an `e_machine`. */
function machineName(machine: number): string {
  return MACHINES[machine] ?? `ELF machine ${machine}`
}

/** The printed name of an `e_type`. */
function typeName(type: number): string {
  return TYPES[type] ?? `ELF type ${type}`
}

/** A program header. Addresses of ELF64 are signed (canonical), so that the kernel half stays exact. */
interface ElfProgram {
  type: number
  flags: number
  offset: number
  vaddr: number
  paddr: number
  fileSize: number
  memorySize: number
  align: number
}

/** A section header with its name; `bytes` is a view of the file, empty for SHT_NOBITS. */
export interface ElfSection {
  name: string
  type: number
  flags: number
  vaddr: number
  offset: number
  size: number
  link: number
  info: number
  align: number
  entrySize: number
  bytes: Uint8Array
}

/** The headers of an ELF file, checked against the file's length. */
export interface ElfFile {
  class: 32 | 64
  type: number
  machine: number
  entry: number
  bytes: Uint8Array
  programs: ElfProgram[]
  sections: ElfSection[]
  /** Where the last thing that a header mentions ends; what follows (a relocation list) is not ELF's. */
  end: number
}

/** True if the bytes start with ELF's magic. */
export function isElf(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && bytes[0] === 0x7f && bytes[1] === 0x45 && bytes[2] === 0x4c && bytes[3] === 0x46
}

/**
 * Reads the headers. Throws `PG_IMAGE_TRUNCATED` where a header or the content it points to lies outside the file,
 * `PG_IMAGE_CORRUPT` for contradictions, `PG_IMAGE_ARCH` for anything but i386 and x86_64.
 */
export function readElf(bytes: Uint8Array): ElfFile {
  const file = new Reader(bytes, 'ELF header')
  if (!isElf(bytes)) throw corrupt('ELF header', 'the magic is missing')
  file.require(0, 20)
  const cls = file.u8(4)
  const machine = file.u16(18)
  if (file.u8(5) !== ELFDATA2LSB) throw wrongArchitecture('a big-endian processor', 'i386')
  if (machine !== EM_386 && machine !== EM_X86_64) throw wrongArchitecture(machineName(machine), 'i386', { machine })
  if (cls !== ELFCLASS32 && cls !== ELFCLASS64)
    throw corrupt('ELF header', 'the class is neither 32 nor 64 bits', { cls })
  if ((cls === ELFCLASS64) !== (machine === EM_X86_64)) {
    throw wrongArchitecture(`${machineName(machine)} in ELF class ${cls === ELFCLASS64 ? 64 : 32}`, 'i386', {
      machine,
      cls,
    })
  }
  const wide = cls === ELFCLASS64
  const headerSize = wide ? 64 : 52
  file.require(0, headerSize)
  const type = file.u16(16)
  const programs = readPrograms(file, wide)
  const sections = readSections(file, wide)
  const entry = wide ? address64(file, 24) : file.u32(24)
  const ends = [
    headerSize,
    ...programs.map(p => p.offset + p.fileSize),
    ...sections.map(s => s.offset + s.bytes.length),
  ]
  const programEntry = wide ? 56 : 32
  const sectionEntry = wide ? 64 : 40
  if (programs.length > 0) ends.push((wide ? file.u64(32) : file.u32(28)) + programs.length * programEntry)
  if (sections.length > 0) ends.push((wide ? file.u64(40) : file.u32(32)) + sections.length * sectionEntry)
  const end = ends.reduce((a, b) => Math.max(a, b), 0)
  return { class: wide ? 64 : 32, type, machine, entry, bytes, programs, sections, end }
}

/** Throws unless the file is of this type; the hint says where the other types belong. */
export function requireType(elf: ElfFile, type: number): void {
  if (elf.type === type) return
  const hint =
    elf.type === ET_REL
      ? 'Object files are for ops modules; as a guest give the linked kernel.'
      : `Link it as ${typeName(type)}: a kernel is linked for fixed addresses.`
  throw unsupported(typeName(elf.type), hint, { type: elf.type, wanted: type })
}

function readPrograms(file: Reader, wide: boolean): ElfProgram[] {
  const offset = wide ? file.u64(32) : file.u32(28)
  const entrySize = file.u16(wide ? 54 : 42)
  const count = file.u16(wide ? 56 : 44)
  const size = wide ? 56 : 32
  if (count === 0) return []
  if (entrySize !== size) throw corrupt('ELF header', `e_phentsize is ${entrySize}, not ${size}`, { entrySize })
  file.require(offset, count * size, 'program header table')
  const programs: ElfProgram[] = []
  for (let i = 0; i < count; i++) {
    const at = offset + i * size
    const p: ElfProgram = wide
      ? {
          type: file.u32(at),
          flags: file.u32(at + 4),
          offset: file.u64(at + 8),
          vaddr: address64(file, at + 16),
          paddr: address64(file, at + 24),
          fileSize: file.u64(at + 32),
          memorySize: file.u64(at + 40),
          align: file.u64(at + 48),
        }
      : {
          type: file.u32(at),
          offset: file.u32(at + 4),
          vaddr: file.u32(at + 8),
          paddr: file.u32(at + 12),
          fileSize: file.u32(at + 16),
          memorySize: file.u32(at + 20),
          flags: file.u32(at + 24),
          align: file.u32(at + 28),
        }
    // PT_NULL and types unknown here may hold anything; only what will be read is checked.
    if (p.type === PT_LOAD || p.type === PT_NOTE) file.require(p.offset, p.fileSize, `program header ${i}`)
    else p.fileSize = Math.min(p.fileSize, Math.max(0, file.length - p.offset))
    programs.push(p)
  }
  return programs
}

function readSections(file: Reader, wide: boolean): ElfSection[] {
  const offset = wide ? file.u64(40) : file.u32(32)
  if (offset === 0) return []
  const entrySize = file.u16(wide ? 58 : 46)
  const size = wide ? 64 : 40
  let count = file.u16(wide ? 60 : 48)
  let nameIndex = file.u16(wide ? 62 : 50)
  if (count > 0 && entrySize !== size)
    throw corrupt('ELF header', `e_shentsize is ${entrySize}, not ${size}`, { entrySize })
  file.require(offset, size, 'section header table')
  // More than 0xFEFF sections: the true numbers stand in section 0 (gABI, "Section Header").
  if (count === 0) count = wide ? file.u64(offset + 32) : file.u32(offset + 20)
  if (nameIndex === SHN_XINDEX) nameIndex = file.u32(offset + (wide ? 40 : 24))
  if (count === 0) return []
  if (count > SECTION_LIMIT) throw tooLarge('the number of sections', count, SECTION_LIMIT)
  file.require(offset, count * size, 'section header table')
  const sections: ElfSection[] = []
  const nameOffsets: number[] = []
  for (let i = 0; i < count; i++) {
    const at = offset + i * size
    nameOffsets.push(file.u32(at))
    const section: ElfSection = wide
      ? {
          name: '',
          type: file.u32(at + 4),
          flags: file.u64(at + 8),
          vaddr: address64(file, at + 16),
          offset: file.u64(at + 24),
          size: file.u64(at + 32),
          link: file.u32(at + 40),
          info: file.u32(at + 44),
          align: file.u64(at + 48),
          entrySize: file.u64(at + 56),
          bytes: new Uint8Array(0),
        }
      : {
          name: '',
          type: file.u32(at + 4),
          flags: file.u32(at + 8),
          vaddr: file.u32(at + 12),
          offset: file.u32(at + 16),
          size: file.u32(at + 20),
          link: file.u32(at + 24),
          info: file.u32(at + 28),
          align: file.u32(at + 32),
          entrySize: file.u32(at + 36),
          bytes: new Uint8Array(0),
        }
    if (section.type === SHT_NULL || section.type === SHT_NOBITS) section.offset = 0
    else section.bytes = file.slice(section.offset, section.size, `section ${i}`)
    sections.push(section)
  }
  if (nameIndex === SHN_UNDEF) return sections
  const strings = sections[nameIndex]
  if (strings === undefined) throw corrupt('ELF header', 'the section name table does not exist', { nameIndex })
  const names = new StringTable(strings.bytes, 'section names')
  sections.forEach((section, i) => {
    section.name = names.at(nameOffsets[i] as number)
  })
  return sections
}

/** A 64-bit address as a signed number: the kernel half comes out negative and exact. */
function address64(file: Reader, offset: number): number {
  const value = file.s64(offset)
  if (value === undefined) throw corrupt(file.what, 'an address is not canonical', { offset })
  return value
}

/** The contents of `section` as entries of exactly `entrySize` bytes; throws `PG_IMAGE_CORRUPT` when they are not. */
export function entryCount(section: ElfSection, entrySize: number): number {
  if (section.entrySize !== entrySize) {
    throw corrupt(`section ${section.name}`, `its entries are ${section.entrySize} bytes, not ${entrySize}`)
  }
  if (section.bytes.length % entrySize !== 0) {
    throw truncated(`section ${section.name}`, section.bytes.length, entrySize, section.bytes.length % entrySize)
  }
  return section.bytes.length / entrySize
}
