/**
 * Reading an image by its linked virtual addresses, as the guest's own pointers do.
 *
 * The oracles of this folder judge bytes nobody promised to be sound: every read is bounded and answers `undefined`
 * where the image holds nothing, so that a broken image ends as "not found" and never as a crash.
 */
import type { GuestImage, ImageSection, ImageSegment } from '@paragraft/core/image'

/** Longest string an oracle reads; kernel symbol names end at 512 bytes (KSYM_NAME_LEN). */
const LONGEST_STRING = 1024

interface Span {
  vaddr: number
  /** First address after the bytes and the zero fill. */
  end: number
  segment: ImageSegment
}

/** Read-only access to a {@link GuestImage} by virtual address; little-endian. */
export class ImageView {
  readonly image: GuestImage
  private readonly spans: Span[]
  private last: Span | undefined

  constructor(image: GuestImage) {
    this.image = image
    this.spans = image.segments
      .map(segment => ({ vaddr: segment.vaddr, end: segment.vaddr + segment.memorySize, segment }))
      .sort((a, b) => a.vaddr - b.vaddr)
  }

  /** The section of that name, when the image kept its section headers. */
  section(name: string): ImageSection | undefined {
    return this.image.sections.find(section => section.name === name)
  }

  /** The segment that holds `va`, zero fill included. */
  segmentAt(va: number): ImageSegment | undefined {
    return this.span(va)?.segment
  }

  /** Physical load address of a virtual address. */
  physical(va: number): number | undefined {
    const span = this.span(va)
    return span === undefined ? undefined : span.segment.paddr + (va - span.vaddr)
  }

  read8(va: number): number | undefined {
    const span = this.span(va)
    if (span === undefined) return undefined
    // The zero fill after the file's bytes reads as zero, as it will in memory.
    return span.segment.bytes[va - span.vaddr] ?? 0
  }

  read16(va: number): number | undefined {
    const low = this.read8(va)
    const high = this.read8(va + 1)
    return low === undefined || high === undefined ? undefined : low | (high << 8)
  }

  /** Unsigned 32-bit word. */
  read32(va: number): number | undefined {
    const low = this.read16(va)
    const high = this.read16(va + 2)
    return low === undefined || high === undefined ? undefined : (low | (high << 16)) >>> 0
  }

  /** `length` bytes, or undefined if any of them lies outside the image. */
  bytes(va: number, length: number): Uint8Array | undefined {
    const span = this.span(va)
    if (span === undefined || va + length > span.end) return undefined
    const out = new Uint8Array(length)
    const from = va - span.vaddr
    out.set(span.segment.bytes.subarray(from, from + length))
    return out
  }

  /** A NUL-terminated string of printable ASCII, or undefined. */
  string(va: number): string | undefined {
    const span = this.span(va)
    if (span === undefined) return undefined
    const { bytes } = span.segment
    let text = ''
    for (let at = va - span.vaddr; text.length < LONGEST_STRING; at++) {
      const byte = at < bytes.length ? bytes[at]! : span.vaddr + at < span.end ? 0 : undefined
      if (byte === 0) return text
      if (byte === undefined || byte < 0x20 || byte > 0x7e) return undefined
      text += String.fromCharCode(byte)
    }
    return undefined
  }

  /** True when `va` lies in a segment that the image marks executable, or in a section named like code. */
  isCode(va: number): boolean {
    const segment = this.segmentAt(va)
    if (segment === undefined) return false
    if (segment.flags.execute) return true
    return this.image.sections.some(s => /text|altinstr/.test(s.name) && va >= s.vaddr && va < s.vaddr + s.size)
  }

  private span(va: number): Span | undefined {
    const last = this.last
    if (last !== undefined && va >= last.vaddr && va < last.end) return last
    for (const span of this.spans) {
      if (va >= span.vaddr && va < span.end) {
        this.last = span
        return span
      }
    }
    return undefined
  }
}

/** Unsigned 32-bit little-endian word of a plain byte array; the caller has checked the bounds. */
export function word32(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] ?? 0) |
      ((bytes[offset + 1] ?? 0) << 8) |
      ((bytes[offset + 2] ?? 0) << 16) |
      ((bytes[offset + 3] ?? 0) << 24)) >>>
    0
  )
}

/** Unsigned 16-bit little-endian word of a plain byte array; the caller has checked the bounds. */
export function word16(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] ?? 0) | ((bytes[offset + 1] ?? 0) << 8)
}
