/** The few instructions that Xen executes for a guest, from their bytes (SDM vol. 2; emul-priv-op.c, validate). */

/** Longest instruction. */
export const CODE_LENGTH = 15

/** IN, OUT, INS, OUTS. */
export interface PortInstruction {
  readonly kind: 'port'
  readonly length: number
  /** Bytes: 1, 2 or 4. */
  readonly size: number
  readonly write: boolean
  /** Undefined: the port is in DX. */
  readonly port?: number
  /** The string forms. */
  readonly string: boolean
  readonly repeat: boolean
  readonly address32: boolean
  /** Segment of OUTS. */
  readonly segment: 'ES' | 'CS' | 'SS' | 'DS' | 'FS' | 'GS'
}

export interface PrivilegedInstruction {
  readonly kind:
    | 'cli'
    | 'clts'
    | 'wbinvd'
    | 'readCr'
    | 'writeCr'
    | 'readDr'
    | 'writeDr'
    | 'rdmsr'
    | 'wrmsr'
    | 'rdtsc'
    | 'cpuid'
  readonly length: number
  /** Control or debug register. */
  readonly number: number
  /** General register, in encoding order. */
  readonly register: number
}

export type Decoded = PortInstruction | PrivilegedInstruction

const SEGMENTS = { 38: 'ES', 46: 'CS', 54: 'SS', 62: 'DS', 100: 'FS', 101: 'GS' } as const
/** Second bytes behind 0F that have no operands. */
const PLAIN: Readonly<Record<number, PrivilegedInstruction['kind']>> = {
  6: 'clts',
  9: 'wbinvd',
  48: 'wrmsr',
  49: 'rdtsc',
  50: 'rdmsr',
  162: 'cpuid',
}
const MOVES = ['readCr', 'readDr', 'writeCr', 'writeDr'] as const

/** `code32`: the segment's default size. Undefined: it is none of them. */
export function decodePrivileged(code: Uint8Array, code32: boolean): Decoded | undefined {
  let at = 0
  let operand32 = code32
  let address32 = code32
  let repeat = false
  let segment: PortInstruction['segment'] = 'DS'
  for (; at < code.length; at++) {
    const byte = code[at]!
    const override = SEGMENTS[byte as keyof typeof SEGMENTS] as PortInstruction['segment'] | undefined
    if (override !== undefined) segment = override
    else if (byte === 0x66) operand32 = !code32
    else if (byte === 0x67) address32 = !code32
    else if (byte === 0xf2 || byte === 0xf3) repeat = true
    else break
  }
  const opcode = code[at]
  if (opcode === undefined) return undefined
  const size = (opcode & 1) === 0 ? 1 : operand32 ? 4 : 2
  const common = { kind: 'port', size, write: (opcode & 2) !== 0, repeat, address32, segment } as const
  if (opcode >= 0x6c && opcode <= 0x6f) return { ...common, string: true, length: at + 1 }
  if (opcode >= 0xec && opcode <= 0xef) return { ...common, string: false, length: at + 1 }
  if (opcode >= 0xe4 && opcode <= 0xe7) {
    const port = code[at + 1]
    return port === undefined ? undefined : { ...common, string: false, length: at + 2, port }
  }
  if (opcode === 0xfa || opcode === 0xfb) return { kind: 'cli', length: at + 1, number: 0, register: 0 }
  const second = code[at + 1]
  if (opcode !== 0x0f || second === undefined) return undefined
  const plain = PLAIN[second]
  if (plain !== undefined) return { kind: plain, length: at + 2, number: 0, register: 0 }
  const modrm = code[at + 2]
  if (second < 0x20 || second > 0x23 || modrm === undefined) return undefined
  return { kind: MOVES[second - 0x20]!, length: at + 3, number: (modrm >> 3) & 7, register: modrm & 7 }
}
