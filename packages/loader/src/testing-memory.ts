/** Plain guest memory for tests and for dry runs: an array with the port's bounds and byte order. */
import { ParagraftError } from '@paragraft/core/errors'
import type { GuestMemory } from '@paragraft/core/ports'

/** `size` bytes of RAM in an ordinary array. */
export function arrayMemory(size: number): GuestMemory & { readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  const check = (pa: number, length: number): number => {
    if (pa < 0 || pa + length > size) {
      throw new ParagraftError('PG_MEMORY_RANGE', `no RAM at 0x${pa.toString(16)}`, { fields: { pa, length, size } })
    }
    return pa
  }
  return {
    bytes,
    size,
    read8: pa => view.getUint8(check(pa, 1)),
    read16: pa => view.getUint16(check(pa, 2), true),
    read32: pa => view.getUint32(check(pa, 4), true),
    write8: (pa, value) => view.setUint8(check(pa, 1), value),
    write16: (pa, value) => view.setUint16(check(pa, 2), value, true),
    write32: (pa, value) => view.setUint32(check(pa, 4), value, true),
    read: (pa, length) => bytes.slice(check(pa, length), pa + length),
    write: (pa, source) => bytes.set(source, check(pa, source.length)),
    fill: (pa, value, length) => {
      bytes.fill(value, check(pa, length), pa + length)
    },
  }
}
