/**
 * gzip (RFC 1952), one member: header, deflate data by fflate, CRC32 and length verified here, since fflate reads
 * past both. Output is bounded by the length that the trailer states.
 */

import { corrupt, Reader, tooLarge, unsupported } from '@paragraft/core/elf'
import { isParagraftError } from '@paragraft/core/errors'
import { Gzip, Inflate } from 'fflate'
import { crc32 } from './crc.ts'
import type { DecompressOptions } from './options.ts'
import { expectSize, limitOf } from './options.ts'

const FHCRC = 2
const FEXTRA = 4
const FNAME = 8
const FCOMMENT = 16
const RESERVED = 0xe0
const TRAILER = 8

/** Deflate's best: 258 bytes for two bits, and a block header now and then. */
const BEST_RATIO = 1032
/** fflate is given this much at a time; it bounds what can come out before the length is looked at. */
const PIECE = 32 * 1024

/** True if the bytes start like a gzip file with deflate, the only method there is. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8
}

/** Writes a gzip file piece by piece: `push` takes bytes, `finish` gives the file, the same for the same bytes. */
export interface GzipWriter {
  push(bytes: Uint8Array): void
  finish(): Uint8Array
}

/** `level`: 1, fast, to 9, small. */
export function gzipWriter(level: 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9): GzipWriter {
  const pieces: Uint8Array[] = []
  let length = 0
  const gzip = new Gzip({ level, mtime: 0 }, piece => {
    pieces.push(piece)
    length += piece.length
  })
  return {
    push: bytes => gzip.push(bytes),
    finish() {
      gzip.push(new Uint8Array(0), true)
      const file = new Uint8Array(length)
      let at = 0
      for (const piece of pieces) {
        file.set(piece, at)
        at += piece.length
      }
      return file
    },
  }
}

/** Decompresses a gzip file of one member. */
export function decompressGzip(bytes: Uint8Array, options: DecompressOptions = {}): Uint8Array {
  const limit = limitOf(options)
  const reader = new Reader(bytes, 'gzip file')
  const start = headerEnd(reader)
  reader.require(start, TRAILER, 'gzip trailer')
  const end = bytes.length - TRAILER
  const total = reader.u32(end + 4)
  expectSize('gzip', total, options)
  if (total > limit) throw tooLarge('the decompressed gzip file', total, limit)
  if (total > (end - start) * BEST_RATIO) throw corrupt('gzip trailer', 'no deflate data could be that long', { total })
  const output = new Uint8Array(total)
  let at = 0
  const inflate = new Inflate(chunk => {
    if (chunk.length > total - at) throw corrupt('gzip data', 'it is longer than its trailer says', { total })
    output.set(chunk, at)
    at += chunk.length
  })
  try {
    for (let from = start; ; from += PIECE) {
      const to = Math.min(from + PIECE, end)
      inflate.push(bytes.subarray(from, to), to === end)
      options.onProgress?.(at, total)
      if (to === end) break
    }
  } catch (error) {
    if (isParagraftError(error)) throw error
    throw corrupt('gzip data', error instanceof Error ? error.message : String(error), {}, error)
  }
  if (at !== total) throw corrupt('gzip data', 'it is shorter than its trailer says', { found: at, total })
  if (crc32(output) !== reader.u32(end)) throw corrupt('gzip data', 'its CRC32 is wrong')
  return output
}

function headerEnd(reader: Reader): number {
  reader.require(0, 10, 'gzip header')
  if (!isGzip(reader.bytes)) throw corrupt('gzip header', 'the magic or the method is wrong')
  const flags = reader.u8(3)
  if ((flags & RESERVED) !== 0) throw unsupported('a reserved gzip flag', 'Compress it again with gzip.', { flags })
  let at = 10
  if ((flags & FEXTRA) !== 0) at += 2 + reader.u16(at)
  if ((flags & FNAME) !== 0) while (reader.u8(at++) !== 0);
  if ((flags & FCOMMENT) !== 0) while (reader.u8(at++) !== 0);
  if ((flags & FHCRC) !== 0) {
    if (reader.u16(at) !== (crc32(reader.slice(0, at)) & 0xffff)) throw corrupt('gzip header', 'its CRC16 is wrong')
    at += 2
  }
  return at
}
