/**
 * Zstandard (RFC 8878) by zstddec, which is the reference decoder in wasm. zstddec returns nothing at all for corrupt
 * input, and allocates whatever size a frame claims; so the frames are walked here first, which bounds the output, and
 * the length is checked afterwards. The decoder itself verifies a frame's checksum.
 */

import { corrupt, Reader, tooLarge, unsupported } from '@paragraft/core/elf'
import { ZSTDDecoder } from 'zstddec'
import type { DecompressOptions } from './options.ts'
import { expectSize, limitOf } from './options.ts'

const MAGIC = 0xfd2fb528
const SKIPPABLE = 0x184d2a50
const BLOCK_MAXIMUM = 128 * 1024
const BLOCK_RLE = 1
const BLOCK_COMPRESSED = 2
const BLOCK_RESERVED = 3
/** Input and output lie in the decoder's 32-bit memory together. */
const MEMORY_LIMIT = 2 ** 30

/** True if the bytes start like a Zstandard frame. */
export function isZstd(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new Reader(bytes, 'zstd frame').u32(0) === MAGIC
}

/** Decompresses all frames. Asynchronous, since the decoder is instantiated at first use. */
export async function decompressZstd(bytes: Uint8Array, options: DecompressOptions = {}): Promise<Uint8Array> {
  const limit = Math.min(limitOf(options), MEMORY_LIMIT)
  if (bytes.length > MEMORY_LIMIT) throw tooLarge('the zstd file', bytes.length, MEMORY_LIMIT)
  const { most, exact } = walkFrames(bytes)
  if (exact) expectSize('zstd', most, options)
  if (exact && most > limit) throw tooLarge('the decompressed zstd file', most, limit)
  if (options.size !== undefined && options.size > most) {
    throw corrupt('zstd data', 'no content could be as long as declared', { most, declared: options.size })
  }
  const bound = options.size ?? Math.min(most, limit)
  const decoder = new ZSTDDecoder()
  let output: Uint8Array
  try {
    await decoder.init()
    // A size of 0 would make zstddec believe the frame; one byte more than nothing is enough.
    output = decoder.decode(bytes, Math.max(1, bound))
  } catch (error) {
    throw corrupt('zstd data', error instanceof Error ? error.message : String(error), {}, error)
  }
  if (output.length === 0 && most > 0) {
    if (most > limit) throw tooLarge('the decompressed zstd file', most, limit, { note: 'or it is corrupt' })
    throw corrupt('zstd data', 'it does not decompress, or its checksum is wrong')
  }
  if (exact && output.length !== most) throw corrupt('zstd data', 'its length is not what its frame says', { most })
  expectSize('zstd', output.length, options)
  options.onProgress?.(output.length, output.length)
  return output
}

/** Walks frames and blocks: the most they can come to, and whether that is stated exactly. */
function walkFrames(bytes: Uint8Array): { most: number; exact: boolean } {
  const reader = new Reader(bytes, 'zstd frame')
  let most = 0
  let exact = true
  let at = 0
  while (at < bytes.length) {
    const magic = reader.u32(at)
    if ((magic & ~0xf) >>> 0 === SKIPPABLE) {
      at += 8 + reader.u32(at + 4)
      if (at > bytes.length) throw corrupt('zstd frame', 'a skippable frame runs past the end')
      continue
    }
    if (magic !== MAGIC) throw corrupt('zstd frame', 'the magic is missing', { offset: at })
    const frame = walkFrame(reader, at + 4)
    most += frame.most
    exact &&= frame.exact
    at = frame.end
  }
  return { most, exact }
}

/** One frame from its header descriptor on (RFC 8878 section 3.1.1). */
function walkFrame(reader: Reader, start: number): { most: number; exact: boolean; end: number } {
  const descriptor = reader.u8(start)
  if ((descriptor & 8) !== 0) throw corrupt('zstd frame', 'a reserved bit is set', { descriptor })
  const single = (descriptor & 0x20) !== 0
  const dictionaryBytes = [0, 1, 2, 4][descriptor & 3] as number
  const contentBytes = [single ? 1 : 0, 2, 4, 8][descriptor >> 6] as number
  let at = start + (single ? 1 : 2)
  for (let i = 0; i < dictionaryBytes; i++) {
    if (reader.u8(at + i) !== 0) throw unsupported('a zstd dictionary', 'Compress it without a dictionary.')
  }
  at += dictionaryBytes
  let content: number | undefined
  if (contentBytes === 1) content = reader.u8(at)
  else if (contentBytes === 2) content = reader.u16(at) + 256
  else if (contentBytes === 4) content = reader.u32(at)
  else if (contentBytes === 8) content = reader.u64(at)
  at += contentBytes
  let most = 0
  for (let last = false; !last; ) {
    reader.require(at, 3, 'zstd block')
    const header = reader.u16(at) | (reader.u8(at + 2) << 16)
    at += 3
    last = (header & 1) !== 0
    const type = (header >> 1) & 3
    const size = header >>> 3
    if (type === BLOCK_RESERVED) throw corrupt('zstd block', 'its type is reserved', { offset: at })
    if (size > BLOCK_MAXIMUM) throw corrupt('zstd block', 'it is longer than 128 KiB', { size })
    const packed = type === BLOCK_RLE ? 1 : size
    reader.require(at, packed, 'zstd block')
    at += packed
    most += type === BLOCK_COMPRESSED ? BLOCK_MAXIMUM : size
  }
  if ((descriptor & 4) !== 0) {
    reader.require(at, 4, 'zstd checksum')
    at += 4
  }
  if (content !== undefined && content > most)
    throw corrupt('zstd frame', 'its blocks cannot hold its content', { content })
  return { most: content ?? most, exact: content !== undefined, end: at }
}
