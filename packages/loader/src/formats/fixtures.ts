/** Generators of small images for the tests and the fuzzer: every fixture is made here, byte by byte, none is stored. */

/** A growing little-endian buffer. */
export class Writer {
  private readonly out: number[] = []

  get length(): number {
    return this.out.length
  }

  u8(...values: number[]): this {
    for (const v of values) this.out.push(v & 0xff)
    return this
  }

  u16(...values: number[]): this {
    for (const v of values) this.u8(v, v >>> 8)
    return this
  }

  u32(...values: number[]): this {
    for (const v of values) this.u8(v, v >>> 8, v >>> 16, v >>> 24)
    return this
  }

  u64(...values: (number | bigint)[]): this {
    for (const v of values) {
      const wide = BigInt.asUintN(64, BigInt(v))
      this.u32(Number(wide & 0xffff_ffffn), Number(wide >> 32n))
    }
    return this
  }

  raw(bytes: Iterable<number>): this {
    for (const b of bytes) this.out.push(b)
    return this
  }

  text(text: string): this {
    return this.raw(Array.from(text, c => c.charCodeAt(0)))
  }

  align(to: number): this {
    while (this.out.length % to !== 0) this.out.push(0)
    return this
  }

  bytes(): Uint8Array {
    return Uint8Array.from(this.out)
  }
}

/** A program header to generate; `bytes` is its file part. */
interface FixtureProgram {
  type?: number
  vaddr: number | bigint
  paddr: number
  bytes: Uint8Array
  memorySize?: number
  flags?: number
}

/** A section to generate. */
export interface FixtureSection {
  name: string
  type: number
  flags?: number
  vaddr?: number
  bytes?: Uint8Array
  /** Share the bytes of the program header with this index, as linkers do. */
  sameAs?: number
  /** For SHT_NOBITS. */
  size?: number
  link?: number
  info?: number
  align?: number
  entrySize?: number
}

/** What {@link elfFixture} makes. */
export interface ElfFixture {
  class?: 32 | 64
  type?: number
  machine?: number
  entry?: number | bigint
  programs?: FixtureProgram[]
  sections?: FixtureSection[]
}

/** An ELF file. Section 0 and the section name table are added; the first given section has index 1. */
export function elfFixture(fixture: ElfFixture): Uint8Array {
  const wide = fixture.class === 64
  const programs = fixture.programs ?? []
  const given = fixture.sections ?? []
  const headerSize = wide ? 64 : 52
  const phSize = wide ? 56 : 32
  const body = new Writer()
  const start = headerSize + programs.length * phSize
  const place = (bytes: Uint8Array): number => {
    body.align(16)
    const pad = (16 - (start % 16)) % 16
    const offset = start + pad + body.length
    body.raw(bytes)
    return offset
  }
  const programOffsets = programs.map(p => place(p.bytes))
  const names = new Writer().u8(0)
  const nameOffsets = [...given.map(s => s.name), '.shstrtab'].map(name => {
    const at = names.length
    names.text(name).u8(0)
    return at
  })
  const table: FixtureSection = { name: '.shstrtab', type: 3, bytes: names.bytes() }
  const sections = given.length === 0 ? [] : [...given, table]
  const sectionOffsets = sections.map(s =>
    s.sameAs === undefined ? place(s.bytes ?? new Uint8Array(0)) : (programOffsets[s.sameAs] as number),
  )
  if (given.length > 0) body.align(16)
  const startPadded = Math.ceil(start / 16) * 16
  const shoff = given.length === 0 ? 0 : startPadded + body.length
  const out = new Writer()
    .u8(0x7f)
    .text('ELF')
    .u8(wide ? 2 : 1, 1, 1, 0)
    .u64(0)
  out.u16(fixture.type ?? 2, fixture.machine ?? (wide ? 62 : 3)).u32(1)
  const phoff = programs.length === 0 ? 0 : headerSize
  const entry = fixture.entry ?? 0x100000
  if (wide) out.u64(entry, phoff, shoff)
  else out.u32(Number(entry), phoff, shoff)
  out.u32(0).u16(headerSize, phSize, programs.length, wide ? 64 : 40)
  out.u16(given.length === 0 ? 0 : sections.length + 1, given.length === 0 ? 0 : sections.length)
  programs.forEach((p, i) => {
    const offset = programOffsets[i] as number
    const size = p.bytes.length
    const memory = p.memorySize ?? size
    const flags = p.flags ?? 7
    if (wide) out.u32(p.type ?? 1, flags).u64(offset, p.vaddr, p.paddr, size, memory, 4096)
    else out.u32(p.type ?? 1, offset, Number(p.vaddr), p.paddr, size, memory, flags, 4096)
  })
  out.align(16).raw(body.bytes())
  if (given.length === 0) return out.bytes()
  out.raw(new Uint8Array(wide ? 64 : 40))
  sections.forEach((s, i) => {
    const size = s.size ?? s.bytes?.length ?? 0
    const fields = [s.flags ?? 0, s.vaddr ?? 0, sectionOffsets[i] as number, size]
    out.u32(nameOffsets[i] as number, s.type)
    if (wide) {
      out
        .u64(...fields)
        .u32(s.link ?? 0, s.info ?? 0)
        .u64(s.align ?? 4, s.entrySize ?? 0)
    } else {
      out.u32(...fields, s.link ?? 0, s.info ?? 0, s.align ?? 4, s.entrySize ?? 0)
    }
  })
  return out.bytes()
}

/** A symbol to generate; `info` is binding << 4 | type, as `st_info`. */
export interface FixtureSymbol {
  name: string
  value?: number
  size?: number
  info?: number
  section: number
}

/** The contents of .symtab (ELF32) and .strtab; entry 0 is added. */
export function symbolTables(symbols: FixtureSymbol[]): { symtab: Uint8Array; strtab: Uint8Array } {
  const symtab = new Writer().raw(new Uint8Array(16))
  const strtab = new Writer().u8(0)
  for (const s of symbols) {
    const name = s.name === '' ? 0 : strtab.length
    if (s.name !== '') strtab.text(s.name).u8(0)
    symtab
      .u32(name, s.value ?? 0, s.size ?? 0)
      .u8(s.info ?? 0x10, 0)
      .u16(s.section)
  }
  return { symtab: symtab.bytes(), strtab: strtab.bytes() }
}

/** One ELF note, padded to 4. */
export function noteFixture(owner: string, type: number, desc: Uint8Array): Uint8Array {
  const name = new Writer().text(owner).u8(0).bytes()
  return new Writer().u32(name.length, desc.length, type).raw(name).align(4).raw(desc).align(4).bytes()
}

/** A multiboot 1 header; `fields` in the order of the specification (address fields, then video fields). */
export function multibootFixture(flags: number, fields: number[] = []): Uint8Array {
  return new Writer().u32(0x1badb002, flags, -(0x1badb002 + flags), ...fields).bytes()
}

/** An i386 object: sections as given (the first has index 1), .symtab and .strtab, and REL sections by target index. */
export function objectFixture(object: {
  sections: FixtureSection[]
  symbols: FixtureSymbol[]
  relocations: Record<number, [offset: number, type: number, symbol: number][]>
}): Uint8Array {
  const { symtab, strtab } = symbolTables(object.symbols)
  const symtabIndex = object.sections.length + 1
  const rels = Object.entries(object.relocations).map(([target, list]): FixtureSection => {
    const bytes = new Writer()
    for (const [offset, type, symbol] of list) bytes.u32(offset, (symbol << 8) | type)
    return { name: '.rel', type: 9, link: symtabIndex, info: Number(target), entrySize: 8, bytes: bytes.bytes() }
  })
  return elfFixture({
    type: 1,
    entry: 0,
    sections: [
      ...object.sections,
      { name: '.symtab', type: 2, link: symtabIndex + 1, entrySize: 16, bytes: symtab },
      { name: '.strtab', type: 3, bytes: strtab },
      ...rels,
    ],
  })
}

/** What to put into a bzImage; offsets as in Linux Documentation/arch/x86/boot.rst. */
export interface BzImageFixture {
  /** The compressed kernel with its size trailer, or undefined for a program without payload. */
  payload?: Uint8Array
  /** The protected-mode part before the payload, or all of it. */
  code?: Uint8Array
  protocol?: number
  loadFlags?: number
  version?: string
  code32Start?: number
  initSize?: number
  xloadflags?: number
}

/** A bzImage with a setup part of two sectors. */
export function bzImageFixture(fixture: BzImageFixture): Uint8Array {
  const code = fixture.code ?? new Uint8Array(64).fill(0x90)
  const setup = new Uint8Array(3 * 512)
  const view = new DataView(setup.buffer)
  const version = fixture.version ?? '6.1.0-fixture (somebody) #1'
  const payloadLength = fixture.payload?.length ?? 0
  view.setUint8(0x1f1, 2)
  view.setUint32(0x1f4, Math.ceil((code.length + payloadLength) / 16), true)
  view.setUint16(0x1fe, 0xaa55, true)
  view.setUint16(0x200, 0x66eb, true)
  view.setUint32(0x202, 0x53726448, true)
  view.setUint16(0x206, fixture.protocol ?? 0x020f, true)
  view.setUint16(0x20e, 0x200, true)
  view.setUint8(0x211, fixture.loadFlags ?? 1)
  view.setUint32(0x214, fixture.code32Start ?? 0x100000, true)
  view.setUint16(0x236, fixture.xloadflags ?? 0, true)
  view.setUint32(0x238, 2047, true)
  if (fixture.payload !== undefined) {
    view.setUint32(0x248, code.length, true)
    view.setUint32(0x24c, payloadLength, true)
  }
  view.setUint32(0x260, fixture.initSize ?? 0, true)
  setup.set(new Writer().text(version).u8(0).bytes(), 0x400)
  return new Writer()
    .raw(setup)
    .raw(code)
    .raw(fixture.payload ?? [])
    .bytes()
}

/** A compressed kernel as a payload: with its length behind it, which gzip has of its own. */
export function payloadFixture(packed: Uint8Array, size: number, format: string): Uint8Array {
  return format === 'gzip' ? packed : new Writer().raw(packed).u32(size).bytes()
}
