/** Memory as a guest addresses it, for guests whose physical addresses are not RAM's own (Xen's pseudo-physical frames). */
import { ParagraftError } from './errors.ts'
import type { StartOfDay } from './image.ts'
import type { GuestMemory } from './ports.ts'

const PAGE = 4096

/** RAM address of a guest-physical one. Throws `PG_MEMORY_RANGE` where the guest has no page. */
export function ramAddress({ ramPage }: Pick<StartOfDay, 'ramPage'>, pa: number): number {
  if (ramPage === undefined) return pa
  const page = ramPage(pa - (pa % PAGE))
  if (page !== undefined) return page + (pa % PAGE)
  throw new ParagraftError('PG_MEMORY_RANGE', `the guest has no page at physical address 0x${pa.toString(16)}`, {
    fields: { pa },
    hint: 'Give the machine more memory.',
  })
}

/** `memory` by guest-physical addresses; `memory` itself where they are RAM's own. */
export function guestPhysical(memory: GuestMemory, start: Pick<StartOfDay, 'ramPage'>): GuestMemory {
  if (start.ramPage === undefined) return memory
  /** The pieces of a range, page by page; all are looked up before the first is visited. */
  const pieces = (pa: number, length: number) => {
    const found: { ram: number; at: number; length: number }[] = []
    for (let at = 0; at < length; ) {
      const bytes = Math.min(length - at, PAGE - ((pa + at) % PAGE))
      found.push({ ram: ramAddress(start, pa + at), at, length: bytes })
      at += bytes
    }
    return found
  }
  const read = (pa: number, length: number): Uint8Array => {
    const bytes = new Uint8Array(length)
    for (const piece of pieces(pa, length)) bytes.set(memory.read(piece.ram, piece.length), piece.at)
    return bytes
  }
  const write = (pa: number, bytes: Uint8Array): void => {
    for (const { ram, at, length } of pieces(pa, bytes.length)) memory.write(ram, bytes.subarray(at, at + length))
  }
  const number = (pa: number, length: number): number =>
    read(pa, length).reduceRight((sum, byte) => sum * 256 + byte, 0)
  const little = (value: number, length: number) =>
    Uint8Array.from({ length }, (_, byte) => Math.floor(value / 256 ** byte) & 0xff)
  return {
    size: memory.size,
    read,
    write,
    fill: (pa, value, length) => {
      for (const piece of pieces(pa, length)) memory.fill(piece.ram, value, piece.length)
    },
    read8: pa => number(pa, 1),
    read16: pa => number(pa, 2),
    read32: pa => number(pa, 4),
    write8: (pa, value) => write(pa, little(value, 1)),
    write16: (pa, value) => write(pa, little(value >>> 0, 2)),
    write32: (pa, value) => write(pa, little(value >>> 0, 4)),
  }
}
