/** Decoder tables, made from the encodings that the instruction set declares. */
import type { Insn } from '../isa/define.ts'
import { SEG_CS, SEG_DS, SEG_ES, SEG_FS, SEG_GS, SEG_SS } from '../state.ts'

export interface OpcodeEntry {
  insn: Insn
  /** Position of the entry among all: those for SIMD instructions come first. */
  number: number
  /** Position of the instruction in the set; part of the handler key. */
  id: number
  operands: readonly string[]
  /** What the decoder does for each operand: OPERAND_ numbers. */
  codes: readonly number[]
  /** Needs a ModRM byte. */
  modrm: boolean
  /** ModRM.mod is ignored: the operand is a register whatever it says (MOV to and from control and debug registers). */
  registersOnly: boolean
  /** Operand size class. */
  size: SizeClass
  /** Letters of the operands' forms: with ModRM naming a register, and a memory operand. */
  forms: readonly [register: string, memory: string]
  /** LOCK is allowed: operand 0 may be memory and the instruction takes it. */
  lock: boolean
  popAddress: boolean
  /** The block ends here; or here but goes on; the instruction is a direct branch; an indirect near jump. See isa/define.ts. */
  ends: boolean
  resumes: boolean
  branch: boolean
  indirect: boolean
}

/** Forms of SIMD instructions: xx, xm, mx. */
export const SIMD_ENTRIES = 3

/** Position among an entry's handlers of a form (register or memory), operand size and widths. */
export function handlerSlot(memory: boolean, size: number, stack32: boolean, addr32: boolean, flat: boolean): number {
  return (
    (size << SLOT_SIZE) |
    (memory ? SLOT_MEMORY : 0) |
    (stack32 ? SLOT_STACK32 : 0) |
    (addr32 ? SLOT_ADDR32 : 0) |
    (flat ? SLOT_FLAT : 0)
  )
}
export const SLOT_SIZE = 4
export const SLOT_MEMORY = 8
export const SLOT_STACK32 = 4
export const SLOT_ADDR32 = 2
export const SLOT_FLAT = 1
export const HANDLER_SLOTS: number = 5 << SLOT_SIZE

/** The segment that a prefix byte names, -1 where it names none (SDM vol. 2, 2.1.1). */
export const SEGMENT_PREFIX: Int8Array = new Int8Array(0x100).fill(-1)
for (const [byte, segment] of [
  [0x26, SEG_ES],
  [0x2e, SEG_CS],
  [0x36, SEG_SS],
  [0x3e, SEG_DS],
  [0x64, SEG_FS],
  [0x65, SEG_GS],
]) {
  SEGMENT_PREFIX[byte] = segment
}

/** What the decoder does for an operand. The codes are those of the manual, appendix A.2; see isa/define.ts. */
export const OPERAND_E = 0
export const OPERAND_EB = 1
export const OPERAND_R = 2
export const OPERAND_M = 3
export const OPERAND_G = 4
export const OPERAND_GB = 5
export const OPERAND_Z = 6
export const OPERAND_ZB = 7
/** Segment register; the first operand cannot be CS. */
export const OPERAND_S = 8
/** Number of a control or debug register. */
export const OPERAND_NUMBER = 9
export const OPERAND_AX = 10
export const OPERAND_CL = 11
export const OPERAND_DX = 12
export const OPERAND_FAR = 13
export const OPERAND_O = 14
export const OPERAND_ONE = 15
/** The opcode's and the ModRM byte of an x87 instruction. */
export const OPERAND_FX = 16
export const OPERAND_JB = 17
export const OPERAND_JZ = 18
export const OPERAND_IB = 19
export const OPERAND_IBS = 20
export const OPERAND_IW = 21
export const OPERAND_IZ = 22
/** A second immediate after a first, 8 bits (ENTER). */
export const OPERAND_IB2 = 23

function operandCode(operand: string, before: string | undefined): number {
  switch (operand) {
    case 'AL':
    case 'eAX':
      return OPERAND_AX
    case 'CL':
      return OPERAND_CL
    case 'DX':
      return OPERAND_DX
    case 'Ib':
      return before?.startsWith('I') ? OPERAND_IB2 : OPERAND_IB
    case 'Ibs':
      return OPERAND_IBS
    case 'Iw':
      return OPERAND_IW
    case 'Jb':
      return OPERAND_JB
    case '1':
      return OPERAND_ONE
  }
  const byte = operand[1] === 'b' ? 1 : 0
  switch (operand[0]) {
    case 'E':
      return OPERAND_E + byte
    case 'G':
      return OPERAND_G + byte
    case 'Z':
      return OPERAND_Z + byte
    case 'R':
      return OPERAND_R
    case 'M':
      return OPERAND_M
    case 'S':
      return OPERAND_S
    case 'C':
    case 'D':
      return OPERAND_NUMBER
    case 'A':
      return OPERAND_FAR
    case 'O':
      return OPERAND_O
    case 'F':
      return OPERAND_FX
    case 'J':
      return OPERAND_JZ
    case 'I':
      return OPERAND_IZ
  }
  throw new Error(`operand not understood: ${operand}`)
}

/** 8, 16 or 32 bits, or what the operand-size attribute says. */
export type SizeClass = 'b' | 'w' | 'd' | 'v'

/** What an opcode means under one mandatory prefix: one entry, or eight by ModRM.reg. */
export interface OpcodeSlot {
  entry: OpcodeEntry | null
  group: (OpcodeEntry | null)[] | null
  /** Entries for one whole ModRM byte, plus 0x100 behind a 66 prefix, before `group` is asked. Never behind F2 or F3. */
  exact?: Map<number, OpcodeEntry>
}

export type Prefix = '' | '66' | 'F2' | 'F3'
/** Index: opcode, plus 0x100 for the 0F map; then the mandatory prefix. */
export type OpcodeTable = (Partial<Record<Prefix, OpcodeSlot>> | undefined)[]

/** Splits an encoding string (see isa/define.ts). */
export function parseEncoding(encoding: string): {
  prefix: Prefix
  map: 0 | 1
  opcode: number
  spread: boolean
  digit: number
  /** A whole ModRM byte, or -1. */
  modrm: number
  operands: string[]
} {
  const m = /^(?:(66|F2|F3) )?(0F )?([0-9A-F]{2})(\+r)?(?:\/(\d)|:([0-9A-F]{2}))?(?: (\S+))?$/.exec(encoding)
  // `F2 A6` is a prefix and an opcode, `F2` alone would be one: the grammar above takes two bytes as prefix + opcode.
  if (!m) throw new Error(`encoding not understood: ${encoding}`)
  return {
    prefix: (m[1] ?? '') as Prefix,
    map: m[2] ? 1 : 0,
    opcode: Number.parseInt(m[3], 16),
    spread: m[4] !== undefined,
    digit: m[5] === undefined ? -1 : Number(m[5]),
    modrm: m[6] === undefined ? -1 : Number.parseInt(m[6], 16),
    operands: m[7]?.split(',') ?? [],
  }
}

const takesModrm = (operand: string): boolean => /^(E|G|M$|Sw|Cd|Dd|Rd|Fx)/.test(operand)

/** An entry of the tables; `group`: its ModRM byte is read whatever the operands. */
export function opcodeEntry(
  insn: Insn,
  number: number,
  id: number,
  operands: readonly string[],
  group: boolean,
): OpcodeEntry {
  return {
    insn,
    number,
    id,
    operands,
    codes: operands.map((o, i) => operandCode(o, operands[i - 1])),
    modrm: group || operands.some(takesModrm),
    registersOnly: operands.includes('Rd'),
    size: sizeClass({ insn, operands }),
    forms: [false, true].map(memory => operands.map(o => formLetter(o, memory)).join('')) as [string, string],
    lock: insn.lock === true,
    popAddress: insn.popAddress === true,
    ends: insn.ends === true,
    resumes: insn.resumes === true,
    branch: insn.branch === true,
    indirect: insn.indirect === true,
  }
}

export function buildTable(isa: readonly Insn[]): OpcodeTable {
  const table: OpcodeTable = []
  let number = SIMD_ENTRIES
  for (const [id, insn] of isa.entries()) {
    for (const text of insn.encodings) {
      const e = parseEncoding(text)
      const entry = opcodeEntry(insn, number++, id, e.operands, e.digit >= 0 || e.modrm >= 0)
      for (let r = 0; r < (e.spread ? 8 : 1); r++) {
        const at = e.map * 0x100 + e.opcode + r
        table[at] ??= {}
        const byPrefix = table[at]
        const slot = (byPrefix[e.modrm >= 0 ? '' : e.prefix] ??= { entry: null, group: null })
        if (e.modrm >= 0) {
          slot.exact ??= new Map()
          slot.exact.set(e.modrm | (e.prefix === '66' ? 0x100 : 0), entry)
        } else if (e.digit >= 0) {
          slot.group ??= Array.from({ length: 8 }, () => null)
          if (slot.group[e.digit]) throw new Error(`${text}: taken by ${slot.group[e.digit]?.insn.mnemonic}`)
          slot.group[e.digit] = entry
        } else {
          // NOP is XCHG eAX,eAX: the later, more particular declaration of a spread wins.
          slot.entry = entry.operands.length === 0 || !slot.entry ? entry : slot.entry
        }
      }
    }
  }
  return table
}

const FORM: Record<string, string> = {
  E: 'E',
  G: 'r',
  M: 'm',
  I: 'i',
  J: 'i',
  A: 'i',
  O: 'm',
  S: 's',
  C: 'n',
  D: 'n',
  R: 'r',
  Z: 'r',
  '1': 'i',
}
const FIXED: Record<string, string> = { AL: 'r', eAX: 'r', CL: 'r', DX: 'r' }

/** Letter of an operand in a form: r, m, i, s (segment number), n (control or debug register number). */
export function formLetter(operand: string, memory: boolean): string {
  if (operand === 'Fx') return memory ? 'm' : 'x'
  const letter = FIXED[operand] ?? FORM[operand[0]]
  return letter === 'E' ? (memory ? 'm' : 'r') : letter
}

/** Operand size class of an entry: from the instruction, or the first operand that shows one. */
export function sizeClass(entry: Pick<OpcodeEntry, 'insn' | 'operands'>): SizeClass {
  if (entry.insn.size) return entry.insn.size
  for (const o of entry.operands) {
    if (o === 'AL' || o === 'CL') return 'b'
    if (o === 'eAX') return 'v'
    const m = /^[EGZOI]([bwdvz])/.exec(o)
    if (m) return m[1] === 'z' ? 'v' : (m[1] as 'b')
  }
  return 'v'
}
