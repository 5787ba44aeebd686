/**
 * The decoder: bytes to one decoded instruction (SDM vol. 2 chapter 2). It reads bytes through a function that may
 * throw the fault of fetching them, and holds no state between calls except the result object, which is reused.
 */
import { GuestFault } from '../context.ts'
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
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_SIZE,
  SEG_SS,
  VEC_GP,
  ZERO,
} from '../state.ts'
import type { OpcodeEntry, OpcodeTable, Prefix } from './table.ts'

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
  id = 0
  size: 1 | 2 | 4 = 4
  form = ''
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
}

const segAt = (i: number): number => SEG + i * SEG_SIZE
const EA16_BASE = [EBX, EBX, EBP, EBP, ESI, EDI, EBP, EBX]
const EA16_INDEX = [ESI, EDI, ESI, EDI, ZERO, ZERO, ZERO, ZERO]
const MAX_LENGTH = 15

export class Decoder {
  readonly #table: OpcodeTable
  readonly #simd: SimdDecoding
  readonly result: Decoded = new Decoded()
  #fetch: (i: number) => number = () => 0
  #at = 0

  constructor(table: OpcodeTable, simd: SimdDecoding) {
    this.#table = table
    this.#simd = simd
  }

  #u8(): number {
    if (this.#at >= MAX_LENGTH) throw new GuestFault(VEC_GP, 0)
    return this.#fetch(this.#at++)
  }
  #u16(): number {
    return this.#u8() | (this.#u8() << 8)
  }
  #u32(): number {
    return this.#u16() | (this.#u16() << 16)
  }

  /** Decodes the instruction whose byte i is `fetch(i)`; `code32` is CS.D. */
  decode(fetch: (i: number) => number, code32: boolean): Decoded {
    this.#fetch = fetch
    this.#at = 0
    const d = this.result
    d.insn = null
    d.base = d.index = ZERO
    d.scale = d.disp = d.imm = d.extra = d.a = d.b = 0
    d.ea16 = d.relative = false
    d.form = ''
    let [opsize, addrsize, lock, rep, segment] = [false, false, false, 0, -1]
    let opcode = 0
    prefixes: for (;;) {
      opcode = this.#u8()
      switch (opcode) {
        case 0x66:
          opsize = true
          break
        case 0x67:
          addrsize = true
          break
        case 0xf0:
          lock = true
          break
        case 0xf2:
        case 0xf3:
          rep = opcode
          break
        case 0x26:
          segment = SEG_ES
          break
        case 0x2e:
          segment = SEG_CS
          break
        case 0x36:
          segment = SEG_SS
          break
        case 0x3e:
          segment = SEG_DS
          break
        case 0x64:
          segment = SEG_FS
          break
        case 0x65:
          segment = SEG_GS
          break
        default:
          break prefixes
      }
    }
    if (opcode === 0x0f) opcode = 0x100 | this.#u8()
    d.addr32 = code32 !== addrsize
    d.seg = segAt(segment < 0 ? SEG_DS : segment)
    const big = code32 !== opsize

    const slots = this.#table[opcode]
    const prefix: Prefix = rep === 0xf3 ? 'F3' : rep === 0xf2 ? 'F2' : ''
    const slot = slots?.[prefix] ?? slots?.['']
    let entry: OpcodeEntry | null = slot?.entry ?? null
    let modrm = -1
    if (slot?.group) {
      modrm = this.#u8()
      const exact = rep === 0 ? slot.exact?.get(opsize ? modrm | 0x100 : modrm) : undefined
      entry = exact ?? slot.group[(modrm >> 3) & 7] ?? entry
    } else if (entry?.modrm) modrm = this.#u8()

    if (!entry) {
      if (opcode >= 0x100) this.#decodeSimd(d, opcode & 0xff, modrm, rep, opsize, segment, lock)
      d.length = this.#at
      return d
    }
    const cls = entry.size
    d.size = cls === 'b' ? 1 : cls === 'w' ? 2 : cls === 'd' ? 4 : big ? 4 : 2
    if (modrm >= 0 && !entry.registersOnly && modrm < 0xc0) this.#address(d, modrm, segment)
    if (!this.#operands(d, entry, opcode & 0xff, modrm, big)) {
      if (opcode >= 0x100) this.#decodeSimd(d, opcode & 0xff, modrm, rep, opsize, segment, lock)
      d.length = this.#at
      return d
    }
    if (entry.insn.popAddress && d.base === ESP) d.disp = (d.disp + d.size) | 0
    if (!lock || (entry.insn.lock && d.form[0] === 'm')) {
      d.insn = entry.insn
      d.id = entry.id
    }
    d.length = this.#at
    return d
  }

  /** Fills in the operands; false when the ModRM form is not an encoding of the entry. */
  #operands(d: Decoded, entry: OpcodeEntry, opcode: number, modrm: number, big: boolean): boolean {
    const memory = modrm >= 0 && modrm < 0xc0
    const { operands, kinds } = entry
    for (let position = 0; position < operands.length; position++) {
      const o = operands[position]
      let value = -1
      switch (kinds[position]) {
        case 'E':
          if (!memory) value = this.#register(modrm & 7, o === 'Eb')
          break
        case 'R':
          value = (modrm & 7) * 8
          break
        case 'M':
          if (!memory) return false
          break
        case 'G':
          value = this.#register((modrm >> 3) & 7, o === 'Gb')
          break
        case 'Z':
          value = this.#register(opcode & 7, o === 'Zb')
          break
        case 'S': {
          value = (modrm >> 3) & 7
          if (value > SEG_GS || (position === 0 && value === SEG_CS)) return false
          break
        }
        case 'C':
          value = (modrm >> 3) & 7
          // Only 'Cd' is a control register; CL is the count register.
          if (o === 'CL') value = ECX
          break
        case 'D':
          value = o === 'DX' ? EDX : (modrm >> 3) & 7
          break
        case 'e':
          value = EAX
          break
        case 'A':
          if (o === 'AL') value = EAX
          else {
            d.imm = big ? this.#u32() : this.#u16()
            d.extra = this.#u16()
          }
          break
        case 'O':
          d.disp = d.addr32 ? this.#u32() : this.#u16()
          break
        case '1':
          d.imm = 1
          break
        case 'F':
          d.imm = (opcode << 8) | modrm
          break
        case 'J':
          d.relative = true
          d.imm = o === 'Jb' ? (this.#u8() << 24) >> 24 : big ? this.#u32() : (this.#u16() << 16) >> 16
          break
        case 'I': {
          const v =
            o === 'Ib'
              ? this.#u8()
              : o === 'Ibs'
                ? (this.#u8() << 24) >> 24
                : o === 'Iw'
                  ? this.#u16()
                  : big
                    ? this.#u32()
                    : (this.#u16() << 16) >> 16
          // ENTER has two immediates: the second goes beside the first.
          if (position === 1 && kinds[0] === 'I') d.extra = v
          else d.imm = v
          break
        }
      }
      if (value >= 0) {
        if (position === 0) d.a = value
        else if (position === 1) d.b = value
      }
    }
    d.form = entry.forms[memory ? 1 : 0]
    return true
  }

  #register(n: number, byte: boolean): number {
    return byte && n >= 4 ? (n - 4) * 8 + 1 : n * 8
  }

  #decodeSimd(
    d: Decoded,
    opcode: number,
    seen: number,
    rep: number,
    opsize: boolean,
    segment: number,
    lock: boolean,
  ): void {
    const modrm = seen >= 0 ? seen : opcode === 0x77 ? 0xc0 : this.#u8()
    const memory = modrm < 0xc0
    const prefix = rep !== 0 ? rep : opsize ? 0x66 : 0
    const index = this.#simd.find(prefix, opcode, (modrm >> 3) & 7, memory)
    if (index < 0 || lock) return
    if (memory && seen < 0) this.#address(d, modrm, segment)
    if (this.#simd.imm8(index)) d.imm = this.#u8()
    d.insn = this.#simd.insn
    d.id = this.#simd.id
    d.size = 4
    d.form = !memory ? 'xx' : this.#simd.stores(index) ? 'mx' : 'xm'
    d.a = this.#simd.register(index, 0, (modrm >> 3) & 7)
    d.b = memory ? 0x10000 - this.#simd.bytes(index) : this.#simd.register(index, 1, modrm & 7)
    d.extra = index
    // MASKMOVQ, MASKMOVDQU store to DS:(E)DI, segment overridable: a memory operand beside two registers.
    if (opcode === 0xf7) {
      d.form = 'xm'
      d.base = EDI
      d.ea16 = !d.addr32
    }
  }

  /** ModRM and SIB to base, index, scale, displacement and default segment (SDM vol. 2 tables 2-1 to 2-3). */
  #address(d: Decoded, modrm: number, segment: number): void {
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
        d.disp = mod === 1 ? (this.#u8() << 24) >> 24 : mod === 2 ? this.#u16() : 0
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
      d.disp = mod === 1 ? (this.#u8() << 24) >> 24 : mod === 2 || none ? this.#u32() : 0
    }
    if (segment < 0) d.seg = segAt(stack ? SEG_SS : SEG_DS)
  }
}
