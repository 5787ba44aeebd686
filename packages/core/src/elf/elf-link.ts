/**
 * A small linker: one i386 object (`elf-rel.ts`) to an address in the guest. All or nothing; what it cannot do is refused
 * with a code before a byte of the result exists.
 */
import { ParagraftError } from '../errors.ts'
import type { Howto, ObjectFile, ObjectRelocation, ObjectSection } from './elf-rel.ts'
import { HOWTO, MAX_ALIGN } from './elf-rel.ts'
import { corrupt } from './errors.ts'

/** What a linked object may come to unless the caller says otherwise: 16 MiB. */
const DEFAULT_MAX_SIZE = 16 * 1024 * 1024
/** How to link. */
export interface LinkOptions {
  /** Where the first byte will lie (the guest's virtual address); a multiple of {@link objectExtent}'s `align`. */
  base: number
  /** The address of a symbol that the object does not define, or undefined. */
  resolve(name: string): number | undefined
  /** The largest result in bytes. Default 16 MiB. */
  maxSize?: number
}

/** An object at its address. */
export interface LinkedObject {
  base: number
  /** Everything from `base` on, BSS as zeros. */
  bytes: Uint8Array
  /** Addresses of the global and weak symbols that the object defines. */
  symbols: Map<string, number>
  sections: { name: string; address: number; size: number; writable: boolean; executable: boolean }[]
}

/** Memory that a linked object takes, and the alignment its base needs, in bytes. `PG_LINK_TOO_LARGE` beyond `maxSize`. */
export function objectExtent(object: ObjectFile, maxSize = DEFAULT_MAX_SIZE): { size: number; align: number } {
  const { size, align } = arrange(object, maxSize)
  return { size, align }
}

/**
 * Links an object to its address. All or nothing: throws `PG_LINK_UNRESOLVED` with every symbol that nobody defines,
 * `PG_LINK_RANGE` where a value does not fit, `PG_LINK_TOO_LARGE`, `PG_LINK_BASE` for a base that is misaligned or too
 * high.
 */
export function link(object: ObjectFile, options: LinkOptions): LinkedObject {
  const { base } = options
  const { size, align, offsets, commons } = arrange(object, options.maxSize ?? DEFAULT_MAX_SIZE)
  if (!Number.isInteger(base) || base < 0 || base % align !== 0 || base + size > 2 ** 32) {
    throw new ParagraftError('PG_LINK_BASE', `the object cannot lie at 0x${base.toString(16)}`, {
      fields: { base, align, size },
      hint: `Choose a multiple of ${align} with ${size} bytes below 4 GiB.`,
    })
  }
  const addresses = resolveSymbols(object, options, offsets, commons)
  const bytes = new Uint8Array(size)
  for (const section of object.sections) bytes.set(section.bytes, offsets.get(section.index) as number)
  const view = new DataView(bytes.buffer)
  const byIndex = new Map(object.sections.map(section => [section.index, section]))
  for (const relocation of object.relocations) {
    const section = byIndex.get(relocation.section) as ObjectSection
    relocate(view, base, offsets.get(section.index) as number, section, relocation, object, addresses)
  }
  const symbols = new Map<string, number>()
  object.symbols.forEach((symbol, i) => {
    const address = addresses[i]
    if (symbol.binding === 'local' || symbol.section === 'undefined' || address === undefined) return
    symbols.set(symbol.name, address)
  })
  const sections = object.sections.map(({ name, index, size: length, writable, executable }) => {
    return { name, address: base + (offsets.get(index) as number), size: length, writable, executable }
  })
  return { base, bytes, symbols, sections }
}

/** Gives every section and common symbol its offset: code, constants, data, BSS, so that like lies with like. */
function arrange(
  object: ObjectFile,
  maxSize: number,
): { size: number; align: number; offsets: Map<number, number>; commons: Map<number, number> } {
  const rank = (s: ObjectSection): number => (s.executable ? 0 : !s.writable ? 1 : s.bytes.length > 0 ? 2 : 3)
  const sorted = [...object.sections].sort((a, b) => rank(a) - rank(b) || a.index - b.index)
  const offsets = new Map<number, number>()
  const commons = new Map<number, number>()
  let size = 0
  let align = 1
  const place = (length: number, to: number): number => {
    const at = Math.ceil(size / to) * to
    size = at + length
    align = Math.max(align, to)
    if (size > maxSize) {
      throw new ParagraftError('PG_LINK_TOO_LARGE', `the object needs ${size} bytes or more; the limit is ${maxSize}`, {
        fields: { size, limit: maxSize },
        hint: 'Make the module smaller, or give it more room.',
      })
    }
    return at
  }
  for (const section of sorted) offsets.set(section.index, place(section.size, section.align))
  object.symbols.forEach((symbol, i) => {
    if (symbol.section !== 'common') return
    // For a common symbol the value is its alignment (gABI, "Symbol Table").
    const to = Math.max(1, symbol.value)
    if ((to & (to - 1)) !== 0 || to > MAX_ALIGN)
      throw corrupt(`symbol ${symbol.name}`, 'its alignment is impossible', { align: to })
    commons.set(i, place(symbol.size, to))
  })
  return { size, align, offsets, commons }
}

/** The address of every symbol; undefined where it has none and nothing uses it. */
function resolveSymbols(
  object: ObjectFile,
  options: LinkOptions,
  offsets: Map<number, number>,
  commons: Map<number, number>,
): (number | undefined)[] {
  const used = new Set(object.relocations.map(relocation => relocation.symbol))
  const unresolved = new Set<string>()
  const addresses = object.symbols.map((symbol, i) => {
    // Index 0 is no symbol: the addend alone counts, as in a call to a plain number.
    if (i === 0) return 0
    if (symbol.section === 'absolute') return symbol.value
    if (symbol.section === 'common') return options.base + (commons.get(i) as number)
    if (symbol.section !== 'undefined') {
      const offset = offsets.get(symbol.section)
      if (offset !== undefined) return (options.base + offset + symbol.value) >>> 0
      // It lies in a section that is not placed: no matter, unless something points there.
      if (used.has(i)) unresolved.add(`${symbol.name} (in a section that is not loaded)`)
      return undefined
    }
    if (!used.has(i)) return undefined
    const address = options.resolve(symbol.name)
    if (address !== undefined) return address >>> 0
    if (symbol.binding === 'weak') return 0
    unresolved.add(symbol.name)
    return undefined
  })
  if (unresolved.size > 0) {
    const names = [...unresolved].sort()
    throw new ParagraftError('PG_LINK_UNRESOLVED', `nothing defines ${names.join(', ')}`, {
      fields: { symbols: names },
      hint: 'Define them in the module, or use only symbols that the guest layout offers.',
    })
  }
  return addresses
}

function relocate(
  view: DataView,
  base: number,
  start: number,
  section: ObjectSection,
  relocation: ObjectRelocation,
  object: ObjectFile,
  addresses: (number | undefined)[],
): void {
  const howto = HOWTO[relocation.type] as Howto
  const symbol = addresses[relocation.symbol] as number
  const at = start + relocation.offset
  const addend =
    howto.size === 4 ? view.getInt32(at, true) : howto.size === 2 ? view.getInt16(at, true) : view.getInt8(at)
  const value = symbol + addend - (howto.relative ? base + at : 0)
  if (howto.size === 4) {
    view.setInt32(at, value | 0, true)
    return
  }
  // Narrow ones come from 16-bit code: signed for distances, either for addresses.
  const bits = howto.size * 8
  if (value < -(2 ** (bits - 1)) || value >= 2 ** (howto.relative ? bits - 1 : bits)) {
    const name = object.symbols[relocation.symbol]?.name
    throw new ParagraftError('PG_LINK_RANGE', `${howto.name} to ${name} does not fit into ${bits} bits`, {
      fields: { relocation: howto.name, symbol: name, section: section.name, offset: relocation.offset, value },
      hint: 'Use 32-bit operands, or put the two closer together.',
    })
  }
  if (howto.size === 2) view.setInt16(at, value, true)
  else view.setInt8(at, value)
}
