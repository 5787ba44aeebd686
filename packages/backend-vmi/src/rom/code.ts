/** Objects into a ROM: laid out one behind another, linked to offsets, refused where they would depend on an address. */
import { HOWTO, link, type ObjectFile, objectExtent, readObject } from '@paragraft/core/elf'
import { isParagraftError } from '@paragraft/core/errors'
import { romError } from './errors.ts'

/** Room for code in one ROM: answers are 16-bit offsets. */
const MAX_CODE = 0x1_0000

export interface PlacedObject {
  readonly object: ObjectFile
  readonly offset: number
}

/** Reads objects and gives each its offset, from `start` on. Throws `PG_VMI_ROM_CODE`. */
export function placeObjects(
  rom: string,
  objects: readonly Uint8Array[],
  start: number,
): { placed: PlacedObject[]; end: number } {
  let end = start
  const placed = objects.map(bytes => {
    const object = guarded(rom, () => readObject(bytes))
    checkIndependent(rom, object)
    const { size, align } = guarded(rom, () => objectExtent(object, MAX_CODE))
    const offset = Math.ceil(end / align) * align
    end = offset + size
    return { object, offset }
  })
  return { placed, end }
}

/**
 * Links placed objects into `image`. Symbols are looked up in `own` and in earlier objects; returned are the offsets of all
 * symbols that the objects define. Throws `PG_VMI_ROM_CODE`.
 */
export function linkObjects(
  rom: string,
  image: Uint8Array,
  placed: readonly PlacedObject[],
  own: ReadonlyMap<string, number>,
): Map<string, number> {
  const symbols = new Map<string, number>()
  for (const { object, offset } of placed) {
    const linked = guarded(rom, () =>
      link(object, { base: offset, resolve: name => own.get(name) ?? symbols.get(name), maxSize: MAX_CODE }),
    )
    image.set(linked.bytes, offset)
    for (const [name, address] of linked.symbols) if (!symbols.has(name)) symbols.set(name, address)
  }
  return symbols
}

/** An absolute address in the code would be that of one mapping; the guest calls the ROM at its own. */
function checkIndependent(rom: string, object: ObjectFile): void {
  for (const { type, symbol, section, offset } of object.relocations) {
    const howto = HOWTO[type]
    if (howto?.relative || object.symbols[symbol]?.section === 'absolute') continue
    throw romError(
      'PG_VMI_ROM_CODE',
      rom,
      `${howto?.name ?? `relocation ${type}`} to ${object.symbols[symbol]?.name} makes the code depend on its address`,
      'Find data from EIP (CALL, POP), and jump by relative branches, not by tables of addresses.',
      { symbol: object.symbols[symbol]?.name, section, offset },
    )
  }
}

/** What the linker refuses is the ROM's code at fault. */
function guarded<T>(rom: string, action: () => T): T {
  try {
    return action()
  } catch (cause) {
    if (!isParagraftError(cause)) throw cause
    throw romError('PG_VMI_ROM_CODE', rom, cause.message, cause.hint, { ...cause.fields, code: cause.code })
  }
}
