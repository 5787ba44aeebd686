/** From bytes to a guest image: the formats are told apart by their magic, outermost first. */

import { ELFCLASS64, isElf, truncated, unknownFormat, wrongArchitecture } from '@paragraft/core/elf'
import type { GuestImage } from '@paragraft/core/image'
import type { DecompressOptions } from '../decompress/index.ts'
import { decompress, detectCompression, refuseOtherCompression } from '../decompress/index.ts'
import { isBzImage, parseBzImage } from './bzimage.ts'
import { parseElf32 } from './elf32.ts'
import { parseElf64 } from './elf64.ts'
import { addMultiboot1, parseMultibootKludge } from './multiboot1.ts'

/** How to read an image. */
export interface ParseOptions {
  /** Refuse images for another machine with `PG_IMAGE_ARCH`; undefined takes any (for inspection). */
  machine?: 'i386' | 'x86_64'
  /** The largest decompressed image in bytes. Default 256 MiB. */
  maxSize?: number
  /** Called while decompressing: bytes of output so far, and in all where that is known. */
  onProgress?: (done: number, total: number | undefined) => void
}

/**
 * Parses an image of any known format, or one of these in gzip, xz, lz4 or zstd. Errors are coded:
 * `PG_IMAGE_UNKNOWN`, `PG_IMAGE_TRUNCATED`, `PG_IMAGE_CORRUPT`, `PG_IMAGE_OVERLAP`, `PG_IMAGE_TOO_LARGE`,
 * `PG_IMAGE_ARCH`, `PG_IMAGE_UNSUPPORTED`. Bytes in the result are views of the input wherever nothing had to be
 * decompressed; keep the input unchanged.
 */
export async function parseImage(bytes: Uint8Array, options: ParseOptions = {}): Promise<GuestImage> {
  const limits: DecompressOptions = {
    ...(options.maxSize === undefined ? {} : { maxSize: options.maxSize }),
    ...(options.onProgress === undefined ? {} : { onProgress: options.onProgress }),
  }
  const image = await parseOuter(bytes, limits)
  if (options.machine !== undefined && image.machine !== options.machine) {
    throw wrongArchitecture(image.machine, options.machine, { format: image.format })
  }
  return image
}

async function parseOuter(bytes: Uint8Array, limits: DecompressOptions): Promise<GuestImage> {
  const compression = detectCompression(bytes)
  if (compression === undefined) return parseInner(bytes, limits)
  // One layer only: what is inside must be an image. gnumach comes as .gz, and GRUB unpacks it as silently.
  const inner = await decompress(compression, bytes, limits)
  const image = await parseInner(inner, limits)
  return { ...image, format: [compression, ...image.format] }
}

async function parseInner(bytes: Uint8Array, limits: DecompressOptions): Promise<GuestImage> {
  if (isElf(bytes)) return parseElf(bytes)
  if (isBzImage(bytes)) return parseBzImage(bytes, limits)
  const flat = parseMultibootKludge(bytes)
  if (flat !== undefined) return flat
  if (bytes.length < 4) throw truncated('image', 0, 4, bytes.length)
  refuseOtherCompression(bytes)
  throw unknownFormat(bytes)
}

function parseElf(bytes: Uint8Array): GuestImage {
  if (bytes.length < 5) throw truncated('ELF header', 4, 1, bytes.length - 4)
  return bytes[4] === ELFCLASS64 ? parseElf64(bytes) : addMultiboot1(parseElf32(bytes), bytes)
}
