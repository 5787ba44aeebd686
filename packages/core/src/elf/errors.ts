/**
 * The refusals of the formats: one builder per code, so that every reader says the same thing in the same words.
 * Offsets and lengths are in bytes from the start of the thing that `what` names.
 */

import type { ErrorFields } from '../errors.ts'
import { ParagraftError } from '../errors.ts'

/** `PG_IMAGE_TRUNCATED`: the file ends before something that its own headers promise. */
export function truncated(what: string, offset: number, need: number, have: number): ParagraftError {
  return new ParagraftError(
    'PG_IMAGE_TRUNCATED',
    `${what} needs ${need} bytes at offset ${offset}; there are ${have}`,
    {
      fields: { what, offset, need, have },
      hint: 'The file looks cut short: compare its length with the original and fetch or build it again.',
    },
  )
}

/** `PG_IMAGE_CORRUPT`: the headers or the compressed data contradict themselves or a checksum. */
export function corrupt(what: string, why: string, fields: ErrorFields = {}, cause?: unknown): ParagraftError {
  return new ParagraftError('PG_IMAGE_CORRUPT', `${what}: ${why}`, {
    fields: { what, ...fields },
    hint: 'The file is damaged, or was made by a tool with a fault: check it with the tools of its format.',
    cause,
  })
}

/** `PG_IMAGE_TOO_LARGE`: sizes beyond what a guest of this kind could hold, or beyond the caller's limit. */
export function tooLarge(what: string, size: number, limit: number, fields: ErrorFields = {}): ParagraftError {
  return new ParagraftError('PG_IMAGE_TOO_LARGE', `${what} would be ${size} bytes; the limit is ${limit}`, {
    fields: { what, size, limit, ...fields },
    hint: 'Check the image; if it is right, raise maxSize.',
  })
}

/** `PG_IMAGE_OVERLAP`: two pieces claim the same addresses. */
export function overlap(what: string, first: ErrorFields, second: ErrorFields): ParagraftError {
  return new ParagraftError('PG_IMAGE_OVERLAP', `${what} overlap in memory`, {
    fields: { what, first, second },
    hint: 'Look at the program headers (readelf -l): no two load segments may share physical addresses.',
  })
}

/** `PG_IMAGE_ARCH`: a well-formed image for another processor or class. */
export function wrongArchitecture(found: string, wanted: string, fields: ErrorFields = {}): ParagraftError {
  return new ParagraftError('PG_IMAGE_ARCH', `the image is for ${found}; this machine wants ${wanted}`, {
    fields: { found, wanted, ...fields },
    hint: `Use an image built for ${wanted}.`,
  })
}

/** `PG_IMAGE_UNSUPPORTED`: a well-formed use of the format that this reader does not know. */
export function unsupported(what: string, hint: string, fields: ErrorFields = {}): ParagraftError {
  return new ParagraftError('PG_IMAGE_UNSUPPORTED', `${what} is not supported`, { fields: { what, ...fields }, hint })
}

/** `PG_IMAGE_UNKNOWN`: no format recognises the bytes. */
export function unknownFormat(bytes: Uint8Array): ParagraftError {
  const start = Array.from(bytes.subarray(0, 16), b => b.toString(16).padStart(2, '0')).join(' ')
  return new ParagraftError('PG_IMAGE_UNKNOWN', 'the file is in no image format that is known here', {
    fields: { size: bytes.length, start },
    hint: 'Known: ELF, Linux bzImage, multiboot 1 with address fields, and each of them in gzip, xz, lz4 or zstd.',
  })
}
