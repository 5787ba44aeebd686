/** Which function is at an address: the image's own symbols where it has them, kallsyms where it was stripped. */
import type { GuestImage } from '@paragraft/core/image'
import { readKallsyms } from './kallsyms.ts'

/** Symbols of an image, from every list that it carries. */
export interface SymbolNames {
  /** All names of an address; usually one, several for aliases. */
  at(va: number): readonly string[]
  /** Address of a name in the list, or undefined. */
  symtab: ReadonlyMap<string, number>
  kallsyms: ReadonlyMap<string, number>
  /** Size in bytes of a symbol of the ELF's own table, where it says. */
  size(name: string): number | undefined
}

/** Reads both lists; an image with neither has no names at all. */
export function symbolNames(image: GuestImage): SymbolNames {
  const byAddress = new Map<number, string[]>()
  const symtab = new Map<string, number>()
  const kallsyms = new Map<string, number>()
  const sizes = new Map<string, number>()
  const add = (va: number, name: string): void => {
    const names = byAddress.get(va)
    if (names === undefined) byAddress.set(va, [name])
    else if (!names.includes(name)) names.push(name)
  }
  for (const symbol of image.symbols) {
    add(symbol.value, symbol.name)
    if (!symtab.has(symbol.name)) symtab.set(symbol.name, symbol.value)
    if (symbol.size > 0) sizes.set(symbol.name, symbol.size)
  }
  for (const symbol of readKallsyms(image.segments, image.machine === 'i386' ? 4 : 8) ?? []) {
    add(symbol.value, symbol.name)
    // A static function may appear twice under one name; the first is as good as any, and no table is static.
    if (!kallsyms.has(symbol.name)) kallsyms.set(symbol.name, symbol.value)
  }
  return { at: va => byAddress.get(va) ?? [], symtab, kallsyms, size: name => sizes.get(name) }
}
