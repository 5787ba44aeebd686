/** A disk that keeps what is written to it in memory, and leaves the one below as it is. */
import type { BlockPort } from '@paragraft/core/ports'

const SECTOR = 512

export class ScratchDisk implements BlockPort {
  readonly sectors: number
  readonly readOnly = false
  readonly #below: BlockPort
  /** Written sectors by number. */
  readonly #written = new Map<number, Uint8Array>()

  constructor(below: BlockPort) {
    this.#below = below
    this.sectors = below.sectors
  }

  read(sector: number, into: Uint8Array): void {
    this.#below.read(sector, into)
    for (let at = 0; at < into.length; at += SECTOR) {
      const written = this.#written.get(sector + at / SECTOR)
      if (written !== undefined) into.set(written, at)
    }
  }

  write(sector: number, bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at += SECTOR) {
      this.#written.set(sector + at / SECTOR, bytes.slice(at, at + SECTOR))
    }
  }

  flush(): void {}
}
