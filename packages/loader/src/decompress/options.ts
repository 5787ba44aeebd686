/** What all decompressors share: the options, and the rule that output is bounded before any work is done. */
import { corrupt, tooLarge } from '@paragraft/core/elf'

/** Nothing that is decompressed may be larger, unless the caller says otherwise: 256 MiB. */
export const DEFAULT_MAX_SIZE = 256 * 1024 * 1024

/** How to decompress. */
export interface DecompressOptions {
  /** The exact size in bytes that is expected (a bzImage declares it); anything else is corrupt. */
  size?: number
  /** The largest output in bytes; more is `PG_IMAGE_TOO_LARGE`. Default {@link DEFAULT_MAX_SIZE}. */
  maxSize?: number
  /** Called now and then with bytes done and, where the format tells, bytes in all. */
  onProgress?: (done: number, total: number | undefined) => void
}

/** The bound in bytes: the declared size where there is one, which must itself be within `maxSize`. */
export function limitOf(options: DecompressOptions): number {
  const limit = options.maxSize ?? DEFAULT_MAX_SIZE
  if (options.size !== undefined && options.size > limit) throw tooLarge('the decompressed image', options.size, limit)
  return limit
}

/** Throws `PG_IMAGE_CORRUPT` if a size was declared and this is another. */
export function expectSize(format: string, found: number, options: DecompressOptions): void {
  if (options.size !== undefined && options.size !== found) {
    throw corrupt(`${format} data`, `it comes to ${found} bytes, declared were ${options.size}`, {
      found,
      declared: options.size,
    })
  }
}
