/** A reader of little-endian ELF32 files, for the tests of our own guests: sections, segments, symbols, memory. */

export interface Elf32 {
  entry: number
  segments: { vaddr: number; paddr: number; fileSize: number; memorySize: number }[]
  sections: Map<string, { addr: number; size: number; bytes: Uint8Array }>
  symbols: Map<string, { value: number; size: number }>
  /** File offset of a linked address. Throws when no segment's file bytes hold it. */
  offsetOf(address: number): number
  u8(address: number): number
  u16(address: number): number
  u32(address: number): number
}

const PT_LOAD = 1
const SHT_SYMTAB = 2
const SHT_NOBITS = 8

export function readElf32(file: Uint8Array): Elf32 {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  const u16 = (at: number) => view.getUint16(at, true)
  const u32 = (at: number) => view.getUint32(at, true)
  if (u32(0) !== 0x464c457f || file[4] !== 1 || file[5] !== 1) throw new Error('not a little-endian ELF32 file')

  const segments: (Elf32['segments'][number] & { offset: number })[] = []
  for (let i = 0; i < u16(44); i++) {
    const at = u32(28) + i * u16(42)
    if (u32(at) !== PT_LOAD) continue
    segments.push({
      offset: u32(at + 4),
      vaddr: u32(at + 8),
      paddr: u32(at + 12),
      fileSize: u32(at + 16),
      memorySize: u32(at + 20),
    })
  }

  const header = (index: number) => u32(32) + index * u16(46)
  const bytesOf = (index: number) => {
    const at = header(index)
    return u32(at + 4) === SHT_NOBITS ? new Uint8Array() : file.subarray(u32(at + 16), u32(at + 16) + u32(at + 20))
  }
  const text = (table: Uint8Array, at: number) => {
    const end = table.indexOf(0, at)
    return new TextDecoder().decode(table.subarray(at, end))
  }
  const names = bytesOf(u16(50))
  const sections: Elf32['sections'] = new Map()
  const symbols: Elf32['symbols'] = new Map()
  for (let i = 1; i < u16(48); i++) {
    const at = header(i)
    sections.set(text(names, u32(at)), { addr: u32(at + 12), size: u32(at + 20), bytes: bytesOf(i) })
    if (u32(at + 4) !== SHT_SYMTAB) continue
    const strings = bytesOf(u32(at + 24))
    for (let s = u32(at + 16); s < u32(at + 16) + u32(at + 20); s += 16) {
      symbols.set(text(strings, u32(s)), { value: u32(s + 4), size: u32(s + 8) })
    }
  }

  const offsetOf = (address: number) => {
    const s = segments.find(s => address >= s.vaddr && address < s.vaddr + s.fileSize)
    if (!s) throw new Error(`no file bytes at ${address.toString(16)}`)
    return s.offset + address - s.vaddr
  }
  return {
    entry: u32(24),
    segments,
    sections,
    symbols,
    offsetOf,
    u8: address => file[offsetOf(address)]!,
    u16: address => u16(offsetOf(address)),
    u32: address => u32(offsetOf(address)),
  }
}
