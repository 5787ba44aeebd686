/**
 * The .xz container (.xz file format 1.1.0): streams, blocks, index, filters LZMA2 and x86 BCJ, all checks verified.
 *
 * The index at the end is read first: it says how many blocks there are, how long each is packed and unpacked, and so
 * the output is allocated once, and a block can be held to exactly its sizes.
 *
 * A decoder of our own: xz-decompress (XZ Embedded in wasm) does not know the x86 filter of kernel payloads, and to
 * hide the filter from it one has to rewrite headers, index and checks, which is to parse the container all the same.
 */
import { corrupt, Reader, tooLarge, truncated, unsupported } from '@paragraft/core/elf'
import { decodeBcjX86 } from './bcj-x86.ts'
import { crc32, crc64 } from './crc.ts'
import { decodeLzma2 } from './lzma2.ts'
import type { DecompressOptions } from './options.ts'
import { expectSize, limitOf } from './options.ts'
import { sha256 } from './sha256.ts'

const HEADER_MAGIC = [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]
const HEADER_SIZE = 12
const FILTER_X86 = 0x04
const FILTER_LZMA2 = 0x21
/** Blocks of one file; a real kernel has one or a few. */
const BLOCK_LIMIT = 1 << 16

/** The integrity checks by their identifier (2.1.1.2): the size and the function; others cannot be verified. */
const CHECKS: Readonly<Record<number, { size: number; of: (data: Uint8Array) => Uint8Array }>> = {
  0: { size: 0, of: () => new Uint8Array(0) },
  1: { size: 4, of: data => littleEndian32(crc32(data)) },
  4: { size: 8, of: crc64 },
  10: { size: 32, of: sha256 },
}

interface Block {
  offset: number
  /** Without padding; header and check included. */
  unpaddedSize: number
  uncompressedSize: number
  check: number
}

/** True if the bytes start like an .xz file. */
export function isXz(bytes: Uint8Array): boolean {
  return HEADER_MAGIC.every((byte, i) => bytes[i] === byte)
}

/** Decompresses an .xz file: all its streams and blocks, every check verified. */
export function decompressXz(bytes: Uint8Array, options: DecompressOptions = {}): Uint8Array {
  const limit = limitOf(options)
  const blocks = readBlocks(bytes, limit)
  const total = blocks.reduce((sum, block) => sum + block.uncompressedSize, 0)
  if (total > limit) throw tooLarge('the decompressed xz file', total, limit)
  expectSize('xz', total, options)
  const output = new Uint8Array(total)
  let at = 0
  for (const block of blocks) {
    decodeBlock(bytes, block, output, at, done => options.onProgress?.(done, total))
    at += block.uncompressedSize
  }
  return output
}

/** The blocks of all streams, in order, from the streams' indexes; walks the file from its end. */
function readBlocks(bytes: Uint8Array, limit: number): Block[] {
  const streams: Block[][] = []
  let count = 0
  let end = bytes.length
  while (end > 0) {
    // Stream padding: zero bytes, a multiple of four (2.2).
    while (end >= 4 && bytes[end - 1] === 0 && bytes[end - 2] === 0 && bytes[end - 3] === 0 && bytes[end - 4] === 0)
      end -= 4
    if (end < 2 * HEADER_SIZE) throw truncated('xz stream', 0, 2 * HEADER_SIZE, end)
    const stream = readStream(bytes, end, limit)
    streams.push(stream.blocks)
    count += stream.blocks.length + 1
    if (count > BLOCK_LIMIT) throw tooLarge('the number of xz blocks', count, BLOCK_LIMIT)
    end = stream.start
  }
  return streams.reverse().flat()
}

/** One stream that ends at `end`: footer (2.1.2), index (4), and header (2.1.1). */
function readStream(bytes: Uint8Array, end: number, limit: number): { start: number; blocks: Block[] } {
  const reader = new Reader(bytes.subarray(0, end), 'xz stream')
  const footer = end - HEADER_SIZE
  if (reader.u8(end - 2) !== 0x59 || reader.u8(end - 1) !== 0x5a) {
    throw truncated('xz stream footer', footer, HEADER_SIZE, 0)
  }
  if (reader.u32(footer) !== crc32(reader.slice(footer + 4, 6))) throw corrupt('xz stream footer', 'its CRC32 is wrong')
  const indexSize = (reader.u32(footer + 4) + 1) * 4
  const indexStart = footer - indexSize
  if (indexStart < HEADER_SIZE) throw corrupt('xz stream footer', 'its index does not fit into the file', { indexSize })
  const index = new Reader(reader.slice(indexStart, indexSize), 'xz index')
  if (index.u32(indexSize - 4) !== crc32(index.slice(0, indexSize - 4))) throw corrupt('xz index', 'its CRC32 is wrong')
  if (index.u8(0) !== 0) throw corrupt('xz index', 'its indicator byte is not 0')
  const cursor = { at: 1 }
  const count = vli(index, cursor)
  if (count > BLOCK_LIMIT) throw tooLarge('the number of xz blocks', count, BLOCK_LIMIT)
  const check = reader.u8(footer + 9)
  if (CHECKS[check] === undefined) {
    throw unsupported(`xz check ${check}`, 'Compress it with --check=crc32, crc64 or sha256.', { check })
  }
  const blocks: Block[] = []
  let packed = 0
  for (let i = 0; i < count; i++) {
    const unpaddedSize = vli(index, cursor)
    const uncompressedSize = vli(index, cursor)
    if (unpaddedSize < 5) throw corrupt('xz index', 'a block is too short', { unpaddedSize })
    if (uncompressedSize > limit) throw tooLarge('an xz block', uncompressedSize, limit)
    blocks.push({ offset: packed, unpaddedSize, uncompressedSize, check })
    packed += Math.ceil(unpaddedSize / 4) * 4
  }
  for (; cursor.at < indexSize - 4; cursor.at++) {
    if (index.u8(cursor.at) !== 0) throw corrupt('xz index', 'its padding is not zero')
  }
  const start = indexStart - packed - HEADER_SIZE
  if (start < 0) throw corrupt('xz index', 'its blocks are longer than the file', { packed, indexStart })
  if (!isXz(bytes.subarray(start))) throw corrupt('xz stream header', 'the magic is missing', { offset: start })
  if (reader.u32(start + 8) !== crc32(reader.slice(start + 6, 2)))
    throw corrupt('xz stream header', 'its CRC32 is wrong')
  if (reader.u16(start + 6) !== reader.u16(footer + 8)) throw corrupt('xz stream', 'header and footer differ')
  if (reader.u8(start + 6) !== 0) throw unsupported('xz stream flags', 'Compress it again with xz 5.', {})
  for (const block of blocks) block.offset += start + HEADER_SIZE
  return { start, blocks }
}

function decodeBlock(
  bytes: Uint8Array,
  block: Block,
  output: Uint8Array,
  at: number,
  onProgress: (done: number) => void,
): void {
  const reader = new Reader(bytes, 'xz block')
  const check = CHECKS[block.check] as (typeof CHECKS)[number]
  const { dictSize, x86, headerSize } = readBlockHeader(reader, block, check.size)
  const dataEnd = block.offset + block.unpaddedSize - check.size
  const limit = at + block.uncompressedSize
  const after = decodeLzma2(bytes, block.offset + headerSize, dataEnd, output, at, limit, dictSize, onProgress)
  if (after !== dataEnd) throw corrupt('xz block', 'its data ends before its size says', { after, dataEnd })
  const padded = block.offset + Math.ceil(block.unpaddedSize / 4) * 4
  // Padding stands between data and check (3.3, 3.4), though the unpadded size leaves it out.
  const checkAt = padded - check.size
  for (let i = dataEnd; i < checkAt; i++) if (reader.u8(i) !== 0) throw corrupt('xz block', 'its padding is not zero')
  const data = output.subarray(at, limit)
  if (x86 !== undefined) decodeBcjX86(data, x86)
  const stored = reader.slice(checkAt, check.size)
  const computed = check.of(data)
  if (!computed.every((byte, i) => byte === stored[i]))
    throw corrupt('xz block', 'its check is wrong', { check: block.check })
}

/** The block header (3.1). `x86` is the filter's start offset where the filter is in use. */
function readBlockHeader(
  reader: Reader,
  block: Block,
  checkSize: number,
): { dictSize: number; x86?: number; headerSize: number } {
  const what = 'xz block header'
  const { offset } = block
  const headerSize = (reader.u8(offset) + 1) * 4
  if (headerSize === 4 || headerSize + checkSize > block.unpaddedSize)
    throw corrupt(what, 'its size is out of range', { headerSize })
  const header = new Reader(reader.slice(offset, headerSize), what)
  if (header.u32(headerSize - 4) !== crc32(header.slice(0, headerSize - 4))) throw corrupt(what, 'its CRC32 is wrong')
  const flags = header.u8(1)
  if ((flags & 0x3c) !== 0) throw unsupported('a reserved xz block flag', 'Compress it again with xz 5.', { flags })
  const cursor = { at: 2 }
  if ((flags & 0x40) !== 0) {
    const size = vli(header, cursor)
    if (size !== block.unpaddedSize - headerSize - checkSize) throw corrupt(what, 'it and the index differ', { size })
  }
  if ((flags & 0x80) !== 0) {
    const size = vli(header, cursor)
    if (size !== block.uncompressedSize) throw corrupt(what, 'it and the index differ', { size })
  }
  const count = (flags & 3) + 1
  let x86: number | undefined
  for (let i = 0; i < count; i++) {
    const id = vli(header, cursor)
    const size = vli(header, cursor)
    const properties = header.slice(cursor.at, size)
    cursor.at += size
    const last = i === count - 1
    if (last && id === FILTER_LZMA2) {
      if (size !== 1 || (properties[0] as number) > 40) throw corrupt(what, 'the LZMA2 properties are wrong')
      for (; cursor.at < headerSize - 4; cursor.at++) {
        if (header.u8(cursor.at) !== 0) throw corrupt(what, 'its padding is not zero')
      }
      return { dictSize: dictionarySize(properties[0] as number), headerSize, ...(x86 === undefined ? {} : { x86 }) }
    }
    if (last || id !== FILTER_X86 || x86 !== undefined || (size !== 0 && size !== 4)) {
      throw unsupported(`xz filter 0x${id.toString(16)} here`, 'Known: LZMA2, alone or after x86.', { id, position: i })
    }
    x86 = size === 4 ? new Reader(properties, what).u32(0) : 0
  }
  throw corrupt(what, 'it has no LZMA2')
}

/** 5.3.1: 2 or 3 shifted, or 4 GiB less one for 40. */
function dictionarySize(bits: number): number {
  return bits === 40 ? 2 ** 32 - 1 : (2 | (bits & 1)) * 2 ** (Math.floor(bits / 2) + 11)
}

/** A variable-length integer (1.2): 7 bits a byte, at most 63 bits; 2^53 and more cannot be sizes of anything. */
function vli(reader: Reader, cursor: { at: number }): number {
  let value = 0
  for (let i = 0; i < 9; i++) {
    const byte = reader.u8(cursor.at++)
    value += (byte & 0x7f) * 2 ** (7 * i)
    if ((byte & 0x80) === 0) {
      if (byte === 0 && i > 0) break
      if (!Number.isSafeInteger(value)) break
      return value
    }
  }
  throw corrupt(reader.what, 'a variable-length integer is malformed', { offset: cursor.at })
}

function littleEndian32(value: number): Uint8Array {
  return Uint8Array.of(value, value >>> 8, value >>> 16, value >>> 24)
}
