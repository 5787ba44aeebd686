/**
 * Bounded little-endian reading of untrusted bytes. Every access is checked; going past the end is a coded
 * `PG_IMAGE_TRUNCATED`, never `undefined` that later arithmetic turns into something else.
 */
import { corrupt, tooLarge, truncated } from './errors.ts'

/** A checked view of some bytes; `what` names them in errors. */
export class Reader {
  readonly bytes: Uint8Array
  readonly what: string
  private readonly view: DataView

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes
    this.what = what
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get length(): number {
    return this.bytes.length
  }

  /** Throws unless `need` bytes lie at `offset`; `what` names the thing that wants them. */
  require(offset: number, need: number, what: string = this.what): void {
    if (!(offset >= 0 && need >= 0 && offset + need <= this.bytes.length)) {
      throw truncated(what, offset, need, Math.max(0, this.bytes.length - offset))
    }
  }

  u8(offset: number): number {
    this.require(offset, 1)
    return this.view.getUint8(offset)
  }

  u16(offset: number): number {
    this.require(offset, 2)
    return this.view.getUint16(offset, true)
  }

  u32(offset: number): number {
    this.require(offset, 4)
    return this.view.getUint32(offset, true)
  }

  /** An unsigned 64-bit file offset or size; one that no file could have (2^53 and up) is corrupt. */
  u64(offset: number): number {
    this.require(offset, 8)
    const value = this.view.getUint32(offset + 4, true) * 2 ** 32 + this.view.getUint32(offset, true)
    if (!Number.isSafeInteger(value)) throw corrupt(this.what, 'a 64-bit size or offset is absurd', { offset, value })
    return value
  }

  /** A signed 64-bit value as a number, or undefined where it would not be exact. */
  s64(offset: number): number | undefined {
    this.require(offset, 8)
    const value = Number(this.view.getBigInt64(offset, true))
    return Number.isSafeInteger(value) ? value : undefined
  }

  /** A view (no copy) of `length` bytes. */
  slice(offset: number, length: number, what: string = this.what): Uint8Array {
    this.require(offset, length, what)
    return this.bytes.subarray(offset, offset + length)
  }
}

/** The longest name that is read; C++ and Rust make long ones, nothing honest makes longer ones. */
const NAME_LIMIT = 4096

/** All names of one table together; overlapping names in a crafted table must not multiply into hours of work. */
const NAME_BUDGET = 64 * 1024 * 1024

/** An ELF string table: NUL-terminated names by offset (gABI, "String Table"). */
export class StringTable {
  private readonly bytes: Uint8Array
  private readonly what: string
  private spent = 0

  constructor(bytes: Uint8Array, what: string) {
    this.bytes = bytes
    this.what = what
  }

  /** The name at `offset`; `PG_IMAGE_CORRUPT` if it starts outside, has no end, or is absurdly long. */
  at(offset: number): string {
    if (offset === 0 && this.bytes.length === 0) return ''
    if (offset >= this.bytes.length) throw corrupt(this.what, 'a name starts outside the string table', { offset })
    const end = this.bytes.subarray(offset, offset + NAME_LIMIT).indexOf(0)
    if (end < 0) throw corrupt(this.what, 'a name has no end', { offset })
    this.spent += end
    if (this.spent > NAME_BUDGET) throw tooLarge(`names in ${this.what}`, this.spent, NAME_BUDGET)
    return latin1(this.bytes.subarray(offset, offset + end))
  }
}

/** Bytes as text, one character each. */
export function latin1(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i++) text += String.fromCharCode(bytes[i] as number)
  return text
}

/** The text up to the first NUL, or to the end. */
export function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return latin1(end < 0 ? bytes : bytes.subarray(0, end))
}
