/**
 * C structures of the public headers as data: a field is its offset and type, so that a layout is written once and read as
 * the header reads. All are little-endian, with i386's alignment (64-bit members on 4-byte boundaries) unless said.
 */

export type FieldType = 'u8' | 'u16' | 's16' | 'u32' | 's32' | 'u64'
export type Field = readonly [offset: number, type: FieldType]

/** A structure: its size in bytes and its fields. */
export interface Layout<Fields extends Readonly<Record<string, Field>>> {
  readonly size: number
  readonly fields: Fields
}

/** A structure's values by field; `u64` as a number, exact below 2^53. */
export type Values<L> = L extends Layout<infer Fields> ? { -readonly [Name in keyof Fields]: number } : never

export function layout<const Fields extends Readonly<Record<string, Field>>>(
  size: number,
  fields: Fields,
): Layout<Fields> {
  return { size, fields }
}

/** Reads the field at `at` of the view. */
export function getField(view: DataView, at: number, [offset, type]: Field): number {
  const address = at + offset
  switch (type) {
    case 'u8':
      return view.getUint8(address)
    case 'u16':
      return view.getUint16(address, true)
    case 's16':
      return view.getInt16(address, true)
    case 'u32':
      return view.getUint32(address, true)
    case 's32':
      return view.getInt32(address, true)
    case 'u64':
      return view.getUint32(address, true) + view.getUint32(address + 4, true) * 2 ** 32
  }
}

/** Writes a field, modulo its width; `u64` values must be below 2^53. */
export function setField(view: DataView, at: number, [offset, type]: Field, value: number): void {
  const address = at + offset
  switch (type) {
    case 'u8':
      view.setUint8(address, value)
      break
    case 'u16':
    case 's16':
      view.setUint16(address, value, true)
      break
    case 'u32':
    case 's32':
      view.setUint32(address, value, true)
      break
    case 'u64':
      view.setUint32(address, value % 2 ** 32, true)
      view.setUint32(address + 4, Math.floor(value / 2 ** 32), true)
  }
}

/** All fields of a structure at the beginning of `bytes`. */
export function decode<Fields extends Readonly<Record<string, Field>>>(
  { fields }: Layout<Fields>,
  bytes: Uint8Array,
): Values<Layout<Fields>> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Object.fromEntries(Object.entries(fields).map(([name, field]) => [name, getField(view, 0, field)])) as Values<
    Layout<Fields>
  >
}

/** The structure's bytes; fields that are not given are 0. */
export function encode<Fields extends Readonly<Record<string, Field>>>(
  { size, fields }: Layout<Fields>,
  values: Partial<Record<keyof Fields, number>>,
): Uint8Array {
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  for (const [name, value] of Object.entries(values)) setField(view, 0, fields[name]!, value as number)
  return bytes
}
