/** Which function is at an address: the image's own symbols where it has them, kallsyms where it was stripped. */
import type { GuestImage } from '@paragraft/core/image'
import { type KallsymsSymbol, readKallsyms } from './kallsyms.ts'

/** Names in the order of a list, asked for seldom: it is searched, not indexed. */
export interface NameList extends Iterable<readonly [name: string, value: number]> {
  readonly size: number
  /** A static function may appear twice under one name; the first is as good as any, and no table is static. */
  get(name: string): number | undefined
}

/** Symbols of an image, from every list that it carries. */
export interface SymbolNames {
  /** All names of an address; usually one, several for aliases. */
  at(va: number): readonly string[]
  /** Address of a name in the list, or undefined. */
  symtab: ReadonlyMap<string, number>
  kallsyms: NameList
  /** Size in bytes of a symbol of the ELF's own table, where it says. */
  size(name: string): number | undefined
}

/** Reads both lists; an image with neither has no names at all. */
export function symbolNames(image: GuestImage): SymbolNames {
  const byAddress = new Map<number, string[]>()
  const symtab = new Map<string, number>()
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
  const listed = readKallsyms(image.segments, image.machine === 'i386' ? 4 : 8) ?? []
  const at = (va: number): readonly string[] => [...new Set([...(byAddress.get(va) ?? []), ...namesAt(listed, va)])]
  return { at, symtab, kallsyms: new Listed(listed), size: name => sizes.get(name) }
}

class Listed implements NameList {
  readonly #symbols: readonly KallsymsSymbol[]
  constructor(symbols: readonly KallsymsSymbol[]) {
    this.#symbols = symbols
  }
  get size(): number {
    return this.#symbols.length
  }
  get(name: string): number | undefined {
    return this.#symbols.find(symbol => symbol.name === name)?.value
  }
  *[Symbol.iterator](): Iterator<readonly [string, number]> {
    for (const { name, value } of this.#symbols) yield [name, value]
  }
}

/** Names at an address in a list that rises by address, as kallsyms does. */
function namesAt(symbols: readonly KallsymsSymbol[], va: number): string[] {
  const order = (value: number): number => (value < 0 ? value + 2 ** 64 : value)
  let low = 0
  for (let high = symbols.length; low < high; ) {
    const middle = (low + high) >> 1
    if (order(symbols[middle]?.value ?? 0) < order(va)) low = middle + 1
    else high = middle
  }
  const names: string[] = []
  for (let i = low; symbols[i]?.value === va; i++) names.push(symbols[i]?.name ?? '')
  return names
}
