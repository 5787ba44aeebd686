/** From text to what a US keyboard sends: scan codes of set 1 (IBM PC AT technical reference, "Keyboard"). */

/** Unshifted and shifted characters of each key, by make code; NUL where a key has none. */
const KEYS: readonly (readonly [code: number, plain: string, shifted: string])[] = [
  [0x01, '\u001b', '\0'],
  [0x02, '1234567890-=', '!@#$%^&*()_+'],
  [0x0e, '\b', '\0'],
  [0x0f, '\t', '\0'],
  [0x10, 'qwertyuiop[]', 'QWERTYUIOP{}'],
  [0x1c, '\n', '\0'],
  [0x1c, '\r', '\0'],
  [0x1e, "asdfghjkl;'`", 'ASDFGHJKL:"~'],
  [0x2b, '\\zxcvbnm,./', '|ZXCVBNM<>?'],
  [0x39, ' ', '\0'],
]
const SHIFT = 0x2a
const RELEASE = 0x80

const CODES = new Map<string, readonly number[]>()
for (const [first, plain, shifted] of KEYS) {
  for (const [offset, character] of [...plain].entries()) {
    const make = first + offset
    CODES.set(character, [make, make | RELEASE])
    const other = shifted[offset] ?? '\0'
    if (other !== '\0') CODES.set(other, [SHIFT, make, make | RELEASE, SHIFT | RELEASE])
  }
}

/** Make and release codes for each character, in order; characters without a key on a US keyboard are left out. */
export function scancodesOf(text: string): number[] {
  return [...text].flatMap(character => CODES.get(character) ?? [])
}
