/**
 * The queue of page-table updates that a ROM keeps at the beginning of its scratch memory, in guest memory:
 *
 *     0  count of entries          u32
 *     4  lazy mode, VMI_LAZY_…     u32
 *     16 entries of 16 bytes: virtual address of the page-table entry, low half, high half, flags
 *
 * Flags are those of SetPxE (bits 0–5, and the address from bit 12 on), with bit 8 for an entry of 8 bytes and bit 9 for one that
 * the guest has written itself. The guest can write anything there: what is read is taken as its word, never as fact.
 */
import type { GuestMemory } from '@paragraft/core/ports'

const COUNT = 0
const LAZY = 4
const FIRST = 16
const ENTRY = 16
const LONG = 0x100
const TOLD = 0x200

/** One update of a page-table entry. */
export interface Update {
  /** Virtual address of the entry. */
  entry: number
  low: number
  high: number
  /** Flags of SetPxE and UpdatePxE. */
  flags: number
  /** 8 bytes, not 4. */
  long: boolean
  /** The guest has written it itself. */
  told: boolean
}

export class UpdateQueue {
  readonly #memory: GuestMemory
  readonly #at: number
  readonly #capacity: number

  /** `at`: physical address of the scratch memory; `length` its bytes. */
  constructor(memory: GuestMemory, at: number, length: number) {
    this.#memory = memory
    this.#at = at
    // The guest's code knows one page.
    this.#capacity = Math.floor((Math.min(length, 4096) - FIRST) / ENTRY)
  }

  /** Entries that wait; more than fit are not there. */
  get count(): number {
    return Math.min(this.#memory.read32(this.#at + COUNT), this.#capacity)
  }

  get lazyMode(): number {
    return this.#memory.read32(this.#at + LAZY)
  }

  set lazyMode(mode: number) {
    this.#memory.write32(this.#at + LAZY, mode)
  }

  /** Everything that waits, oldest first; it stays until {@link clear}. */
  entries(): Update[] {
    return Array.from({ length: this.count }, (_, n): Update => {
      const at = this.#at + FIRST + n * ENTRY
      const flags = this.#memory.read32(at + 12)
      return {
        entry: this.#memory.read32(at),
        low: this.#memory.read32(at + 4),
        high: this.#memory.read32(at + 8),
        flags: (flags & ~(LONG | TOLD)) >>> 0,
        long: (flags & LONG) !== 0,
        told: (flags & TOLD) !== 0,
      }
    })
  }

  clear(): void {
    this.#memory.write32(this.#at + COUNT, 0)
  }
}
