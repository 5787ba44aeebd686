/**
 * The decoder's tables as numbers in linear memory, for the shortcut that builds blocks (shortcuts/decoding.ts): where they
 * lie, and how they are made from the table of table.ts. Numbers of 16 bits unless it says otherwise.
 */
import { x87OperandWidth } from '../fpu/index.ts'
import { DECODING, EAX, ECX, EDX, SEG, SEG_SIZE } from '../state.ts'
import {
  OPERAND_AX,
  OPERAND_CL,
  OPERAND_DX,
  OPERAND_E,
  OPERAND_EB,
  OPERAND_FX,
  OPERAND_G,
  OPERAND_GB,
  OPERAND_IB,
  OPERAND_IBS,
  OPERAND_IW,
  OPERAND_IZ,
  OPERAND_JB,
  OPERAND_JZ,
  OPERAND_M,
  OPERAND_NUMBER,
  OPERAND_O,
  OPERAND_ONE,
  OPERAND_R,
  OPERAND_S,
  OPERAND_Z,
  OPERAND_ZB,
  type OpcodeEntry,
  type OpcodeSlot,
  type OpcodeTable,
  SEGMENT_PREFIX,
} from './table.ts'

/**
 * By opcode and mandatory prefix (none, F3, F2): the entry's number, or GROUPED and the number of a group. 0: what is not in
 * these tables.
 */
export const DECODE_OPCODES: number = DECODING
export const GROUPED = 0x8000
/** Bytes, by the byte: PREFIX_ bits, 0 for what is no prefix. */
export const DECODE_PREFIXES: number = DECODING + 0xc00
/** A segment override: the state address of its segment register, divided by 32. */
export const PREFIX_SEGMENT = 0x0f
export const PREFIX_OPERAND = 0x10
export const PREFIX_LOCK = 0x20
/** Shifted down, the place after an opcode's first: 1 for F3, 2 for F2. */
export const PREFIX_REPEAT = 0xc0
export const PREFIX_REPEAT_SHIFT = 6
/** `x87OperandWidth` by the low three bits of the opcode and ModRM.reg. */
export const DECODE_X87: number = DECODING + 0xd00
/** Handler of the record that ends blocks. */
export const DECODE_END: number = DECODING + 0xe00
/** Eight numbers of entries each. */
export const DECODE_GROUPS: number = DECODING + 0x1000
const GROUPS = 0x100
/** What there is to know of an entry, by its number: the fields ENTRY_. */
export const DECODE_ENTRIES: number = DECODING + 0x2000
export const ENTRY_BYTES = 16
const ENTRIES = 0x400
/** The pairs' rows and columns by handler (bytes), and the handler of both by row and column. */
export const DECODE_ROWS: number = DECODING + 0x6000
export const DECODE_COLUMNS: number = DECODING + 0x8000
const HANDLERS = 0x2000
export const DECODE_PAIRS: number = DECODING + 0xa000
/** Handlers known so far, by the entry's number and {@link handlerSlot}. */
export const DECODE_HANDLERS: number = DECODING + 0x2a000

/** Flags (u16): the bits that follow. */
export const ENTRY_FLAGS = 0
export const ENTRY_MODRM = 1
export const ENTRY_REGISTERS = 2
export const ENTRY_LOCK = 4
export const ENTRY_POP = 8
export const ENTRY_ENDS = 0x10
export const ENTRY_RESUMES = 0x20
export const ENTRY_BRANCH = 0x40
export const ENTRY_INDIRECT = 0x80
export const ENTRY_WIDE = 0x100
/** Its ModRM byte must name memory. */
export const ENTRY_MEMORY = 0x200
/** Opcode and ModRM byte are the immediate. */
export const ENTRY_X87 = 0x400
/** The immediate is the address of the operand. */
export const ENTRY_OFFSET = 0x800
export const ENTRY_SIGNED = 0x1000
/** Operand size (u8), and behind a 66 prefix. */
export const ENTRY_SIZE = 2
/** How the operands' state addresses come about (u32): REGISTER_ bits. */
export const ENTRY_A = 4
export const ENTRY_B = 8
/** Bytes of the immediate (u8), and behind a 66 prefix; a constant one (u8) where there are none. */
export const ENTRY_IMM = 12
export const ENTRY_CONSTANT = 14

/** Three bits from this one on of the ModRM byte, or of the opcode; then shifted left by so many. */
export const REGISTER_FROM = 7
export const REGISTER_SHIFT = 3
export const REGISTER_SHIFTS = 3
export const REGISTER_OPCODE = 0x20
/** A byte register's number. */
export const REGISTER_BYTE = 0x40
/** None where the ModRM byte names memory. */
export const REGISTER_OR_MEMORY = 0x80
/** A segment register's number; CS is none. */
export const REGISTER_SEGMENT = 0x100
export const REGISTER_NOT_CS = 0x200
/** No register of these: the number from bit 16 on. */
export const REGISTER_FIXED = 0x400

const RM = 0
const REG = 3
const WORDS = 3 << REGISTER_SHIFT
const fixed = (at: number): number => REGISTER_FIXED | (at << 16)
const REGISTER: Readonly<Record<number, number>> = {
  [OPERAND_E]: RM | WORDS | REGISTER_OR_MEMORY,
  [OPERAND_EB]: RM | REGISTER_BYTE | REGISTER_OR_MEMORY,
  [OPERAND_R]: RM | WORDS,
  [OPERAND_G]: REG | WORDS,
  [OPERAND_GB]: REG | REGISTER_BYTE,
  [OPERAND_Z]: RM | WORDS | REGISTER_OPCODE,
  [OPERAND_ZB]: RM | REGISTER_BYTE | REGISTER_OPCODE,
  [OPERAND_S]: REG | REGISTER_SEGMENT,
  [OPERAND_NUMBER]: REG,
  [OPERAND_AX]: fixed(EAX),
  [OPERAND_CL]: fixed(ECX),
  [OPERAND_DX]: fixed(EDX),
}

/** Bytes of an immediate, without and behind a 66 prefix, and flags. */
const IMMEDIATE: Readonly<Record<number, readonly [bytes: number, short: number, flags: number]>> = {
  [OPERAND_O]: [4, 4, ENTRY_OFFSET],
  [OPERAND_ONE]: [0, 0, 0],
  [OPERAND_FX]: [0, 0, ENTRY_X87],
  [OPERAND_JB]: [1, 1, ENTRY_SIGNED],
  [OPERAND_JZ]: [4, 2, ENTRY_SIGNED],
  [OPERAND_IB]: [1, 1, 0],
  [OPERAND_IBS]: [1, 1, ENTRY_SIGNED],
  [OPERAND_IW]: [2, 2, 0],
  [OPERAND_IZ]: [4, 2, ENTRY_SIGNED],
}
const SIZES = { b: [1, 1], w: [2, 2], d: [4, 4], v: [4, 2] } as const

/** Writes an entry at byte `at`; false when it has more than the fields can say. */
function writeEntry(view: DataView, at: number, entry: OpcodeEntry): boolean {
  let flags =
    (entry.modrm ? ENTRY_MODRM : 0) |
    (entry.registersOnly ? ENTRY_REGISTERS : 0) |
    (entry.lock && entry.forms[1][0] === 'm' ? ENTRY_LOCK : 0) |
    (entry.popAddress ? ENTRY_POP : 0) |
    (entry.ends ? ENTRY_ENDS : 0) |
    (entry.resumes ? ENTRY_RESUMES : 0) |
    (entry.branch ? ENTRY_BRANCH : 0) |
    (entry.indirect ? ENTRY_INDIRECT : 0) |
    (entry.insn.wide ? ENTRY_WIDE : 0)
  let immediates = 0
  for (const [position, code] of entry.codes.entries()) {
    const register = REGISTER[code]
    const immediate = IMMEDIATE[code]
    if (register !== undefined) {
      const segment = code === OPERAND_S && position === 0 ? REGISTER_NOT_CS : 0
      if (position < 2) view.setUint32(at + ENTRY_A + position * 4, register | segment, true)
      else if ((register & REGISTER_SEGMENT) !== 0) return false
    } else if (immediate !== undefined) {
      if (immediates++ > 0) return false
      view.setUint8(at + ENTRY_IMM, immediate[0])
      view.setUint8(at + ENTRY_IMM + 1, immediate[1])
      view.setUint8(at + ENTRY_CONSTANT, code === OPERAND_ONE ? 1 : 0)
      flags |= immediate[2]
    } else if (code === OPERAND_M) flags |= ENTRY_MEMORY
    else return false
  }
  view.setUint16(at + ENTRY_FLAGS, flags, true)
  view.setUint8(at + ENTRY_SIZE, SIZES[entry.size][0])
  view.setUint8(at + ENTRY_SIZE + 1, SIZES[entry.size][1])
  return true
}

function prefixBits(byte: number): number {
  switch (byte) {
    case 0x66:
      return PREFIX_OPERAND
    case 0xf0:
      return PREFIX_LOCK
    case 0xf3:
      return 1 << PREFIX_REPEAT_SHIFT
    case 0xf2:
      return 2 << PREFIX_REPEAT_SHIFT
  }
  const segment = SEGMENT_PREFIX[byte]
  // The address-size prefix is none to these tables, and so nothing that they have begins with it.
  return segment < 0 ? 0 : (SEG + segment * SEG_SIZE) >> 5
}

/** Handlers of two records in a row: see PairTable in interp/handlers.ts. */
export interface PairNumbers {
  readonly rows: Uint8Array
  readonly columns: Uint8Array
  readonly both: Uint16Array
}

/** What is to be at DECODING; it ends where DECODE_HANDLERS begin, which are found as they are needed. */
export function decodingTables(table: OpcodeTable, pairs: PairNumbers, end: number): Uint8Array {
  const bytes = new Uint8Array(DECODE_HANDLERS - DECODING)
  const view = new DataView(bytes.buffer)
  const set16 = (at: number, value: number): void => view.setUint16(at - DECODING, value, true)
  /** Numbers of the entries that have been seen; 0 where the fields are too few. */
  const numbers = new Map<OpcodeEntry, number>()
  const numberOf = (entry: OpcodeEntry | null): number => {
    if (entry === null) return 0
    const known = numbers.get(entry)
    if (known !== undefined) return known
    if (entry.number >= ENTRIES) throw new RangeError('too many entries for the decoding tables')
    const number = writeEntry(view, DECODE_ENTRIES - DECODING + entry.number * ENTRY_BYTES, entry) ? entry.number : 0
    numbers.set(entry, number)
    return number
  }
  let groups = 0
  const wordOf = (slot: OpcodeSlot | undefined): number => {
    if (slot === undefined) return 0
    if (slot.group === null) return numberOf(slot.entry)
    // Whole ModRM bytes are more than a group has.
    if (slot.exact !== undefined) return 0
    if (groups === GROUPS) throw new RangeError('too many groups for the decoding tables')
    for (const [reg, entry] of slot.group.entries()) {
      set16(DECODE_GROUPS + (groups * 8 + reg) * 2, numberOf(entry ?? slot.entry))
    }
    return GROUPED | groups++
  }
  for (let opcode = 0; opcode < 0x200; opcode++) {
    const slots = table[opcode]
    const plain = wordOf(slots?.[''])
    set16(DECODE_OPCODES + opcode * 6, plain)
    set16(DECODE_OPCODES + opcode * 6 + 2, slots?.F3 ? wordOf(slots.F3) : plain)
    set16(DECODE_OPCODES + opcode * 6 + 4, slots?.F2 ? wordOf(slots.F2) : plain)
  }
  for (let byte = 0; byte < 0x100; byte++) view.setUint8(DECODE_PREFIXES - DECODING + byte, prefixBits(byte))
  for (let i = 0; i < 64; i++) set16(DECODE_X87 + i * 2, x87OperandWidth(((i & 0x38) << 5) | ((i & 7) << 3)))
  set16(DECODE_END, end)
  if (pairs.rows.length > HANDLERS) throw new RangeError('too many handlers for the decoding tables')
  bytes.set(pairs.rows, DECODE_ROWS - DECODING)
  bytes.set(pairs.columns, DECODE_COLUMNS - DECODING)
  new Uint16Array(bytes.buffer).set(pairs.both, (DECODE_PAIRS - DECODING) >> 1)
  return bytes
}
