/**
 * A small AML assembler (ACPI 3.0, chapter 17 "AML specification"; resource descriptors 6.4): each function returns the bytes of
 * one term, so that a definition block is written as an expression.
 */

export type Aml = readonly number[]

const ZERO_OP = 0x00
const ONE_OP = 0x01
const NAME_OP = 0x08
const BYTE_PREFIX = 0x0a
const WORD_PREFIX = 0x0b
const DWORD_PREFIX = 0x0c
const SCOPE_OP = 0x10
const BUFFER_OP = 0x11
const PACKAGE_OP = 0x12
const EXT_PREFIX = 0x5b
const DEVICE_OP = 0x82
const PROCESSOR_OP = 0x83
const ROOT_CHAR = 0x5c
const DUAL_NAME_PREFIX = 0x2e
const MULTI_NAME_PREFIX = 0x2f

function word(value: number): number[] {
  return [value & 0xff, (value >> 8) & 0xff]
}

function dword(value: number): number[] {
  return [value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24]
}

function ascii(text: string): number[] {
  return [...text].map(character => character.charCodeAt(0))
}

/** PkgLength counts itself: one byte below 64, else 4 bits in the lead byte and 8 in each of up to three more. */
function withLength(body: Aml): number[] {
  if (body.length + 1 < 0x40) return [body.length + 1, ...body]
  for (let extra = 1; extra <= 3; extra++) {
    const total = body.length + 1 + extra
    if (total >= 1 << (4 + 8 * extra)) continue
    const lead = (extra << 6) | (total & 0x0f)
    const rest = Array.from({ length: extra }, (_, i) => (total >> (4 + 8 * i)) & 0xff)
    return [lead, ...rest, ...body]
  }
  throw new RangeError('AML package longer than 2^28 bytes')
}

/** `\_SB.PCI0` or `COM1`: segments are padded to four characters with underscores. */
function nameString(path: string): number[] {
  const root = path.startsWith('\\')
  const segments = (root ? path.slice(1) : path).split('.').filter(segment => segment !== '')
  const bytes = segments.flatMap(segment => ascii(segment.padEnd(4, '_')))
  let prefix: number[] = []
  if (segments.length === 0) prefix = [0]
  else if (segments.length === 2) prefix = [DUAL_NAME_PREFIX]
  else if (segments.length > 2) prefix = [MULTI_NAME_PREFIX, segments.length]
  return [...(root ? [ROOT_CHAR] : []), ...prefix, ...bytes]
}

/** The shortest encoding of an unsigned 32-bit integer. */
export function integer(value: number): Aml {
  if (value === 0) return [ZERO_OP]
  if (value === 1) return [ONE_OP]
  if (value <= 0xff) return [BYTE_PREFIX, value]
  if (value <= 0xffff) return [WORD_PREFIX, ...word(value)]
  return [DWORD_PREFIX, ...dword(value)]
}

/** A compressed EISA ID: `PNP0501`, three letters of 5 bits and four hexadecimal digits, big-endian. */
export function eisaId(id: string): Aml {
  const letters = ascii(id.slice(0, 3)).reduce((value, code) => (value << 5) | (code - 0x40), 0)
  const digits = Number.parseInt(id.slice(3), 16)
  return [DWORD_PREFIX, letters >> 8, letters & 0xff, digits >> 8, digits & 0xff]
}

export function name(path: string, value: Aml): Aml {
  return [NAME_OP, ...nameString(path), ...value]
}

export function scope(path: string, ...terms: readonly Aml[]): Aml {
  return [SCOPE_OP, ...withLength([...nameString(path), ...terms.flat()])]
}

export function device(path: string, ...terms: readonly Aml[]): Aml {
  return [EXT_PREFIX, DEVICE_OP, ...withLength([...nameString(path), ...terms.flat()])]
}

/** A processor without a P_BLK. */
export function processor(path: string, id: number): Aml {
  return [EXT_PREFIX, PROCESSOR_OP, ...withLength([...nameString(path), id, ...dword(0), 0])]
}

/** `package` is a reserved word. */
export function packageOf(...elements: readonly Aml[]): Aml {
  return [PACKAGE_OP, ...withLength([elements.length, ...elements.flat()])]
}

export function buffer(bytes: Aml): Aml {
  return [BUFFER_OP, ...withLength([...integer(bytes.length), ...bytes])]
}

/* ---- resource descriptors ---- */

/** A `_CRS` value: descriptors closed by an end tag with checksum 0 (not checked). */
export function resources(...descriptors: readonly Aml[]): Aml {
  return buffer([...descriptors.flat(), 0x79, 0x00])
}

/** I/O port descriptor, 16-bit decode, fixed range (6.4.2.5). */
export function ioPorts(first: number, count: number): Aml {
  return [0x47, 0x01, ...word(first), ...word(first), 0x01, count]
}

/** IRQ descriptor without flags: edge, active high, exclusive (6.4.2.1). */
export function irq(number: number): Aml {
  return [0x22, ...word(1 << number)]
}

/** Address space descriptor's general flags: resource producer, positive decode, both ends fixed (6.4.3.5). */
const FIXED_PRODUCER = 0x0c

/** Word address space: bus numbers `first`–`last`. */
export function busNumbers(first: number, last: number): Aml {
  const fields = [0, first, last, 0, last - first + 1].flatMap(word)
  return [0x88, ...word(0x0d), 0x02, FIXED_PRODUCER, 0x00, ...fields]
}

/** Word address space: I/O ports `first`–`last` passed on by a bridge, entire range. */
export function ioWindow(first: number, last: number): Aml {
  const fields = [0, first, last, 0, last - first + 1].flatMap(word)
  return [0x88, ...word(0x0d), 0x01, FIXED_PRODUCER, 0x03, ...fields]
}

/** Double word address space: memory `first`–`last` passed on by a bridge, read-write, cacheable or not. */
export function memoryWindow(first: number, last: number, cacheable: boolean): Aml {
  const fields = [0, first, last, 0, last - first + 1].flatMap(dword)
  return [0x87, ...word(0x17), 0x00, FIXED_PRODUCER, cacheable ? 0x03 : 0x01, ...fields]
}
