/**
 * The decoder: bytes to one decoded instruction (SDM vol. 2 chapter 2). It reads bytes from memory, or through a function
 * that may throw the fault of fetching them, and holds no state between calls except the result object, which is reused.
 * Cold code is decoded once and never again, so this counts: small functions over tables of numbers, which V8 has
 * compiled before much was decoded slowly.
 */
import { GuestFault } from '../context.ts'
import { x87OperandWidth } from '../fpu/index.ts'
import type { Insn } from '../isa/define.ts'
import {
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  ESI,
  ESP,
  SEG,
  SEG_CS,
  SEG_DS,
  SEG_GS,
  SEG_SIZE,
  SEG_SS,
  VEC_GP,
  ZERO,
} from '../state.ts'
import {
  OPERAND_AX,
  OPERAND_CL,
  OPERAND_DX,
  OPERAND_E,
  OPERAND_EB,
  OPERAND_FAR,
  OPERAND_FX,
  OPERAND_G,
  OPERAND_GB,
  OPERAND_IB,
  OPERAND_IB2,
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
  opcodeEntry,
  SEGMENT_PREFIX,
  SIMD_ENTRIES,
} from './table.ts'

/** Where an instruction of the SIMD table is to be found; -1 when the bytes are no instruction. */
export type SimdLookup = (prefix: number, opcode: number, reg: number, memory: boolean) => number

export interface SimdDecoding {
  find: SimdLookup
  /** Position of the SIMD pseudo-entry in the instruction set. */
  id: number
  insn: Insn
  /** Whether entry `index` has an 8-bit immediate. */
  imm8(index: number): boolean
  /** State address of a register operand: ModRM.reg is 0, ModRM.rm is 1. */
  register(index: number, operand: 0 | 1, n: number): number
  /** Bytes of a memory operand. */
  bytes(index: number): number
  /** Whether a memory operand is written. */
  stores(index: number): boolean
}

export class Decoded {
  /** Null: undefined opcode. */
  insn: Insn | null = null
  /** What the table says of it; meaningful while `insn` is not null. */
  entry: OpcodeEntry
  id = 0
  size: 1 | 2 | 4 = 4
  form = ''
  /** A ModRM byte names a memory operand. */
  memory = false
  addr32 = true
  length = 0
  a = 0
  b = 0
  base: number = ZERO
  index: number = ZERO
  scale = 0
  disp = 0
  seg = 0
  imm = 0
  extra = 0
  /** The address must be computed by an EA16 micro-record first. */
  ea16 = false
  /** `imm` is a displacement from the next instruction. */
  relative = false

  constructor(entry: OpcodeEntry) {
    this.entry = entry
  }
}

const segAt = (i: number): number => SEG + i * SEG_SIZE
const SEG_DS_AT = segAt(SEG_DS)
const SEG_SS_AT = segAt(SEG_SS)
const EA16_BASE = [EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX]
const EA16_INDEX = [ESI, EDI, ESI, EDI, ZERO, ZERO, ZERO, ZERO]
const MAX_LENGTH = 15
const NOTHING = new DataView(new ArrayBuffer(0))

/** Prefix bytes: 1 for those that are prefixes. */
const IS_PREFIX = new Uint8Array(256)
for (const byte of [0x66, 0x67, 0xf0, 0xf2, 0xf3]) IS_PREFIX[byte] = 1
for (const [byte, segment] of SEGMENT_PREFIX.entries()) if (segment >= 0) IS_PREFIX[byte] = 1

/** Thrown where bytes run out that are all there is. */
const BEYOND = Symbol('beyond')
const beyond = (): never => {
  throw BEYOND
}

/** State address of a byte register by its encoding: AH to BH are byte 1 of the first four. */
const byteRegister = (n: number): number => (n >= 4 ? (n - 4) * 8 + 1 : n * 8)

export class Decoder {
  /** By opcode and mandatory prefix: index opcode * 3, plus 1 after F3, 2 after F2. */
  readonly #entries: (OpcodeEntry | null)[] = []
  readonly #groups: (OpcodeSlot | null)[] = []
  readonly #simd: SimdDecoding
  /** SIMD instructions by form: xx, xm, mx. */
  readonly #simdEntries: readonly OpcodeEntry[]
  readonly result: Decoded
  /** Bytes below `#limit` are in `#view` from `#base` on; those above, up to the longest instruction, come from `#fetch`. */
  #view: DataView = NOTHING
  #base = 0
  #limit = 0
  #fetch: (i: number) => number = beyond
  #at = 0
  /* Prefixes of the instruction. */
  #opsize = false
  #addrsize = false
  #lock = false
  #rep = 0
  #segment = -1

  constructor(table: OpcodeTable, simd: SimdDecoding) {
    for (let opcode = 0; opcode < 0x200; opcode++) {
      const slots = table[opcode]
      for (const prefix of ['', 'F3', 'F2'] as const) {
        const slot = slots?.[prefix] ?? slots?.['']
        this.#entries.push(slot?.entry ?? null)
        this.#groups.push(slot?.group ? slot : null)
      }
    }
    this.#simd = simd
    this.#simdEntries = Array.from({ length: SIMD_ENTRIES }, (_, i) => opcodeEntry(simd.insn, i, simd.id, [], true))
    this.result = new Decoded(this.#simdEntries[0])
  }

  #u8(): number {
    const at = this.#at
    if (at >= this.#limit) return this.#more()
    this.#at = at + 1
    return this.#view.getUint8(this.#base + at)
  }
  #i8(): number {
    return (this.#u8() << 24) >> 24
  }
  #u16(): number {
    return this.#u8() | (this.#u8() << 8)
  }
  #u32(): number {
    const at = this.#at
    if (at + 4 > this.#limit) return this.#u16() | (this.#u16() << 16)
    this.#at = at + 4
    return this.#view.getInt32(this.#base + at, true)
  }
  #more(): number {
    if (this.#at >= MAX_LENGTH) throw new GuestFault(VEC_GP, 0)
    return this.#fetch(this.#at++)
  }

  /**
   * Decodes the instruction whose byte i is `fetch(i)`, which may throw the fault of fetching it; `code32` is CS.D.
   * Throws #GP beyond 15 bytes. The result is the same object each time.
   */
  decode(fetch: (i: number) => number, code32: boolean): Decoded {
    this.#fetch = fetch
    this.#limit = 0
    return this.#decode(code32)
  }

  /** Decodes the instruction at byte `at` of `view`; null when it does not end before `end`, or is too long. */
  decodeWithin(view: DataView, at: number, end: number, code32: boolean): Decoded | null {
    this.#fetch = beyond
    this.#view = view
    this.#base = at
    this.#limit = Math.min(end - at, MAX_LENGTH)
    try {
      return this.#decode(code32)
    } catch (e) {
      if (e === BEYOND || e instanceof GuestFault) return null
      throw e
    }
  }

  #decode(code32: boolean): Decoded {
    this.#at = 0
    const d = this.result
    d.insn = null
    d.base = d.index = ZERO
    d.scale = d.disp = d.imm = d.extra = d.a = d.b = 0
    d.ea16 = d.relative = d.memory = false
    d.form = ''
    this.#opsize = this.#addrsize = this.#lock = false
    this.#rep = 0
    this.#segment = -1
    let opcode = this.#u8()
    while (IS_PREFIX[opcode] !== 0) {
      this.#prefix(opcode)
      opcode = this.#u8()
    }
    if (opcode === 0x0f) opcode = 0x100 | this.#u8()
    const rep = this.#rep
    d.addr32 = code32 !== this.#addrsize
    d.seg = this.#segment < 0 ? SEG_DS_AT : segAt(this.#segment)
    const big = code32 !== this.#opsize

    const slot = opcode * 3 + (rep === 0 ? 0 : rep === 0xf3 ? 1 : 2)
    let entry = this.#entries[slot]
    const group = this.#groups[slot]
    let modrm = -1
    if (group !== null) {
      modrm = this.#u8()
      entry = this.#inGroup(group, modrm) ?? entry
    } else if (entry?.modrm) modrm = this.#u8()

    if (entry === null) {
      if (opcode >= 0x100) this.#decodeSimd(d, opcode & 0xff, modrm)
      d.length = this.#at
      return d
    }
    const cls = entry.size
    d.size = cls === 'b' ? 1 : cls === 'w' ? 2 : cls === 'd' ? 4 : big ? 4 : 2
    d.memory = modrm >= 0 && modrm < 0xc0 && !entry.registersOnly
    if (d.memory) this.#address(d, modrm)
    const { codes } = entry
    for (let position = 0; position < codes.length; position++) {
      if (this.#operand(d, codes[position], position, opcode & 0xff, modrm, big)) continue
      // The ModRM form is not an encoding of the entry.
      if (opcode >= 0x100) this.#decodeSimd(d, opcode & 0xff, modrm)
      d.length = this.#at
      return d
    }
    d.form = entry.forms[d.memory ? 1 : 0]
    if (entry.popAddress && d.base === ESP) d.disp = (d.disp + d.size) | 0
    if (!this.#lock || (entry.lock && d.form[0] === 'm')) {
      d.entry = entry
      d.insn = entry.insn
      d.id = entry.id
    }
    d.length = this.#at
    return d
  }

  #prefix(byte: number): void {
    switch (byte) {
      case 0x66:
        this.#opsize = true
        return
      case 0x67:
        this.#addrsize = true
        return
      case 0xf0:
        this.#lock = true
        return
      case 0xf2:
      case 0xf3:
        this.#rep = byte
        return
      default:
        this.#segment = SEGMENT_PREFIX[byte]
    }
  }

  #inGroup(slot: OpcodeSlot, modrm: number): OpcodeEntry | null {
    const exact = this.#rep === 0 ? slot.exact?.get(this.#opsize ? modrm | 0x100 : modrm) : undefined
    return exact ?? slot.group?.[(modrm >> 3) & 7] ?? null
  }

  /** Fills in an operand; false when the ModRM form is not an encoding of the entry. */
  #operand(d: Decoded, code: number, position: number, opcode: number, modrm: number, big: boolean): boolean {
    let value = 0
    switch (code) {
      case OPERAND_E:
      case OPERAND_EB:
        if (d.memory) return true
        value = code === OPERAND_EB ? byteRegister(modrm & 7) : (modrm & 7) * 8
        break
      case OPERAND_R:
        value = (modrm & 7) * 8
        break
      case OPERAND_M:
        return d.memory
      case OPERAND_G:
        value = modrm & 0x38
        break
      case OPERAND_GB:
        value = byteRegister((modrm >> 3) & 7)
        break
      case OPERAND_Z:
        value = (opcode & 7) * 8
        break
      case OPERAND_ZB:
        value = byteRegister(opcode & 7)
        break
      case OPERAND_S:
        value = (modrm >> 3) & 7
        if (value > SEG_GS || (position === 0 && value === SEG_CS)) return false
        break
      case OPERAND_NUMBER:
        value = (modrm >> 3) & 7
        break
      case OPERAND_AX:
        value = EAX
        break
      case OPERAND_CL:
        value = ECX
        break
      case OPERAND_DX:
        value = EDX
        break
      default:
        this.#immediate(d, code, opcode, modrm, big)
        return true
    }
    if (position === 0) d.a = value
    else if (position === 1) d.b = value
    return true
  }

  #immediate(d: Decoded, code: number, opcode: number, modrm: number, big: boolean): void {
    switch (code) {
      case OPERAND_FAR:
        d.imm = big ? this.#u32() : this.#u16()
        d.extra = this.#u16()
        return
      case OPERAND_O:
        d.disp = d.addr32 ? this.#u32() : this.#u16()
        return
      case OPERAND_ONE:
        d.imm = 1
        return
      case OPERAND_FX:
        d.imm = (opcode << 8) | modrm
        if (d.memory) d.extra = x87OperandWidth(d.imm)
        return
      case OPERAND_JB:
        d.relative = true
        d.imm = this.#i8()
        return
      case OPERAND_JZ:
        d.relative = true
        d.imm = big ? this.#u32() : (this.#u16() << 16) >> 16
        return
      case OPERAND_IB:
        d.imm = this.#u8()
        return
      case OPERAND_IBS:
        d.imm = this.#i8()
        return
      case OPERAND_IW:
        d.imm = this.#u16()
        return
      case OPERAND_IZ:
        d.imm = big ? this.#u32() : (this.#u16() << 16) >> 16
        return
      case OPERAND_IB2:
        d.extra = this.#u8()
        return
    }
    throw new Error(`operand code ${code}`)
  }

  #decodeSimd(d: Decoded, opcode: number, seen: number): void {
    const rep = this.#rep
    const modrm = seen >= 0 ? seen : opcode === 0x77 ? 0xc0 : this.#u8()
    const memory = modrm < 0xc0
    const prefix = rep !== 0 ? rep : this.#opsize ? 0x66 : 0
    const index = this.#simd.find(prefix, opcode, (modrm >> 3) & 7, memory)
    if (index < 0 || this.#lock) return
    if (memory && seen < 0) this.#address(d, modrm)
    if (this.#simd.imm8(index)) d.imm = this.#u8()
    d.insn = this.#simd.insn
    d.id = this.#simd.id
    d.size = 4
    d.memory = memory
    d.form = !memory ? 'xx' : this.#simd.stores(index) ? 'mx' : 'xm'
    d.a = this.#simd.register(index, 0, (modrm >> 3) & 7)
    d.b = memory ? 0x10000 - this.#simd.bytes(index) : this.#simd.register(index, 1, modrm & 7)
    d.extra = index
    // MASKMOVQ, MASKMOVDQU store to DS:(E)DI, segment overridable: a memory operand beside two registers.
    if (opcode === 0xf7) {
      d.memory = true
      d.form = 'xm'
      d.base = EDI
      d.ea16 = !d.addr32
    }
    d.entry = this.#simdEntries[d.form === 'xx' ? 0 : d.form === 'xm' ? 1 : 2]
  }

  /** ModRM and SIB to base, index, scale, displacement and default segment (SDM vol. 2 tables 2-1 to 2-3). */
  #address(d: Decoded, modrm: number): void {
    const mod = modrm >> 6
    const rm = modrm & 7
    let stack = false
    if (!d.addr32) {
      d.ea16 = true
      if (mod === 0 && rm === 6) {
        d.disp = this.#u16()
      } else {
        d.base = EA16_BASE[rm]
        d.index = EA16_INDEX[rm]
        stack = d.base === EBP
        d.disp = mod === 1 ? this.#i8() : mod === 2 ? this.#u16() : 0
      }
      if (rm === 4) d.base = ESI
      else if (rm === 5) d.base = EDI
      if (rm === 4 || rm === 5) d.index = ZERO
    } else {
      let base = rm
      let none = mod === 0 && rm === 5
      if (rm === 4) {
        const sib = this.#u8()
        base = sib & 7
        none = mod === 0 && base === 5
        const index = (sib >> 3) & 7
        if (index !== 4) {
          d.index = index * 8
          d.scale = sib >> 6
        }
      }
      if (!none) {
        d.base = base * 8
        stack = base === 4 || base === 5
      }
      d.disp = mod === 1 ? this.#i8() : mod === 2 || none ? this.#u32() : 0
    }
    if (this.#segment < 0) d.seg = stack ? SEG_SS_AT : SEG_DS_AT
  }
}
