/** The decompressors, each by itself and by the magic of the data. */
import { unsupported } from '@paragraft/core/elf'
import { decompressGzip, isGzip } from './gzip.ts'
import { decompressLz4Legacy, isLz4Legacy, refuseLz4Frame } from './lz4-legacy.ts'
import type { DecompressOptions } from './options.ts'
import { decompressXz, isXz } from './xz.ts'
import { decompressZstd, isZstd } from './zstd.ts'

export { decodeBcjX86 } from './bcj-x86.ts'
export { decompressGzip, type GzipWriter, gzipWriter } from './gzip.ts'
export { decompressLz4Legacy } from './lz4-legacy.ts'
export type { DecompressOptions } from './options.ts'
export { DEFAULT_MAX_SIZE } from './options.ts'
export { sha256 } from './sha256.ts'
export { decompressXz } from './xz.ts'
export { decompressZstd } from './zstd.ts'

/** A compression that is known here. */
export type Compression = 'gzip' | 'xz' | 'lz4' | 'zstd'

/** Other compressions that kernels are built with (Linux `lib/decompress.c`), by their first bytes. */
const UNKNOWN: readonly [name: string, magic: readonly number[]][] = [
  ['bzip2', [0x42, 0x5a, 0x68]],
  ['LZMA alone', [0x5d, 0x00, 0x00]],
  ['LZO', [0x89, 0x4c, 0x5a, 0x4f]],
]

/** The compression of the data by its magic; undefined for none that is known. */
export function detectCompression(bytes: Uint8Array): Compression | undefined {
  if (isGzip(bytes)) return 'gzip'
  if (isXz(bytes)) return 'xz'
  if (isLz4Legacy(bytes)) return 'lz4'
  if (isZstd(bytes)) return 'zstd'
  return undefined
}

/** Throws `PG_IMAGE_UNSUPPORTED`, with the name, for data in a compression that exists but is not read here. */
export function refuseOtherCompression(bytes: Uint8Array): void {
  refuseLz4Frame(bytes)
  const found = UNKNOWN.find(([, magic]) => magic.every((byte, i) => bytes[i] === byte))
  if (found !== undefined) throw unsupported(`${found[0]} compression`, 'Known: gzip, xz, lz4 (legacy frame), zstd.')
}

/**
 * Decompresses, with output bounded by `size` or `maxSize`, and length and checksums verified where the format has
 * them. Throws `PG_IMAGE_CORRUPT`, `PG_IMAGE_TRUNCATED`, `PG_IMAGE_TOO_LARGE` or `PG_IMAGE_UNSUPPORTED`.
 */
export async function decompress(
  compression: Compression,
  bytes: Uint8Array,
  options: DecompressOptions = {},
): Promise<Uint8Array> {
  switch (compression) {
    case 'gzip':
      return decompressGzip(bytes, options)
    case 'xz':
      return decompressXz(bytes, options)
    case 'lz4':
      return decompressLz4Legacy(bytes, options)
    case 'zstd':
      return decompressZstd(bytes, options)
  }
}
