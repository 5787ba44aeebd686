/** From bytes to a guest image: the formats are told apart by their magic, outermost first. */
import type { GuestImage } from '@paragraft/core/image'
import { isElf } from './elf.ts'
import { parseElf32 } from './elf32.ts'
import { parseElf64 } from './elf64.ts'
import { truncated, unknownFormat, wrongArchitecture } from './errors.ts'
import { addMultiboot1, parseMultibootKludge } from './multiboot1.ts'

/** How to read an image. */
export interface ParseOptions {
  /** Refuse images for another machine with `PG_IMAGE_ARCH`; undefined takes any (for inspection). */
  machine?: 'i386' | 'x86_64'
}

/**
 * Parses an image of any known format. Errors are coded: `PG_IMAGE_UNKNOWN`, `PG_IMAGE_TRUNCATED`, `PG_IMAGE_CORRUPT`,
 * `PG_IMAGE_OVERLAP`, `PG_IMAGE_TOO_LARGE`, `PG_IMAGE_ARCH`, `PG_IMAGE_UNSUPPORTED`. Bytes in the result are views of
 * the input wherever nothing had to be decompressed; keep the input unchanged.
 */
export async function parseImage(bytes: Uint8Array, options: ParseOptions = {}): Promise<GuestImage> {
  const image = parse(bytes)
  if (options.machine !== undefined && image.machine !== options.machine) {
    throw wrongArchitecture(image.machine, options.machine, { format: image.format })
  }
  return image
}

function parse(bytes: Uint8Array): GuestImage {
  if (isElf(bytes)) return parseElf(bytes)
  const flat = parseMultibootKludge(bytes)
  if (flat !== undefined) return flat
  if (bytes.length < 4) throw truncated('image', 0, 4, bytes.length)
  throw unknownFormat(bytes)
}

function parseElf(bytes: Uint8Array): GuestImage {
  if (bytes.length < 5) throw truncated('ELF header', 4, 1, bytes.length - 4)
  return bytes[4] === 2 ? parseElf64(bytes) : addMultiboot1(parseElf32(bytes), bytes)
}
