/** Generators of compressed files for the tests and the fuzzer, made here so that no tool is needed for them. */
import { gzipSync } from 'fflate'
import { Writer } from '../formats/fixtures.ts'
import { crc32, crc64 } from './crc.ts'
import { encodeLzma2 } from './fixtures-lzma.ts'
import { sha256 } from './sha256.ts'

/** Bytes that compress as code does: words from a small set, some noise, some runs; the same for the same seed. */
export function sampleData(length: number, seed = 1): Uint8Array {
  // xorshift32 (Marsaglia, "Xorshift RNGs", 2003).
  let state = seed
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 4
  }
  const out = new Uint8Array(length)
  for (let at = 0; at < length; ) {
    const kind = next() % 8
    if (kind === 0) {
      for (const end = at + 3 + (next() % 40); at < end && at < length; at++) out[at] = next()
    } else if (kind === 1) {
      const byte = next()
      for (const end = at + (next() % 600); at < end && at < length; at++) out[at] = byte
    } else if (at > 64) {
      // A copy from before, sometimes far, sometimes with one byte changed.
      const back = 1 + (next() % Math.min(at, kind < 4 ? 64 : at))
      const end = Math.min(length, at + 2 + (next() % 90))
      for (; at < end; at++) out[at] = out[at - back] as number
      if (kind === 7) out[at - 1] = next()
    } else {
      out[at++] = next()
    }
  }
  return out
}

/** A gzip file, by fflate. */
export function gzipFixture(data: Uint8Array): Uint8Array {
  return gzipSync(data, { mtime: 0, filename: 'vmlinux' })
}

/** How to make an .xz file. */
export interface XzFixture {
  /** One block each. */
  blocks: Uint8Array[]
  /** 0 none, 1 CRC32, 4 CRC64, 10 SHA-256. */
  check?: number
  /** With the x86 filter before LZMA2; `encode` turns the data into what the filter is to undo. */
  x86?: { encode: (data: Uint8Array) => Uint8Array; start?: number }
  stored?: boolean
  /** Sizes in the block headers too. */
  sizes?: boolean
}

/** An .xz file of one stream. */
export function xzFixture(fixture: XzFixture): Uint8Array {
  const check = fixture.check ?? 1
  const out = new Writer().u8(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0)
  const flags = Uint8Array.of(0, check)
  out.raw(flags).u32(crc32(flags))
  const index = new Writer().u8(0).raw(vli(fixture.blocks.length))
  for (const data of fixture.blocks) {
    const packed = encodeLzma2(fixture.x86 === undefined ? data : fixture.x86.encode(data), fixture.stored)
    const header = new Writer().u8((fixture.x86 === undefined ? 0 : 1) | (fixture.sizes === true ? 0xc0 : 0))
    if (fixture.sizes === true) header.raw(vli(packed.length)).raw(vli(data.length))
    if (fixture.x86 !== undefined) {
      const { start } = fixture.x86
      if (start === undefined) header.u8(4, 0)
      else header.u8(4, 4).u32(start)
    }
    // LZMA2 with a dictionary of 8 MiB.
    header.u8(0x21, 1, 22)
    const headerSize = Math.ceil((header.length + 5) / 4) * 4
    const whole = new Writer().u8(headerSize / 4 - 1).raw(header.bytes())
    while (whole.length < headerSize - 4) whole.u8(0)
    const sum = checkOf(check, data)
    out.raw(whole.bytes()).u32(crc32(whole.bytes())).raw(packed).align(4).raw(sum)
    index.raw(vli(headerSize + packed.length + sum.length)).raw(vli(data.length))
  }
  index.align(4)
  const indexBytes = index.bytes()
  out.raw(indexBytes).u32(crc32(indexBytes))
  const footer = new Writer()
    .u32((indexBytes.length + 4) / 4 - 1)
    .raw(flags)
    .bytes()
  return out.u32(crc32(footer)).raw(footer).text('YZ').bytes()
}

/** A check value as .xz stores it. */
function checkOf(check: number, data: Uint8Array): Uint8Array {
  if (check === 1) return new Writer().u32(crc32(data)).bytes()
  if (check === 4) return crc64(data)
  return check === 10 ? sha256(data) : new Uint8Array(0)
}

function vli(value: number): number[] {
  const out: number[] = []
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...out, rest]
    out.push((rest % 128) | 0x80)
  }
}

/** An LZ4 legacy frame: greedy matches, blocks of `blockSize` (only the last may be shorter; 8 MiB in real ones). */
export function lz4Fixture(data: Uint8Array, blockSize = 8 * 1024 * 1024): Uint8Array {
  const out = new Writer().u32(0x184c2102)
  for (let at = 0; at < data.length; at += blockSize) {
    const block = lz4Block(data.subarray(at, at + blockSize))
    out.u32(block.length).raw(block)
  }
  return out.bytes()
}

function lz4Block(data: Uint8Array): Uint8Array {
  const out = new Writer()
  const last = new Map<number, number>()
  const length = (value: number): void => {
    let rest = value - 15
    for (; rest >= 255; rest -= 255) out.u8(255)
    if (rest >= 0) out.u8(rest)
  }
  let anchor = 0
  for (let at = 0; at + 12 < data.length; ) {
    const key =
      (data[at] as number) |
      ((data[at + 1] as number) << 8) |
      ((data[at + 2] as number) << 16) |
      ((data[at + 3] as number) << 24)
    const from = last.get(key)
    last.set(key, at)
    if (from === undefined || at - from > 65535) {
      at++
      continue
    }
    let match = 4
    while (at + match < data.length - 5 && data[at + match] === data[from + match]) match++
    const literals = at - anchor
    out.u8((Math.min(literals, 15) << 4) | Math.min(match - 4, 15))
    length(literals)
    out.raw(data.subarray(anchor, at)).u16(at - from)
    length(match - 4)
    at += match
    anchor = at
  }
  const literals = data.length - anchor
  out.u8(Math.min(literals, 15) << 4)
  length(literals)
  return out.raw(data.subarray(anchor)).bytes()
}

/** How to make a Zstandard frame. */
export interface ZstdFixture {
  /** State the content size in the header. */
  size?: boolean
  checksum?: boolean
}

/**
 * A Zstandard frame of raw, RLE and (literals only) compressed blocks, in turn. It has every structure that is walked
 * here; entropy coding is the reference decoder's business and is tested with the zstd command where there is one.
 */
export function zstdFixture(data: Uint8Array, options: ZstdFixture = {}): Uint8Array {
  const out = new Writer().u32(0xfd2fb528)
  out.u8((options.size === true ? 0xa0 : 0) | (options.checksum === false ? 0 : 4))
  if (options.size === true) out.u32(data.length)
  else out.u8(0x58)
  let at = 0
  for (let kind = 0; at < data.length || kind === 0; kind++) {
    const piece = data.subarray(at, at + 1000)
    const run = piece.every(byte => byte === piece[0])
    at += piece.length
    const last = at >= data.length ? 1 : 0
    if (run && piece.length > 0) {
      block(out, last, 1, piece.length).u8(piece[0] as number)
    } else if (kind % 2 === 0) {
      block(out, last, 0, piece.length).raw(piece)
    } else {
      // Literals_Section_Header: raw, 12-bit size; then no sequences.
      const content = new Writer()
        .u16((piece.length << 4) | 4)
        .raw(piece)
        .u8(0)
        .bytes()
      block(out, last, 2, content.length).raw(content)
    }
  }
  if (options.checksum !== false) out.u32(Number(xxh64(data) & 0xffff_ffffn))
  return out.bytes()
}

function block(out: Writer, last: number, type: number, size: number): Writer {
  const header = (size << 3) | (type << 1) | last
  return out.u8(header, header >> 8, header >> 16)
}

const MASK = 0xffff_ffff_ffff_ffffn
const P1 = 0x9e3779b185ebca87n
const P2 = 0xc2b2ae3d27d4eb4fn
const P3 = 0x165667b19e3779f9n
const P4 = 0x85ebca77c2b2ae63n
const P5 = 0x27d4eb2f165667c5n
const rotate = (x: bigint, n: bigint): bigint => ((x << n) | (x >> (64n - n))) & MASK
const round = (sum: bigint, lane: bigint): bigint => (rotate((sum + lane * P2) & MASK, 31n) * P1) & MASK

/** XXH64 with seed 0 (xxHash specification), whose low half is a frame's checksum. */
function xxh64(data: Uint8Array): bigint {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength)
  let at = 0
  let hash = P5
  if (data.length >= 32) {
    const sums = [(P1 + P2) & MASK, P2, 0n, -P1 & MASK]
    for (; at + 32 <= data.length; at += 32) {
      for (let i = 0; i < 4; i++) sums[i] = round(sums[i] as bigint, view.getBigUint64(at + i * 8, true))
    }
    const [a, b, c, d] = sums as [bigint, bigint, bigint, bigint]
    hash = (rotate(a, 1n) + rotate(b, 7n) + rotate(c, 12n) + rotate(d, 18n)) & MASK
    for (const sum of sums) hash = ((hash ^ round(0n, sum)) * P1 + P4) & MASK
  }
  hash = (hash + BigInt(data.length)) & MASK
  for (; at + 8 <= data.length; at += 8) {
    hash = (rotate(hash ^ round(0n, view.getBigUint64(at, true)), 27n) * P1 + P4) & MASK
  }
  if (at + 4 <= data.length) {
    hash = (rotate(hash ^ ((BigInt(view.getUint32(at, true)) * P1) & MASK), 23n) * P2 + P3) & MASK
    at += 4
  }
  for (; at < data.length; at++) hash = (rotate(hash ^ ((BigInt(data[at] as number) * P5) & MASK), 11n) * P1) & MASK
  hash = ((hash ^ (hash >> 33n)) * P2) & MASK
  hash = ((hash ^ (hash >> 29n)) * P3) & MASK
  return hash ^ (hash >> 32n)
}
