/**
 * Our decoder beside iced-x86's: both decode the same bytes, and what differs is told in words. For the tests of the
 * decoder. Register forms, memory operands, immediates, branch targets, names and lengths are compared; an instruction
 * of an extension that the processor does not have must be undefined to us.
 */
import {
  Code,
  CpuidFeature,
  DecoderOptions,
  Decoder as Iced,
  Instruction,
  MemorySizeExt,
  Mnemonic,
  OpKind,
  Register,
} from 'iced-x86'
import { GuestFault } from '../context.ts'
import { testContext } from '../fpu/test-context.ts'
import { executeX87 } from '../fpu/x87.ts'
import { buildHandlers } from '../interp/handlers.ts'
import { simdRegisterNumber } from '../isa/simd/index.ts'
import { SIMD_OPS } from '../simd/index.ts'
import { EDI, ESP, SEG, SEG_SIZE, VEC_UD, ZERO } from '../state.ts'
import { type Decoded, Decoder } from './decode.ts'
import { simdDecoding } from './simd.ts'

/** Length of one test's window of bytes. */
export const WINDOW = 16
/** SIMD records have the width of a memory operand, negative, in place of a register. */
const WIDTH_OF_MEMORY = 0xfff0

/** CPUID features of the processor that is modelled (a P6 with SSE2), in iced's terms. */
const FEATURES = new Set<number>([
  CpuidFeature.INTEL8086,
  CpuidFeature.INTEL186,
  CpuidFeature.INTEL286,
  CpuidFeature.INTEL386,
  CpuidFeature.INTEL486,
  CpuidFeature.FPU,
  CpuidFeature.FPU287,
  CpuidFeature.FPU387,
  CpuidFeature.CMOV,
  CpuidFeature.CPUID,
  CpuidFeature.TSC,
  CpuidFeature.CX8,
  CpuidFeature.MSR,
  CpuidFeature.SEP,
  CpuidFeature.MMX,
  CpuidFeature.SSE,
  CpuidFeature.SSE2,
  CpuidFeature.FXSR,
  CpuidFeature.CLFSH,
  CpuidFeature.RDPMC,
  CpuidFeature.MULTIBYTENOP,
  CpuidFeature.PAUSE,
  CpuidFeature.INTEL8086_ONLY,
])

/** Names that differ from iced's, beyond case: ours to theirs. */
const NAMES: Record<string, readonly string[]> = {
  IMUL1: ['Imul'],
  IMUL2: ['Imul'],
  IMUL3: ['Imul'],
  MOVSREG: ['Mov'],
  MOVTOSREG: ['Mov'],
  MOVZX8: ['Movzx'],
  MOVZX16: ['Movzx'],
  MOVSX8: ['Movsx'],
  MOVSX16: ['Movsx'],
  CBW: ['Cbw', 'Cwde'],
  CWD: ['Cwd', 'Cdq'],
  XLAT: ['Xlatb'],
  JMPN: ['Jmp'],
  CALLN: ['Call'],
  CALLF: ['Call'],
  CALLFM: ['Call'],
  JMPF: ['Jmp'],
  JMPFM: ['Jmp'],
  RETF: ['Retf'],
  IRET: ['Iret', 'Iretd'],
  JCXZ: ['Jcxz', 'Jecxz'],
  PUSHI: ['Push'],
  PUSHA: ['Pusha', 'Pushad'],
  POPA: ['Popa', 'Popad'],
  PUSHF: ['Pushf', 'Pushfd'],
  POPF: ['Popf', 'Popfd'],
  INV: ['In'],
  INDX: ['In'],
  INVDX: ['In'],
  OUTV: ['Out'],
  OUTDX: ['Out'],
  OUTVDX: ['Out'],
  MOVFROMCR: ['Mov'],
  MOVTOCR: ['Mov'],
  MOVFROMDR: ['Mov'],
  MOVTODR: ['Mov'],
  UD: ['Ud0', 'Ud1', 'Ud2', 'Rsm'],
  FWAIT: ['Wait', 'Fwait'],
  NOP: [
    'Nop',
    'Pause',
    'Reservednop',
    'Prefetchnta',
    'Prefetcht0',
    'Prefetcht1',
    'Prefetcht2',
    'Prefetch',
    'Prefetchw',
  ],
  SHL: ['Shl', 'Sal'],
}
for (const s of ['ES', 'CS', 'SS', 'DS', 'FS', 'GS']) {
  NAMES[`PUSH${s}`] = ['Push']
  NAMES[`POP${s}`] = ['Pop']
}
/** Widths that iced has in the name, and we in the operand size. */
const SUFFIXED = new Set(['MOVS', 'CMPS', 'STOS', 'LODS', 'SCAS', 'INS', 'OUTS'])
/** Its bytes are undefined everywhere but in a graft's stub pages. */
const OURS_ALONE = new Set(['HOSTOP'])

/** Whose memory operand is of the operand size. */
const SIZED = new Set([
  'ADD',
  'ADC',
  'SUB',
  'SBB',
  'AND',
  'OR',
  'XOR',
  'CMP',
  'TEST',
  'MOV',
  'XCHG',
  'XADD',
  'CMPXCHG',
  'PUSH',
  'POP',
  'INC',
  'DEC',
  'NEG',
  'NOT',
  'SHL',
  'SHR',
  'SAR',
  'ROL',
  'ROR',
  'RCL',
  'RCR',
  'MUL',
  'IMUL1',
  'IMUL2',
  'DIV',
  'IDIV',
])
/** Those that MOV can name; the others are #UD (sys/control.ts). */
const CONTROL_REGISTERS = new Set([0, 2, 3, 4])

const GENERAL = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di']
const HIGH_BYTES = ['AL', 'CL', 'DL', 'BL', 'AH', 'CH', 'DH', 'BH']
const SEGMENTS = ['ES', 'CS', 'SS', 'DS', 'FS', 'GS']

/** State address of a general register by iced's number; -1 when it is none. */
function stateAddress(register: number): number {
  const name = Register[register]
  const byte = HIGH_BYTES.indexOf(name)
  if (byte >= 0) return byte < 4 ? byte * 8 : (byte - 4) * 8 + 1
  const n = GENERAL.indexOf(name.toLowerCase().replace(/^e(?=..$)/, ''))
  return n < 0 ? -1 : n * 8
}
const ADDRESS = Array.from({ length: 256 }, (_, i) => (Register[i] === undefined || i === 0 ? -1 : stateAddress(i)))
const SEGMENT = Array.from({ length: 256 }, (_, i) => {
  const n = SEGMENTS.indexOf(Register[i])
  return n < 0 ? -1 : SEG + n * SEG_SIZE
})

/** What the x87 unit makes of each ModRM byte: true when it raises #UD. */
const X87_UNDEFINED = Array.from({ length: 8 }, (_, opcode) =>
  Array.from({ length: 256 }, (__, modrm) => {
    try {
      executeX87(testContext(), 0xd8 + opcode, modrm, 3, 0, true, 0)
    } catch (e) {
      if (!(e instanceof GuestFault)) throw e
      return e.vector === VEC_UD
    }
    return false
  }),
)

const set = buildHandlers()

export class Comparison {
  readonly #ours: Decoder
  readonly #iced: Iced
  readonly #instruction = new Instruction()
  readonly #bytes: Uint8Array
  readonly #bits: 16 | 32
  readonly #wrong: string[] = []
  readonly #check = (what: string, ours: unknown, theirs: unknown): void => {
    if (ours !== theirs) this.#wrong.push(`${what} ${String(ours)}, iced ${String(theirs)}`)
  }
  readonly #supported = new Map<number, boolean>()

  /** Compares instructions of `bytes`, which iced copies: later changes are not seen. */
  constructor(bytes: Uint8Array, bits: 16 | 32) {
    this.#bytes = bytes
    this.#bits = bits
    this.#ours = new Decoder(set.table, simdDecoding(set.simdId, set.simd))
    this.#iced = new Iced(
      bits,
      bytes,
      DecoderOptions.ForceReservedNop |
        DecoderOptions.NoMPFX_0FBC |
        DecoderOptions.NoMPFX_0FBD |
        DecoderOptions.NoWbnoinvd |
        DecoderOptions.OldFpu,
    )
  }

  /** Length by iced of the instruction at `at`; 0 when it is none that the modelled processor has. */
  icedLength(at: number): number {
    this.#iced.position = at
    this.#iced.decodeOut(this.#instruction)
    return this.#known() ? this.#instruction.length : 0
  }
  /** Length by our decoder; 0 for an undefined opcode. */
  ourLength(at: number): number {
    const d = this.#ours.decode(i => this.#bytes[at + i], this.#bits === 32)
    return d.insn === null ? 0 : d.length
  }

  /** What differs about the instruction at `at`; empty when nothing does. */
  differences(at: number): string {
    const i = this.#instruction
    this.#iced.position = at
    this.#iced.ip = 0n
    this.#iced.decodeOut(i)
    let d: Decoded
    try {
      d = this.#ours.decode(k => this.#bytes[at + k], this.#bits === 32)
    } catch (e) {
      if (!(e instanceof GuestFault)) throw e
      // Longer than 15 bytes: #GP, which iced reports as invalid.
      return !this.#known() ? '' : `${this.#hex(at)}: too long, but iced has ${Mnemonic[i.mnemonic]}`
    }
    const valid = d.insn !== null && !this.#undefinedLater(d)
    const known = this.#known()
    if (valid !== known) {
      const theirs = i.code === Code.INVALID ? 'invalid' : `${Code[i.code]} (${known ? 'ours' : 'not ours'})`
      return `${this.#hex(at)}: ${d.insn ? this.#name(d) : 'undefined'}, iced ${theirs}`
    }
    if (!valid) return ''
    this.#wrong.length = 0
    const check = this.#check
    check('length', d.length, i.length)
    if (!this.#sameName(d)) check('name', this.#name(d), Mnemonic[i.mnemonic])
    this.#memory(d, check)
    this.#immediates(d, check)
    this.#registers(d, check)
    return this.#wrong.length === 0 ? '' : `${this.#hex(at)} ${Code[i.code]}: ${this.#wrong.join('; ')}`
  }

  #hex(at: number): string {
    return Array.from(this.#bytes.subarray(at, at + WINDOW), b => b.toString(16).padStart(2, '0')).join(' ')
  }

  #known(): boolean {
    const { code } = this.#instruction
    if (code === Code.INVALID) return false
    let known = this.#supported.get(code)
    if (known === undefined) {
      // OldFpu and 8086-only forms are there to be seen; they are not the processor's. Calls of a hypervisor are decoded
      // without the extensions that bring them.
      known = this.#instruction.cpuidFeatures().every(f => FEATURES.has(f)) || /^Ud|^Rsm|^Vmm?call$/.test(Code[code])
      this.#supported.set(code, known)
    }
    return known
  }

  /** Decodes, and raises #UD when executed. */
  #undefinedLater(d: Decoded): boolean {
    const mnemonic = d.insn?.mnemonic ?? ''
    if (mnemonic.startsWith('ESC')) return X87_UNDEFINED[Number(mnemonic[3])][d.imm & 0xff]
    if (mnemonic === 'MOVFROMCR') return !CONTROL_REGISTERS.has(d.b)
    if (mnemonic === 'MOVTOCR') return !CONTROL_REGISTERS.has(d.a)
    return OURS_ALONE.has(mnemonic)
  }

  #name(d: Decoded): string {
    return d.insn === set.simd ? SIMD_OPS[d.extra].mnemonic : (d.insn?.mnemonic ?? '')
  }

  #sameName(d: Decoded): boolean {
    const theirs = Mnemonic[this.#instruction.mnemonic]
    let ours = this.#name(d)
    if (ours.startsWith('ESC')) return /^F/.test(theirs)
    if (d.insn !== set.simd) {
      ours = ours.replace(/^REPN?E? /, '')
      if (SUFFIXED.has(ours)) ours += 'bwd'[d.size === 1 ? 0 : d.size === 2 ? 1 : 2]
      if (NAMES[ours]) return NAMES[ours].includes(theirs)
    }
    return ours.toLowerCase() === theirs.toLowerCase()
  }

  #memory(d: Decoded, check: (what: string, ours: unknown, theirs: unknown) => void): void {
    const i = this.#instruction
    const mnemonic = d.insn?.mnemonic ?? ''
    if (mnemonic === 'XLAT') {
      check('segment', d.seg, SEGMENT[i.memorySegment])
      return
    }
    let memory = false
    for (let k = 0; k < i.opCount; k++) {
      const kind = i.opKind(k)
      if (kind === OpKind.Memory) memory = true
      else if (kind >= OpKind.MemorySegSI && kind <= OpKind.MemoryESRDI) {
        const wide = kind === OpKind.MemorySegESI || kind === OpKind.MemorySegEDI || kind === OpKind.MemoryESEDI
        check('address size', d.addr32, wide)
        if (kind === OpKind.MemorySegDI || kind === OpKind.MemorySegEDI) {
          // MASKMOVQ and MASKMOVDQU: the address is (E)DI, kept here as a memory operand's base.
          check('memory operand', d.form.includes('m'), true)
          check('base', d.base, EDI)
          check('segment', d.seg, SEGMENT[i.memorySegment])
          return
        }
        if (kind <= OpKind.MemorySegRSI) check('segment', d.seg, SEGMENT[i.memorySegment])
      }
    }
    check('memory operand', d.form.includes('m'), memory)
    if (!memory) return
    const base = ADDRESS[i.memoryBase]
    const index = ADDRESS[i.memoryIndex]
    check('base', d.base, base < 0 ? ZERO : base)
    check('index', d.index, index < 0 ? ZERO : index)
    // Without an index the scale means nothing.
    if (index >= 0) check('scale', 1 << d.scale, i.memoryIndexScale)
    const mask = d.addr32 ? 0xffffffff : 0xffff
    const popped = d.insn?.popAddress && d.base === ESP ? d.size : 0
    check('displacement', (d.disp - popped) & mask, Number(i.memoryDisplacement) & mask)
    check('segment', d.seg, SEGMENT[i.memorySegment])
    if (SIZED.has(mnemonic)) check('size', d.size, MemorySizeExt.size(i.memorySize))
  }

  #immediates(d: Decoded, check: (what: string, ours: unknown, theirs: unknown) => void): void {
    const i = this.#instruction
    if (d.relative) {
      const mask = d.size === 2 ? 0xffff : 0xffffffff
      check('target', (d.imm + d.length) & mask, Number(i.nearBranchTarget) & mask)
      return
    }
    if (d.form === 'rr' || d.form === 'mr' || d.form === 'rm') return
    const theirs: number[] = []
    for (let k = 0; k < i.opCount; k++) {
      const kind = i.opKind(k)
      if (kind === OpKind.FarBranch16 || kind === OpKind.FarBranch32) {
        check('selector', d.extra, i.farBranchSelector)
        theirs.push(kind === OpKind.FarBranch16 ? i.farBranch16 : i.farBranch32)
      } else if (kind >= OpKind.Immediate8 && kind <= OpKind.Immediate8to32)
        theirs.push(Number(i.immediate(k) & 0xffffffffn))
    }
    const mnemonic = d.insn?.mnemonic ?? ''
    if (mnemonic.startsWith('ESC') || mnemonic === 'INT3' || theirs.length === 0) return
    const mask = d.insn === set.simd || d.size === 1 ? 0xff : d.size === 2 ? 0xffff : 0xffffffff
    check('immediate', d.imm & mask, theirs[0] & mask)
    if (theirs.length > 1) check('second immediate', d.extra, theirs[1])
  }

  #registers(d: Decoded, check: (what: string, ours: unknown, theirs: unknown) => void): void {
    const i = this.#instruction
    if (d.insn === set.simd) {
      const theirs: number[] = []
      for (let k = 0; k < i.opCount; k++) {
        if (i.opKind(k) === OpKind.Register)
          theirs.push(Number(/\d$/.exec(Register[i.opRegister(k)])?.[0] ?? ADDRESS[i.opRegister(k)] / 8))
      }
      const ours = SIMD_OPS[d.extra].ext !== undefined ? [d.b] : [d.a, d.b]
      if (theirs.length > 0)
        check(
          'registers',
          ours
            .filter(r => r < WIDTH_OF_MEMORY)
            .map(simdRegisterNumber)
            .sort()
            .join(),
          theirs.sort().join(),
        )
      return
    }
    // Implied operands, which iced lists and we do not, are left out of the forms; so compare only where both count alike.
    if (i.opCount !== d.form.length || d.form === 'x') return
    for (let k = 0; k < Math.min(i.opCount, 2); k++) {
      const ours = k === 0 ? d.a : d.b
      if (i.opKind(k) !== OpKind.Register) continue
      const register = i.opRegister(k)
      if (d.form[k] === 'r') check(`operand ${k}`, ours, ADDRESS[register])
      else if (d.form[k] === 's') check(`operand ${k}`, SEG + ours * SEG_SIZE, SEGMENT[register])
      else if (d.form[k] === 'n') check(`operand ${k}`, ours, Number(Register[register].slice(2)))
      else check(`operand ${k}`, d.form[k], 'register')
    }
  }
}
