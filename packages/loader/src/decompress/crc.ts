/**
 * The cyclic redundancy checks of gzip and xz: CRC32 (ISO 3309, RFC 1952 section 8) and CRC64 (ECMA-182, .xz file
 * format 1.1.0 section 6), both bit-reflected.
 */

const CRC32_POLYNOMIAL = 0xedb88320
/** 0xC96C5795D7870F42 in halves: JavaScript's integers are 32 bits wide. */
const CRC64_POLYNOMIAL = { high: 0xc96c5795, low: 0xd7870f42 }

const table32 = new Int32Array(256)
const table64Low = new Int32Array(256)
const table64High = new Int32Array(256)
for (let n = 0; n < 256; n++) {
  let crc = n
  let low = n
  let high = 0
  for (let bit = 0; bit < 8; bit++) {
    crc = (crc & 1) !== 0 ? (crc >>> 1) ^ CRC32_POLYNOMIAL : crc >>> 1
    const out = low & 1
    low = (low >>> 1) | (high << 31)
    high >>>= 1
    if (out !== 0) {
      low ^= CRC64_POLYNOMIAL.low
      high ^= CRC64_POLYNOMIAL.high
    }
  }
  table32[n] = crc
  table64Low[n] = low
  table64High[n] = high
}

/** CRC32 of `bytes`, unsigned. `previous` continues an earlier one. */
export function crc32(bytes: Uint8Array, previous = 0): number {
  let crc = ~previous
  for (let i = 0; i < bytes.length; i++) {
    crc = (table32[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}

/** CRC64 of `bytes`, as 8 bytes, least significant first (as .xz stores it). */
export function crc64(bytes: Uint8Array): Uint8Array {
  let low = -1
  let high = -1
  for (let i = 0; i < bytes.length; i++) {
    const index = (low ^ (bytes[i] as number)) & 0xff
    low = ((low >>> 8) | (high << 24)) ^ (table64Low[index] as number)
    high = (high >>> 8) ^ (table64High[index] as number)
  }
  const result = new Uint8Array(8)
  const view = new DataView(result.buffer)
  view.setInt32(0, ~low, true)
  view.setInt32(4, ~high, true)
  return result
}
