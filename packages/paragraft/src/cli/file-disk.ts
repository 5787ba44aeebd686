/** A file as the guest's disk: raw sectors, read and written in place. */
import { closeSync, fstatSync, fsyncSync, openSync, readSync, writeSync } from 'node:fs'
import { ParagraftError } from '@paragraft/core/errors'
import type { BlockPort } from '@paragraft/core/ports'

const SECTOR = 512

export class FileDisk implements BlockPort {
  readonly sectors: number
  readonly readOnly: boolean
  readonly #fd: number

  /** Opens a raw image for writing, or for reading where the file is write-protected. Throws `PG_DISK_FILE`. */
  constructor(file: string) {
    const opened = open(file)
    this.#fd = opened.fd
    this.readOnly = opened.readOnly
    const { size } = fstatSync(this.#fd)
    if (size === 0 || size % SECTOR !== 0) {
      closeSync(this.#fd)
      throw new ParagraftError('PG_DISK_FILE', `${file} is ${size} bytes, not a number of ${SECTOR}-byte sectors`, {
        fields: { file, size },
        hint: 'Make a raw image of whole sectors, for example with truncate -s 16M.',
      })
    }
    this.sectors = size / SECTOR
  }

  read(sector: number, into: Uint8Array): void {
    this.#whole(readSync(this.#fd, into, 0, into.length, sector * SECTOR), into.length, 'read', sector)
  }

  write(sector: number, from: Uint8Array): void {
    this.#whole(writeSync(this.#fd, from, 0, from.length, sector * SECTOR), from.length, 'written', sector)
  }

  flush(): void {
    if (!this.readOnly) fsyncSync(this.#fd)
  }

  close(): void {
    closeSync(this.#fd)
  }

  #whole(done: number, wanted: number, verb: string, sector: number): void {
    if (done === wanted) return
    throw new ParagraftError('PG_DISK_FILE', `only ${done} of ${wanted} bytes could be ${verb} at sector ${sector}`, {
      fields: { sector, done, wanted },
    })
  }
}

function open(file: string): { fd: number; readOnly: boolean } {
  try {
    return { fd: openSync(file, 'r+'), readOnly: false }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    try {
      if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') return { fd: openSync(file, 'r'), readOnly: true }
    } catch {
      // The first refusal says more.
    }
    throw new ParagraftError('PG_DISK_FILE', `the disk ${file} could not be opened: ${(error as Error).message}`, {
      fields: { file },
      hint: 'Check the path given with --disk.',
      cause: error,
    })
  }
}
