/**
 * The x86 branch filter of .xz (filter 0x04), decoding side. The encoder turned the relative targets of E8 (call) and
 * E9 (jmp) into absolute ones, which repeat and therefore compress; this turns them back, in place.
 *
 * The filter does not disassemble. It takes any E8/E9 byte whose operand's top byte is 00 or FF, and keeps a 3-bit
 * history of which of the bytes just before looked like an opcode too: where operands might overlap, both sides leave
 * the bytes alone by the same rule. Written from the description of the format, .xz file format 1.1.0 section 5.3.2.
 */

/** By history: may an opcode be taken here at all? */
const ALLOWED = [true, true, true, false, true, false, false, false]
/** By history: how many bytes before the operand's end the ambiguous byte lies. */
const AMBIGUOUS = [0, 1, 2, 2, 3, 3, 3, 3]

const isSignByte = (byte: number): boolean => byte === 0x00 || byte === 0xff

/** Decodes one block's data in place; `start` is the filter's start offset (0 unless its properties say otherwise). */
export function decodeBcjX86(data: Uint8Array, start = 0): void {
  let history = 0
  let previous = -1
  const last = data.length - 5
  for (let i = 0; i <= last; i++) {
    if (((data[i] as number) & 0xfe) !== 0xe8) continue
    const distance = i - previous
    previous = i
    if (distance > 3) {
      history = 0
    } else {
      history = (history << (distance - 1)) & 7
      const suspect = data[i + 4 - (AMBIGUOUS[history] as number)] as number
      if (history !== 0 && (!ALLOWED[history] || isSignByte(suspect))) {
        history = (history << 1) | 1
        continue
      }
    }
    if (!isSignByte(data[i + 4] as number)) {
      history = (history << 1) | 1
      continue
    }
    let from =
      (data[i + 1] as number) |
      ((data[i + 2] as number) << 8) |
      ((data[i + 3] as number) << 16) |
      ((data[i + 4] as number) << 24)
    let to = 0
    for (;;) {
      to = (from - (start + i + 5)) | 0
      if (history === 0) break
      const shift = (AMBIGUOUS[history] as number) * 8
      if (!isSignByte((to >>> (24 - shift)) & 0xff)) break
      from = to ^ ((1 << (32 - shift)) - 1)
    }
    // 25 bits with sign: what the encoder kept.
    to = (to << 7) >> 7
    data[i + 1] = to
    data[i + 2] = to >> 8
    data[i + 3] = to >> 16
    data[i + 4] = (to >> 24) & 1 ? 0xff : 0x00
    i += 4
  }
}
