/** LZMA2: LZMA in chunks of known length, with resets between them (.xz file format 1.1.0 section 5.3.1). */
import { corrupt, Reader } from '@paragraft/core/elf'
import { LzmaDecoder } from './lzma.ts'

/** Called between chunks with the number of bytes of output so far. */
export type Progress = (done: number) => void

/**
 * Decodes one LZMA2 stream from `input` at `from` (up to `end`) into `output[at..limit)`, exactly that much. Returns
 * the offset behind the stream's end marker. Throws `PG_IMAGE_CORRUPT` or `PG_IMAGE_TRUNCATED`.
 */
export function decodeLzma2(
  input: Uint8Array,
  from: number,
  end: number,
  output: Uint8Array,
  at: number,
  limit: number,
  dictSize: number,
  onProgress?: Progress,
): number {
  const reader = new Reader(input.subarray(0, end), 'LZMA2 data')
  const lzma = new LzmaDecoder(input, output)
  let dictStart = at
  let needDictReset = true
  let needProperties = true
  for (;;) {
    const control = reader.u8(from++)
    if (control === 0) break
    if (control >= 0xe0 || control === 1) {
      needProperties = true
      needDictReset = false
      dictStart = at
    } else if (needDictReset) {
      throw corrupt('LZMA2 data', 'the first chunk does not reset the dictionary', { control })
    }
    if (control < 0x80) {
      if (control > 2) throw corrupt('LZMA2 data', 'a control byte is unknown', { control, offset: from - 1 })
      const size = bigEndian16(reader, from) + 1
      from += 2
      if (size > limit - at) throw corrupt('LZMA2 data', 'it holds more than its headers say', { at, size, limit })
      output.set(reader.slice(from, size), at)
      from += size
      at += size
    } else {
      const size = ((control & 0x1f) << 16) + bigEndian16(reader, from) + 1
      const packed = bigEndian16(reader, from + 2) + 1
      from += 4
      if (control >= 0xc0) {
        lzma.setProperties(reader.u8(from++))
        needProperties = false
      } else if (needProperties) {
        throw corrupt('LZMA2 data', 'a chunk comes before any properties', { control })
      }
      if (control >= 0xa0) lzma.reset()
      if (size > limit - at) throw corrupt('LZMA2 data', 'it holds more than its headers say', { at, size, limit })
      reader.require(from, packed)
      lzma.decode(from, from + packed, at, at + size, dictStart, dictSize)
      from += packed
      at += size
    }
    onProgress?.(at)
  }
  if (at !== limit) throw corrupt('LZMA2 data', 'it holds less than its headers say', { at, limit })
  return from
}

function bigEndian16(reader: Reader, offset: number): number {
  return (reader.u8(offset) << 8) | reader.u8(offset + 1)
}
