/**
 * Whose memory is whose. The guest's physical memory is RAM from 0 up to where the host's begins; the rest, at RAM's end, is the
 * host's: copies of descriptor tables, and shadow page tables. The guest has no address for it, of any kind.
 */
import type { GuestMemory } from '@paragraft/core/ports'

const PAGE = 4096
/** RAM that the host keeps for itself, in bytes. */
export const HOST_BYTES: number = 256 * PAGE

/** Physical address at which the host's memory begins. */
export function hostBase(memorySize: number): number {
  return memorySize - HOST_BYTES
}

/** A guest did what no sane kernel does. It ends; whoever throws this has changed nothing. */
export class GuestKilled extends Error {}

/** The guest's physical memory, at whose end it ends. */
export class GuestRam {
  readonly #memory: GuestMemory
  readonly #size: number

  constructor(memory: GuestMemory) {
    this.#memory = memory
    this.#size = hostBase(memory.size)
  }

  /** True if the guest has all of this range. */
  has(pa: number, length: number): boolean {
    return pa >= 0 && pa + length <= this.#size
  }

  read32(pa: number): number {
    this.#check(pa, 4)
    return this.#memory.read32(pa)
  }

  write32(pa: number, value: number): void {
    this.#check(pa, 4)
    this.#memory.write32(pa, value)
  }

  read8(pa: number): number {
    this.#check(pa, 1)
    return this.#memory.read8(pa)
  }

  write8(pa: number, value: number): void {
    this.#check(pa, 1)
    this.#memory.write8(pa, value)
  }

  #check(pa: number, length: number): void {
    if (!this.has(pa, length)) throw new GuestKilled(`it names physical address ${hex(pa)}, which it does not have`)
  }
}

export const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`
