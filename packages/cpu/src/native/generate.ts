/**
 * Random instruction tests, drawn from the declared encodings: every encoding in every operand size, registers and
 * memory with interesting values, now and then at the end of what is mapped. Deterministic by seed.
 */
import { Decoder } from '../decode/decode.ts'
import { simdDecoding } from '../decode/simd.ts'
import { parseEncoding } from '../decode/table.ts'
import { buildHandlers } from '../interp/handlers.ts'
import { PAIRS } from '../interp/pairs.ts'
import type { Insn } from '../isa/define.ts'
import { ISA } from '../isa/index.ts'
import { DATA, DATA_SIZE, MAX_CODE, type NativeTest } from './protocol.ts'

const [CF, PF, AF, ZF, SF, OF] = [1, 4, 0x10, 0x40, 0x80, 0x800]

/** EFLAGS bits that SDM vol. 2 leaves undefined after each instruction. */
function undefinedFlags(mnemonic: string, count: number): number {
  switch (mnemonic) {
    case 'AND':
    case 'OR':
    case 'XOR':
    case 'TEST':
      return AF
    case 'SHL':
    case 'SHR':
    case 'SAR':
      return AF | (count === 1 ? 0 : OF) | CF
    case 'SHLD':
    case 'SHRD':
      return AF | (count === 1 ? 0 : OF) | CF
    case 'ROL':
    case 'ROR':
    case 'RCL':
    case 'RCR':
      return count === 1 ? 0 : OF
    case 'MUL':
    case 'IMUL1':
    case 'IMUL2':
    case 'IMUL3':
      return SF | ZF | AF | PF
    case 'DIV':
    case 'IDIV':
      return CF | OF | SF | ZF | AF | PF
    case 'BT':
    case 'BTS':
    case 'BTR':
    case 'BTC':
      return OF | SF | AF | PF
    case 'BSF':
    case 'BSR':
      return CF | OF | SF | AF | PF
    case 'AAA':
    case 'AAS':
      return OF | SF | ZF | PF
    case 'DAA':
    case 'DAS':
      return OF
    case 'AAM':
    case 'AAD':
      return CF | OF | AF
    default:
      return 0
  }
}

/** What cannot be compared: it depends on the host's own segments, clocks or kernel, or would leave the test. */
const LEFT_OUT = new Set([
  'MOVSREG',
  'MOVTOSREG',
  'PUSHES',
  'PUSHCS',
  'PUSHSS',
  'PUSHDS',
  'PUSHFS',
  'PUSHGS',
  'POPES',
  'POPSS',
  'POPDS',
  'POPFS',
  'POPGS',
  'LES',
  'LDS',
  'LSS',
  'LFS',
  'LGS',
  'LAR',
  'LSL',
  'VERR',
  'VERW',
  'SLDT',
  'STR',
  'SGDT',
  'SIDT',
  'SMSW',
  'ARPL',
  'CALLF',
  'CALLFM',
  'JMPF',
  'JMPFM',
  'RETF',
  'IRET',
  'INT',
  'INT1',
  'SYSENTER',
  'SYSEXIT',
  'CPUID',
  'RDTSC',
  'RDPMC',
  'JMPN',
  'CALLN',
  'RET',
  'HOSTOP',
  'VMCALL',
  'VMMCALL',
  'FWAIT',
  'NOP',
  'BSWAP16',
  'LLDT',
  'LTR',
  'LMSW',
  'INTO3',
  'MOVFROMCR',
  'MOVTOCR',
  'MOVFROMDR',
  'MOVTODR',
  'CLI',
  'STI',
])

export function random(seed: number): () => number {
  let s = seed >>> 0
  return () => {
    s = (s + 0x6d2b79f5) >>> 0
    let t = Math.imul(s ^ (s >>> 15), s | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return (t ^ (t >>> 14)) >>> 0
  }
}

const INTERESTING = [
  0, 1, 2, 0x7f, 0x80, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffffe,
]

class Generator {
  readonly #r: () => number
  constructor(seed: number) {
    this.#r = random(seed)
  }
  below(n: number): number {
    return this.#r() % n
  }
  chance(n: number): boolean {
    return this.below(n) === 0
  }
  value(): number {
    return this.chance(2) ? INTERESTING[this.below(INTERESTING.length)] : this.#r()
  }
  word(): number {
    return this.#r()
  }

  test(insn: Insn, encoding: string): NativeTest | null {
    const e = parseEncoding(encoding)
    const repeat = e.prefix !== ''
    const string = insn.addr === true && !insn.branch && insn.mnemonic !== 'XLAT'
    const code: number[] = []
    const opsize16 =
      this.chance(3) && insn.size !== 'd' && !insn.branch && insn.mnemonic !== 'LEAVE' && insn.mnemonic !== 'ENTER'
    if (opsize16 && insn.mnemonic === 'BSWAP') return null
    if (opsize16) code.push(0x66)
    if (repeat) code.push(Number.parseInt(e.prefix, 16))
    else if (insn.lock && this.chance(8)) code.push(0xf0)
    if (e.map) code.push(0x0f)
    code.push(e.opcode + (e.spread ? this.below(8) : 0))
    if (e.modrm >= 0) code.push(e.modrm)
    const regs = Array.from({ length: 8 }, () => this.value())
    // ESP, EBX and the string registers point into the data; near its end a quarter of the time.
    const point = (): number => (this.chance(4) ? DATA + DATA_SIZE - this.below(24) : DATA + 0x800 + this.below(0xf00))
    regs[3] = point()
    regs[4] = this.chance(8) ? point() : (DATA + 0x1000 + this.below(64) * 4) >>> 0
    if (string || this.chance(2)) {
      regs[6] = point()
      regs[7] = point()
    }
    if (repeat || insn.branch) regs[1] = this.below(12)
    // A POPA that faults half way keeps what it popped on some processors, and nothing on others.
    if (insn.mnemonic === 'POPA') regs[4] = DATA + 0x1000
    if (insn.mnemonic === 'LEAVE' || insn.mnemonic === 'ENTER') regs[5] = point()
    let shiftCount = -1
    const takesModrm = e.digit >= 0 || e.operands.some(o => /^(E|G|M$)/.test(o))
    if (takesModrm) {
      const needsMemory = e.operands.includes('M')
      const reg = e.digit >= 0 ? e.digit : this.below(8)
      const memory = needsMemory || this.chance(2)
      if (!memory) code.push(0xc0 | (reg << 3) | this.below(8))
      else if (this.chance(2)) code.push(0x80 | (reg << 3) | 3, ...le32(this.below(64) - 32))
      else {
        // SIB: base EBX, a small index.
        const index = [0, 1, 2, 5][this.below(4)]
        regs[index] = this.below(16)
        code.push(0x44 | (reg << 3), (this.below(4) << 6) | (index << 3) | 3, this.below(64))
      }
      // A register bit offset reaches far: keep it near.
      if (/^BT/.test(insn.mnemonic) && memory && e.digit < 0) regs[reg] = (this.below(4096) - 2048) >>> 0
      if (/^BT/.test(insn.mnemonic) && (reg === 3 || reg === 4)) return null
    }
    for (const o of e.operands) {
      if (o === 'Ib' || o === 'Ibs') {
        const v = this.chance(2) ? this.below(40) : this.below(256)
        shiftCount = v & 31
        code.push(v)
      } else if (o === 'Iw') code.push(this.below(insn.mnemonic === 'ENTER' ? 64 : 256), 0)
      else if (o === 'Iz') code.push(...(opsize16 ? le32(this.value()).slice(0, 2) : le32(this.value())))
      else if (o === 'Jb') code.push(2)
      else if (o === 'Jz') code.push(2, 0, 0, 0)
      else if (o === 'Ob' || o === 'Ov') code.push(...le32(DATA + 0x10 + this.below(0x1000)))
      else if (o === 'CL') {
        regs[1] = this.chance(2) ? this.below(36) : regs[1]
        shiftCount = regs[1] & 31
      } else if (o === '1') shiftCount = 1
    }
    // The level of ENTER, kept small; after a branch two instructions, of which a taken one skips the first.
    if (insn.mnemonic === 'ENTER') code[code.length - 1] &= 3
    if (insn.branch) code.push(0x40, 0x41, 0x42, 0x43)
    // Double shifts of words by more than 16 leave the result undefined (SDM), and processors differ.
    if (/^SH[LR]D$/.test(insn.mnemonic) && opsize16 && shiftCount > 16) return null
    const flags = this.word() & (CF | PF | AF | ZF | SF | OF)
    const eflags = flags | 0x202 | (string && this.chance(3) ? 0x400 : 0)
    return {
      name: `${insn.mnemonic} (${encoding}): ${code.map(b => b.toString(16).padStart(2, '0')).join(' ')}`,
      code,
      regs: regs.map(v => v >>> 0),
      eflags,
      offset: this.below(0x800),
      seed: this.word() | 1,
      undefinedFlags: undefinedFlags(insn.mnemonic, shiftCount),
    }
  }
}

function le32(v: number): number[] {
  return [v & 0xff, (v >>> 8) & 0xff, (v >>> 16) & 0xff, (v >>> 24) & 0xff]
}

/** `rounds` tests of every comparable encoding. */
export function generateTests(seed: number, rounds: number): NativeTest[] {
  const g = new Generator(seed)
  const tests: NativeTest[] = []
  for (let round = 0; round < rounds; round++) {
    for (const insn of ISA) {
      if (LEFT_OUT.has(insn.mnemonic) || insn.mnemonic.startsWith('ESC')) continue
      for (const encoding of insn.encodings) {
        const t = g.test(insn, encoding)
        if (t) tests.push(t)
      }
    }
  }
  return tests
}

/**
 * What would end a sequence early, leave flags undefined for what follows, or look at AF where it is undefined; CMPS,
 * of whose two bad operands the processor may read either first.
 */
const NOT_IN_SEQUENCES =
  /^(?:INT|BOUND|UD|HLT|IN|OUT|(?:REPN?E? )?CMPS|REPN?E? (?:INS|OUTS)|INS|OUTS|CLTS|INVD|WBINVD|INVLPG|LGDT|LIDT|RDMSR|WRMSR|LAHF|PUSHF|DA[AS]|AA[AS]|ENTER|LEAVE|POPA)/
/** Longest single instruction with what a branch skips. */
const ROOM = 20

/**
 * Random sequences of instructions up to the length of a test: flags and registers flow from one to the next, which is
 * where an interpreter that drops dead flags or fuses a comparison with its branch could go wrong.
 */
export function generateSequences(seed: number, count: number): NativeTest[] {
  const g = new Generator(seed)
  const choices = ISA.filter(
    insn => !LEFT_OUT.has(insn.mnemonic) && !insn.mnemonic.startsWith('ESC') && !NOT_IN_SEQUENCES.test(insn.mnemonic),
  ).flatMap(insn => insn.encodings.filter(e => !e.includes('CL')).map(encoding => ({ insn, encoding })))
  const branches = choices.filter(({ insn }) => insn.branch)
  return Array.from({ length: count }, () => {
    const code: number[] = []
    let whole: NativeTest | null = null
    while (code.length <= MAX_CODE - ROOM) {
      const from = g.chance(4) ? branches : choices
      const { insn, encoding } = from[g.below(from.length)]
      const t = g.test(insn, encoding)
      if (t === null || (t.undefinedFlags & ~AF) !== 0) continue
      code.push(...t.code)
      whole ??= t
    }
    // Pointers that last a while: the first instruction's registers, with EBX in the middle of the data.
    const first = whole as NativeTest
    const regs = first.regs.map((v, i) => (i === 3 || i >= 6 ? DATA + 0x900 + g.below(64) : v))
    return {
      ...first,
      regs,
      code,
      name: `sequence: ${code.map(b => b.toString(16).padStart(2, '0')).join(' ')}`,
      undefinedFlags: AF,
    }
  })
}

/** `each` tests of every pair of instructions that has a handler of its own, faults in either half among them. */
export function generatePairs(seed: number, each: number): NativeTest[] {
  const g = new Generator(seed)
  const set = buildHandlers()
  const decoder = new Decoder(set.table, { ...simdDecoding(-1, set.simd), find: () => -1 })
  /** A test of the instruction whose handler has that name. */
  const one = (name: string): NativeTest => {
    const [mnemonic, form] = name.split('.')
    const insn = ISA.find(i => i.mnemonic === mnemonic && i.encodings.every(e => !/^F[23] /.test(e))) as Insn
    for (;;) {
      const t = g.test(insn, insn.encodings[g.below(insn.encodings.length)])
      if (t === null) continue
      const d = decoder.decode(i => t.code[i] ?? 0xcc, true)
      if (d.insn === insn && (/^\d/.test(form) ? '' : d.form) + d.size * 8 === form && d.addr32) return t
    }
  }
  return PAIRS.flatMap(([first, second]) =>
    Array.from({ length: each }, () => {
      const [a, b] = [one(first), one(second)]
      const code = [...a.code, ...b.code]
      const undefinedFlags = a.undefinedFlags | b.undefinedFlags
      return { ...a, code, undefinedFlags, name: `${first}, ${second}: ${code.map(v => v.toString(16)).join(' ')}` }
    }),
  )
}
