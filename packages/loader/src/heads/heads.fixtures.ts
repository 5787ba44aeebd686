/** Small images for the heads' tests. */
import type { GuestImage, ImageEntry } from '@paragraft/core/image'

/** An i386 image of one segment at `paddr` with the bytes 1, 2, 3, 4 and a page of zero fill. */
export function tinyImage(paddr: number, entries: ImageEntry[], more: Partial<GuestImage> = {}): GuestImage {
  return {
    format: ['elf32'],
    machine: 'i386',
    segments: [
      {
        paddr,
        vaddr: paddr,
        bytes: Uint8Array.of(1, 2, 3, 4),
        memorySize: 4096,
        flags: { read: true, write: true, execute: true },
      },
    ],
    sections: [],
    symbols: [],
    notes: [],
    entries,
    ...more,
  }
}
