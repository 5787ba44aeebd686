/**
 * Placing things in guest memory in two steps: everything is decided and checked first, then written. A refusal
 * therefore leaves memory as it was. For heads, the hardware's and the backends'.
 */
import { ParagraftError } from './errors.ts'
import type { PlaceOptions } from './head.ts'
import type { ImageSegment, MemoryRange, StartOfDay } from './image.ts'
import type { GuestMemory } from './ports.ts'

/** E820 and multiboot range types (ACPI 6, section 15). */
export const E820_RAM = 1
export const E820_RESERVED = 2

/** A range to be taken out of RAM and reported with its own type. */
export type Reservation = NonNullable<PlaceOptions['reserve']>[number]

interface Piece {
  base: number
  bytes: Uint8Array
  length: number
  what: string
}

const PAGE = 4096
const hex = (value: number): string => `0x${value.toString(16)}`

/** A growing list of pieces, each inside RAM and clear of all others; {@link commit} writes them. */
export class Placement {
  private readonly pieces: Piece[] = []
  private readonly map: readonly MemoryRange[]
  private readonly head: string

  constructor(head: string, map: readonly MemoryRange[]) {
    this.head = head
    this.map = map
  }

  /** Places every segment where it wants to be. `PG_HEAD_NO_ROOM` / `PG_HEAD_OVERLAP` if that cannot be. */
  segments(segments: readonly ImageSegment[]): void {
    segments.forEach((segment, i) => {
      if (segment.memorySize > 0) this.at(segment.paddr, segment.bytes, `image segment ${i}`, segment.memorySize)
    })
  }

  /** Places bytes at a fixed address; `length` may exceed them (zero filled). */
  at(base: number, bytes: Uint8Array, what: string, length: number = bytes.length): void {
    const end = base + length
    if (!this.map.some(r => r.type === E820_RAM && base >= r.base && end <= r.base + r.length)) {
      throw new ParagraftError('PG_HEAD_NO_ROOM', `${what} wants ${hex(base)}–${hex(end)}, which is not all free RAM`, {
        fields: { head: this.head, what, base, length, memoryMap: this.map },
        hint: 'Give the machine more memory, or check the addresses that the image asks for.',
      })
    }
    const other = this.collision(base, end)
    if (other !== undefined) {
      throw new ParagraftError('PG_HEAD_OVERLAP', `${what} at ${hex(base)}–${hex(end)} overlaps ${other.what}`, {
        fields: {
          head: this.head,
          what,
          base,
          length,
          other: { what: other.what, base: other.base, length: other.length },
        },
        hint: 'The image asks for addresses that are taken; nothing was written.',
      })
    }
    this.pieces.push({ base, bytes, length, what })
  }

  /** Places bytes at the lowest free address in [low, high); returns it. */
  lowest(bytes: Uint8Array, what: string, low: number, high: number, align = PAGE): number {
    const length = Math.max(1, bytes.length)
    const starts = [low, ...this.map.map(r => r.base), ...this.pieces.map(p => p.base + p.length)]
    const fit = starts
      .filter(start => start >= low)
      .map(start => Math.ceil(start / align) * align)
      .sort((a, b) => a - b)
      .find(start => start + length <= high && this.free(start, start + length))
    return this.put(fit, bytes, what, length, low, high)
  }

  /** Places bytes at the highest free page-aligned address in [low, high); returns it. */
  highest(bytes: Uint8Array, what: string, low: number, high: number): number {
    const length = Math.max(1, bytes.length)
    const ends = [high, ...this.map.map(r => r.base + r.length), ...this.pieces.map(p => p.base)]
    const fit = ends
      .filter(end => end <= high)
      .map(end => Math.floor((end - length) / PAGE) * PAGE)
      .sort((a, b) => b - a)
      .find(start => start >= low && this.free(start, start + length))
    return this.put(fit, bytes, what, length, low, high)
  }

  /** Writes everything. Nothing is refused from here on. */
  commit(memory: GuestMemory): StartOfDay['used'] {
    const sorted = [...this.pieces].sort((a, b) => a.base - b.base)
    for (const piece of sorted) {
      const stored = Math.min(piece.bytes.length, piece.length)
      if (stored > 0) memory.write(piece.base, piece.bytes.subarray(0, stored))
      if (piece.length > stored) memory.fill(piece.base + stored, 0, piece.length - stored)
    }
    return sorted.map(({ base, length, what }) => ({ base, length, what }))
  }

  private put(
    fit: number | undefined,
    bytes: Uint8Array,
    what: string,
    length: number,
    low: number,
    high: number,
  ): number {
    if (fit === undefined) {
      throw new ParagraftError('PG_HEAD_NO_ROOM', `no room for ${what}: ${length} bytes in ${hex(low)}–${hex(high)}`, {
        fields: { head: this.head, what, length, low, high, memoryMap: this.map },
        hint: 'Give the machine more memory.',
      })
    }
    this.at(fit, bytes, what, length)
    return fit
  }

  private free(base: number, end: number): boolean {
    const inRam = this.map.some(r => r.type === E820_RAM && base >= r.base && end <= r.base + r.length)
    return inRam && this.collision(base, end) === undefined
  }

  private collision(base: number, end: number): Piece | undefined {
    return this.pieces.find(p => base < p.base + p.length && p.base < end)
  }
}

/** A memory map with reservations cut out of it and put in with their types; sorted. */
export function reserveRanges(map: readonly MemoryRange[], reserve: readonly Reservation[]): MemoryRange[] {
  return reserve.reduce(cut, [...map]).sort((a, b) => a.base - b.base)
}

function cut(map: MemoryRange[], hole: Reservation): MemoryRange[] {
  const end = hole.base + hole.length
  const out: MemoryRange[] = []
  for (const range of map) {
    const rangeEnd = range.base + range.length
    if (rangeEnd <= hole.base || range.base >= end) {
      out.push(range)
      continue
    }
    if (range.base < hole.base) out.push({ ...range, length: hole.base - range.base })
    if (rangeEnd > end) out.push({ ...range, base: end, length: rangeEnd - end })
  }
  out.push({ base: hole.base, length: hole.length, type: hole.type })
  return out
}
