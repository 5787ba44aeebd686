/** Tests and results as runner.c reads and writes them, and the layout both sides of the comparison share. */

export const CODE = 0x20000000
export const DATA = 0x10000000
export const DATA_SIZE = 0x2000
export const CODE_SIZE = 0x2000
/** A page that can be read and not written; between it and the data nothing is mapped. */
export const READ_ONLY: number = DATA + 0x3000
/** Longest test in bytes. */
export const MAX_CODE = 64
const INPUT_SIZE = 4 + MAX_CODE + 32 + 16
const OUTPUT_SIZE = 32 + 24

export interface NativeTest {
  /** What is tested, for a person. */
  name: string
  /** At most {@link MAX_CODE} bytes; an int3 follows. */
  code: number[]
  /** EAX ECX EDX EBX ESP EBP ESI EDI. */
  regs: number[]
  eflags: number
  /** Offset of the code in its page. */
  offset: number
  /** Of the data's contents (xorshift32). */
  seed: number
  /** EFLAGS bits that the manual leaves undefined. */
  undefinedFlags: number
  /** What FS holds: nothing, a segment of 0x800 bytes at the data, or one there that expands down to that limit. */
  fs?: 'limited' | 'expand-down'
  /** EFLAGS bits compared; by default the arithmetic ones, TF, IF and DF. */
  comparedFlags?: number
}

export interface NativeResult {
  regs: number[]
  eflags: number
  eip: number
  vector: number
  error: number
  cr2: number
  /** FNV-1a over the data's words. */
  hash: number
}

const FS_KINDS = [undefined, 'limited', 'expand-down']

export function encodeTests(tests: readonly NativeTest[]): Uint8Array {
  const bytes = new Uint8Array(tests.length * INPUT_SIZE)
  const view = new DataView(bytes.buffer)
  for (const [i, t] of tests.entries()) {
    const at = i * INPUT_SIZE
    view.setUint32(at, t.code.length, true)
    bytes.set(t.code, at + 4)
    const words = [...t.regs, t.eflags, t.offset, t.seed, FS_KINDS.indexOf(t.fs)]
    for (const [j, w] of words.entries()) view.setUint32(at + 4 + MAX_CODE + j * 4, w, true)
  }
  return bytes
}

export function decodeResults(bytes: Uint8Array): NativeResult[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: Math.floor(bytes.length / OUTPUT_SIZE) }, (_, i) => {
    const word = (j: number): number => view.getUint32(i * OUTPUT_SIZE + j * 4, true)
    const [eflags, eip, vector, error, cr2, hash] = [8, 9, 10, 11, 12, 13].map(word)
    return { regs: [0, 1, 2, 3, 4, 5, 6, 7].map(word), eflags, eip, vector, error, cr2, hash }
  })
}

/** The same contents as runner.c gives the data. */
export function fillData(words: Uint32Array, seed: number): void {
  let x = seed | 0
  for (let i = 0; i < words.length; i++) {
    x ^= x << 13
    x ^= x >>> 17
    x ^= x << 5
    words[i] = x
  }
}
export function hashData(words: Uint32Array): number {
  let h = 0x811c9dc5
  for (let i = 0; i < words.length; i++) h = Math.imul(h ^ words[i], 0x01000193)
  return h >>> 0
}
