/** What the directed tests are written with. */
import { DATA, DATA_SIZE, MAX_CODE, type NativeTest } from '../protocol.ts'

export const CF = 1
export const PF = 4
export const AF = 0x10
export const ZF = 0x40
export const SF = 0x80
export const TF = 0x100
export const DF = 0x400
export const OF = 0x800
/** The six arithmetic flags. */
export const ARITHMETIC: number = CF | PF | AF | ZF | SF | OF
export const AC = 0x40000
/** What POPF and PUSHF are about: the arithmetic flags, TF IF DF, IOPL NT AC ID. */
export const ALL_FLAGS = 0x247fd5
/** The first byte that is not data any more. */
export const END: number = DATA + DATA_SIZE

/** Little-endian bytes. */
export const le16 = (v: number): number[] => [v & 0xff, (v >>> 8) & 0xff]
export const le32 = (v: number): number[] => [...le16(v), ...le16(v >>> 16)]
const hex = (code: readonly number[]): string => code.map(b => b.toString(16).padStart(2, '0')).join(' ')
/** `n` integers from `from` on. */
export const range = (n: number, from = 0): number[] => Array.from({ length: n }, (_, i) => from + i)

/** Registers that a test sets; the others have values of their own. */
export type Registers = Partial<Record<'eax' | 'ecx' | 'edx' | 'ebx' | 'esp' | 'ebp' | 'esi' | 'edi', number>>
const ORDER = ['eax', 'ecx', 'edx', 'ebx', 'esp', 'ebp', 'esi', 'edi'] as const
const DEFAULTS: Required<Registers> = {
  eax: 0x8090a0b0,
  ecx: 0x11223344,
  edx: 0x7f00ff01,
  ebx: DATA + 0x800,
  esp: DATA + 0x1000,
  ebp: DATA + 0x1100,
  esi: DATA + 0x400,
  edi: DATA + 0xc00,
}

/** One test; `code` runs from `offset` until an INT3 or a fault. */
export function t(code: number[], regs: Registers = {}, more: Partial<NativeTest> = {}): NativeTest {
  if (code.length > MAX_CODE) throw new RangeError(`too long: ${hex(code)}`)
  return {
    name: hex(code),
    code,
    regs: ORDER.map(r => (regs[r] ?? DEFAULTS[r]) >>> 0),
    eflags: 0x202,
    offset: 0x100,
    seed: 0x2545f491,
    undefinedFlags: 0,
    ...more,
  }
}

/** Instructions with a memory operand at [EBX]. */
export const MEMORY: readonly number[][] = [
  [0x8b, 0x03],
  [0x89, 0x03],
  [0x66, 0x8b, 0x03],
  [0x66, 0x89, 0x03],
  [0x8a, 0x03],
  [0x88, 0x03],
  [0x01, 0x03],
  [0x03, 0x03],
  [0x66, 0x01, 0x03],
  [0x00, 0x03],
  [0x39, 0x03],
  [0x85, 0x03],
  [0x87, 0x03],
  [0x66, 0x87, 0x03],
  [0xff, 0x03],
  [0x66, 0xff, 0x0b],
  [0xfe, 0x03],
  [0xf7, 0x13],
  [0xf7, 0x1b],
  [0xf7, 0x23],
  [0xc1, 0x03, 3],
  [0x66, 0xc1, 0x2b, 3],
  [0xc1, 0x23, 0],
  [0xd3, 0x1b],
  [0x0f, 0xa4, 0x0b, 7],
  [0x0f, 0xac, 0x0b, 0],
  [0x0f, 0xb0, 0x13],
  [0x0f, 0xb1, 0x13],
  [0x66, 0x0f, 0xb1, 0x13],
  [0x0f, 0xc1, 0x13],
  [0x0f, 0xc7, 0x0b],
  [0xf0, 0x0f, 0xc7, 0x0b],
  [0xf0, 0x0f, 0xc1, 0x13],
  [0x0f, 0xba, 0x2b, 9],
  [0x0f, 0xba, 0x23, 9],
  [0x66, 0x0f, 0xba, 0x3b, 9],
  [0x0f, 0x94, 0x03],
  [0x0f, 0xb6, 0x03],
  [0x0f, 0xb7, 0x03],
  [0x0f, 0xbf, 0x03],
  [0xc7, 0x03, 1, 2, 3, 4],
  [0x66, 0xc7, 0x03, 1, 2],
  [0xc6, 0x03, 9],
  [0xff, 0x33],
  [0x66, 0xff, 0x33],
  [0x8f, 0x03],
  [0x66, 0x8f, 0x03],
  [0x69, 0x03, 5, 0, 0, 0],
  [0x11, 0x03],
  [0x19, 0x03],
  [0x81, 0x33, 1, 1, 1, 1],
  [0x83, 0x23, 0xf0],
  [0x80, 0x0b, 1],
  [0xf6, 0x03, 1],
]
