/**
 * The LZ4 legacy frame (lz4_Frame_format.md, "Legacy frame"): a magic, then blocks of up to 8 MiB, each with its packed
 * length before it and independent of the others. The format has no checksum and no length, so every block is walked
 * twice: first to prove that it is well formed and to learn its size, then to copy.
 */
import { corrupt, Reader, tooLarge, unsupported } from '@paragraft/core/elf'
import type { DecompressOptions } from './options.ts'
import { expectSize, limitOf } from './options.ts'

const MAGIC = 0x184c2102
const BLOCK_SIZE = 8 * 1024 * 1024
const MIN_MATCH = 4

/** True if the bytes start like an LZ4 legacy frame. */
export function isLz4Legacy(bytes: Uint8Array): boolean {
  return bytes.length >= 4 && new Reader(bytes, 'lz4 frame').u32(0) === MAGIC
}

/** Decompresses an LZ4 legacy frame. */
export function decompressLz4Legacy(bytes: Uint8Array, options: DecompressOptions = {}): Uint8Array {
  const limit = limitOf(options)
  const reader = new Reader(bytes, 'lz4 frame')
  if (reader.u32(0) !== MAGIC) throw corrupt('lz4 frame', 'the magic is missing')
  const blocks: { from: number; to: number; size: number }[] = []
  let total = 0
  for (let at = 4; at < bytes.length; ) {
    const packed = reader.u32(at)
    // A magic number in place of a length starts another frame.
    if (packed === MAGIC) {
      at += 4
      continue
    }
    const from = at + 4
    reader.require(from, packed, 'lz4 block')
    const size = walkBlock(reader, from, from + packed)
    total += size
    if (total > limit) throw tooLarge('the decompressed lz4 frame', total, limit)
    blocks.push({ from, to: from + packed, size })
    at = from + packed
  }
  if (blocks.length === 0) throw corrupt('lz4 frame', 'it has no blocks')
  blocks.forEach((block, i) => {
    if (block.size < BLOCK_SIZE && i < blocks.length - 1 && reader.u32(block.to) !== MAGIC) {
      throw corrupt('lz4 frame', 'a block before the last is not full', { block: i, size: block.size })
    }
  })
  expectSize('lz4', total, options)
  const output = new Uint8Array(total)
  let at = 0
  for (const block of blocks) {
    copyBlock(bytes, block.from, block.to, output, at)
    at += block.size
    options.onProgress?.(at, total)
  }
  return output
}

/** Proves a block well formed and returns its unpacked size (lz4_Block_format.md). */
function walkBlock(reader: Reader, from: number, to: number): number {
  const { bytes } = reader
  let at = from
  let size = 0
  const long = (short: number): number => {
    let length = short
    if (short === 15) {
      let byte: number
      do {
        if (at >= to) throw corrupt('lz4 block', 'it ends inside a length', { at })
        byte = bytes[at++] as number
        length += byte
      } while (byte === 255)
    }
    return length
  }
  for (;;) {
    if (at >= to) throw corrupt('lz4 block', 'it ends without its last literals', { at })
    const token = bytes[at++] as number
    const literals = long(token >> 4)
    at += literals
    size += literals
    if (at > to) throw corrupt('lz4 block', 'its literals run past its end', { at })
    if (size > BLOCK_SIZE) throw corrupt('lz4 block', 'it is longer than 8 MiB', { size })
    if (at === to) {
      // The last sequence is literals alone.
      if ((token & 15) !== 0) throw corrupt('lz4 block', 'it ends inside a match', { at })
      return size
    }
    if (at + 2 > to) throw corrupt('lz4 block', 'it ends inside an offset', { at })
    const back = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    at += 2
    if (back === 0 || back > size) throw corrupt('lz4 block', 'a match reaches back too far', { at, back })
    size += long(token & 15) + MIN_MATCH
    if (size > BLOCK_SIZE) throw corrupt('lz4 block', 'it is longer than 8 MiB', { size })
  }
}

/** Unpacks a block that {@link walkBlock} has proved. */
function copyBlock(bytes: Uint8Array, from: number, to: number, output: Uint8Array, start: number): void {
  let at = from
  let out = start
  const long = (short: number): number => {
    let length = short
    if (short === 15) {
      let byte: number
      do {
        byte = bytes[at++] as number
        length += byte
      } while (byte === 255)
    }
    return length
  }
  for (;;) {
    const token = bytes[at++] as number
    const literals = long(token >> 4)
    if (literals > 32) {
      output.set(bytes.subarray(at, at + literals), out)
      at += literals
      out += literals
    } else {
      for (const end = at + literals; at < end; ) output[out++] = bytes[at++] as number
    }
    if (at >= to) return
    const back = (bytes[at] as number) | ((bytes[at + 1] as number) << 8)
    at += 2
    const length = long(token & 15) + MIN_MATCH
    if (back >= length && length > 32) {
      output.copyWithin(out, out - back, out - back + length)
      out += length
    } else {
      for (const end = out + length; out < end; out++) output[out] = output[out - back] as number
    }
  }
}

/** The lz4 command's ordinary frame (magic 0x184D2204), which no kernel payload uses. */
export function refuseLz4Frame(bytes: Uint8Array): void {
  if (bytes.length >= 4 && new Reader(bytes, 'lz4 frame').u32(0) === 0x184d2204) {
    throw unsupported('the ordinary LZ4 frame', 'Compress it with lz4 -l, the legacy frame that kernels use.')
  }
}
