/** Integer arithmetic and logic (SDM vol. 2: ADD … XOR, INC, MUL, DIV, CMPXCHG, BCD adjustments). */
import { c32, c64, type Expr } from '../ir/ir.ts'
import { EAX, EBX, ECX, EDX, VEC_DE } from '../state.ts'
import type { Builder } from './builder.ts'
import { hex2, type Insn } from './define.ts'

/** The eight classic two-operand operations share their encodings: base+0 … base+5, and group 1. */
function alu(mnemonic: string, n: number, semantics: (b: Builder) => void): Insn {
  const at = (i: number): string => hex2(n * 8 + i)
  return {
    mnemonic,
    lock: mnemonic !== 'CMP',
    encodings: [
      `${at(0)} Eb,Gb`,
      `${at(1)} Ev,Gv`,
      `${at(2)} Gb,Eb`,
      `${at(3)} Gv,Ev`,
      `${at(4)} AL,Ib`,
      `${at(5)} eAX,Iz`,
      `80/${n} Eb,Ib`,
      `81/${n} Ev,Iz`,
      `82/${n} Eb,Ib`,
      `83/${n} Ev,Ibs`,
    ],
    semantics,
  }
}

const logic = (mnemonic: string, n: number, op: 'and' | 'or' | 'xor'): Insn =>
  alu(mnemonic, n, b => {
    const s = b.read(1)
    const r = b.let(b.op(op, b.dst(), s))
    b.setDst(r)
    b.flagsLogic(r)
  })

const addSub = (mnemonic: string, n: number, sub: boolean, carry: boolean): Insn =>
  alu(mnemonic, n, b => {
    const s = b.read(1)
    const a = b.dst()
    const plain = sub ? b.sub(a, s) : b.add(a, s)
    const r = b.let(carry ? (sub ? b.sub(plain, b.cf()) : b.add(plain, b.cf())) : plain)
    b.setDst(r)
    if (sub) b.flagsSub(a, s, r, carry)
    else b.flagsAdd(a, s, r, carry)
  })

/** INC and DEC leave CF alone. */
function step(mnemonic: string, digit: number, base: number, delta: 1 | -1): Insn {
  return {
    mnemonic,
    lock: true,
    encodings: [`FE/${digit} Eb`, `FF/${digit} Ev`, `${hex2(base)}+r Zv`],
    semantics(b) {
      const a = b.dst()
      const r = b.let(b.ext(b.add(a, delta)))
      b.setDst(r)
      b.flagsStep(a, r, delta)
    },
  }
}

const wide = (b: Builder, v: Expr, signed: boolean): Expr => b.un(signed ? 'extend_s' : 'extend_u', v)

/** CF = OF = the product did not fit; the other flags are undefined, and follow the low half here. */
function mulFlags(b: Builder, low: Expr, overflow: Expr): void {
  b.setFlags(b.ext(low), b.shl(overflow, 31))
}

/** MUL and one-operand IMUL: accumulator times operand into twice the width. */
function multiply(mnemonic: string, digit: number, signed: boolean): Insn {
  return {
    mnemonic,
    encodings: [`F6/${digit} Eb`, `F7/${digit} Ev`],
    semantics(b) {
      const s = b.read(0)
      if (b.size === 4) {
        const p = b.let(b.op('mul', wide(b, b.gpr(EAX), signed), wide(b, s, signed)))
        const low = b.let(b.un('wrap', p))
        const high = b.let(b.un('wrap', b.op('shr_u', p, 32)))
        b.setGpr(EAX, low)
        b.setGpr(EDX, high)
        mulFlags(b, low, b.cmp('ne', high, signed ? b.sar(low, 31) : c32(0)))
        return
      }
      const x = signed ? b.ext(b.gpr(EAX)) : b.gpr(EAX)
      const p = b.let(b.op('mul', x, signed ? b.ext(s) : s))
      if (b.size === 1) b.setGpr(EAX, p, 2)
      else {
        b.setGpr(EAX, p)
        b.setGpr(EDX, b.shr(p, 16))
      }
      mulFlags(b, p, b.cmp('ne', signed ? b.ext(p) : b.zext(p), p))
    },
  }
}

/** IMUL Gv,Ev[,imm]. */
function imul(b: Builder, x: Expr, y: Expr): void {
  if (b.size === 4) {
    const p = b.let(b.op('mul', wide(b, x, true), wide(b, y, true)))
    const low = b.let(b.un('wrap', p))
    b.setReg(0, low)
    mulFlags(b, low, b.cmp('ne', b.un('wrap', b.op('shr_u', p, 32)), b.sar(low, 31)))
    return
  }
  const p = b.let(b.op('mul', b.ext(x), b.ext(y)))
  b.setReg(0, p)
  mulFlags(b, p, b.cmp('ne', b.ext(p), p))
}

/** DIV and IDIV; a quotient that does not fit raises #DE, like division by zero. */
function divide(mnemonic: string, digit: number, signed: boolean): Insn {
  return {
    mnemonic,
    encodings: [`F6/${digit} Eb`, `F7/${digit} Ev`],
    semantics(b) {
      const fail = (c: Expr): void => b.if(c, () => b.raise(VEC_DE))
      const s = b.read(0)
      const d = b.let(signed ? b.ext(s) : s)
      fail(b.eqz(d))
      // To divide again for the remainder would cost the host as much as the quotient did.
      const rest = (n: Expr, q: Expr): Expr => b.sub(n, b.op('mul', q, d))
      if (b.size === 4) {
        const low = wide(b, b.gpr(EAX), false)
        const n = b.let(b.or(b.op('shl', wide(b, b.gpr(EDX), false), 32), low))
        const dw = b.let(wide(b, d, signed))
        if (signed) fail(b.and(b.cmp('eq', n, c64(-0x8000000000000000n)), b.cmp('eq', d, -1)))
        const q = b.let(b.op(signed ? 'div_s' : 'div_u', n, dw))
        const q32 = b.let(b.un('wrap', q))
        fail(b.cmp('ne', wide(b, q32, signed), q))
        const r = b.let(rest(b.gpr(EAX), q32))
        b.setGpr(EAX, q32)
        b.setGpr(EDX, r)
        return
      }
      const n = b.let(
        b.size === 1
          ? signed
            ? b.un('extend16_s', b.gpr(EAX, 2))
            : b.gpr(EAX, 2)
          : b.or(b.shl(b.gpr(EDX, 2), 16), b.gpr(EAX, 2)),
      )
      if (signed) fail(b.and(b.cmp('eq', n, 0x80000000 | 0), b.cmp('eq', d, -1)))
      const q = b.let(b.op(signed ? 'div_s' : 'div_u', n, d))
      fail(b.cmp('ne', signed ? b.ext(q) : b.zext(q), q))
      const r = b.let(rest(n, q))
      if (b.size === 1) b.setGpr(EAX, b.or(b.and(q, 0xff), b.shl(b.and(r, 0xff), 8)), 2)
      else {
        b.setGpr(EAX, q)
        b.setGpr(EDX, r)
      }
    },
  }
}

/** Flags from AL for the BCD adjustments: SF ZF PF by result, CF and AF given, OF undefined (0 here). */
function bcdFlags(b: Builder, result: Expr, cf: Expr, af: Expr): void {
  const c = b.let(cf)
  b.setFlags(b.ext(result, 1), b.or(b.or(b.shl(c, 31), b.shl(c, 30)), b.shl(af, 3)))
}

function decimalAdjust(mnemonic: string, opcode: string, sign: 1 | -1): Insn {
  return {
    mnemonic,
    size: 'b',
    encodings: [opcode],
    semantics(b) {
      const al = b.let(b.gpr(EAX, 1))
      const low = b.let(b.or(b.cmp('gt_u', b.and(al, 15), 9), b.af()))
      const high = b.let(b.or(b.cmp('gt_u', al, 0x99), b.cf()))
      const r = b.let(b.add(al, b.add(b.op('mul', low, sign * 6), b.op('mul', high, sign * 0x60))))
      b.setGpr(EAX, r, 1)
      const borrow = sign < 0 ? b.and(low, b.cmp('lt_u', al, 6)) : c32(0)
      bcdFlags(b, r, b.or(high, borrow), low)
    },
  }
}

function asciiAdjust(mnemonic: string, opcode: string, sign: 1 | -1): Insn {
  return {
    mnemonic,
    size: 'b',
    encodings: [opcode],
    semantics(b) {
      const ax = b.let(b.gpr(EAX, 2))
      const adjust = b.let(b.or(b.cmp('gt_u', b.and(ax, 15), 9), b.af()))
      const moved = sign > 0 ? b.add(ax, 0x106) : b.sub(ax, 0x106)
      const r = b.let(b.and(b.select(adjust, moved, ax), 0xff0f))
      b.setGpr(EAX, r, 2)
      bcdFlags(b, r, adjust, adjust)
    },
  }
}

export const ARITH: readonly Insn[] = [
  addSub('ADD', 0, false, false),
  logic('OR', 1, 'or'),
  addSub('ADC', 2, false, true),
  addSub('SBB', 3, true, true),
  logic('AND', 4, 'and'),
  addSub('SUB', 5, true, false),
  logic('XOR', 6, 'xor'),
  alu('CMP', 7, b => {
    const a = b.read(0)
    const s = b.read(1)
    b.flagsSub(a, s, b.let(b.sub(a, s)))
  }),
  {
    mnemonic: 'TEST',
    encodings: [
      '84 Eb,Gb',
      '85 Ev,Gv',
      'A8 AL,Ib',
      'A9 eAX,Iz',
      'F6/0 Eb,Ib',
      'F7/0 Ev,Iz',
      'F6/1 Eb,Ib',
      'F7/1 Ev,Iz',
    ],
    semantics: b => b.flagsLogic(b.and(b.read(0), b.read(1))),
  },
  step('INC', 0, 0x40, 1),
  step('DEC', 1, 0x48, -1),
  {
    mnemonic: 'NEG',
    lock: true,
    encodings: ['F6/3 Eb', 'F7/3 Ev'],
    semantics(b) {
      const s = b.dst()
      const r = b.let(b.sub(c32(0), s))
      b.setDst(r)
      b.flagsSub(c32(0), s, r)
    },
  },
  {
    mnemonic: 'NOT',
    lock: true,
    encodings: ['F6/2 Eb', 'F7/2 Ev'],
    semantics: b => b.setDst(b.not(b.dst())),
  },
  multiply('MUL', 4, false),
  multiply('IMUL1', 5, true),
  { mnemonic: 'IMUL2', encodings: ['0F AF Gv,Ev'], semantics: b => imul(b, b.reg(0), b.read(1)) },
  { mnemonic: 'IMUL3', encodings: ['69 Gv,Ev,Iz', '6B Gv,Ev,Ibs'], semantics: b => imul(b, b.read(1), b.imm()) },
  divide('DIV', 6, false),
  divide('IDIV', 7, true),
  {
    mnemonic: 'XADD',
    lock: true,
    encodings: ['0F C0 Eb,Gb', '0F C1 Ev,Gv'],
    semantics(b) {
      const s = b.read(1)
      const a = b.dst()
      const r = b.let(b.add(a, s))
      if (b.isMem(0)) {
        b.setDst(r)
        b.setReg(1, a)
      } else {
        b.setReg(1, a)
        b.setDst(r)
      }
      b.flagsAdd(a, s, r)
    },
  },
  {
    mnemonic: 'CMPXCHG',
    lock: true,
    encodings: ['0F B0 Eb,Gb', '0F B1 Ev,Gv'],
    semantics(b) {
      const s = b.read(1)
      const d = b.dst()
      const acc = b.let(b.gpr(EAX))
      const equal = b.let(b.cmp('eq', acc, d))
      // The destination is written in either case (SDM: the processor never locks a read without a write).
      b.setDst(b.select(equal, s, d))
      b.if(b.eqz(equal), () => b.setGpr(EAX, d))
      b.flagsSub(acc, d, b.let(b.sub(acc, d)))
    },
  },
  {
    mnemonic: 'CMPXCHG8B',
    lock: true,
    size: 'd',
    encodings: ['0F C7/1 M'],
    semantics(b) {
      const ea = b.let(b.ea())
      const seg = b.seg()
      b.checkMisaligned64(ea)
      const low = b.readForWrite(4, ea, seg)
      const high = b.readForWrite(4, b.add(ea, 4), seg)
      const equal = b.let(b.and(b.cmp('eq', low.v, b.gpr(EAX)), b.cmp('eq', high.v, b.gpr(EDX))))
      b.writeBack(low, b.select(equal, b.gpr(EBX), low.v))
      b.writeBack(high, b.select(equal, b.gpr(ECX), high.v))
      b.if(b.eqz(equal), () => {
        b.setGpr(EAX, low.v)
        b.setGpr(EDX, high.v)
      })
      // Only ZF changes: SF and PF of the old result move into the deltas.
      const sd = b.sf()
      const odd = b.eqz(b.pf())
      const keep = b.let(b.and(b.lfAux(), 0xc0000008 | 0))
      const nz = b.let(b.eqz(equal))
      const aux = b.let(b.or(b.or(keep, sd), b.shl(b.xor(nz, odd), 8)))
      b.setFlags(nz, aux)
    },
  },
  {
    mnemonic: 'BSWAP',
    encodings: ['0F C8+r Zv'],
    semantics(b) {
      // With a 16-bit operand the result is undefined; processors clear the word.
      if (b.size === 2) return b.setReg(0, c32(0))
      const v = b.reg(0)
      const x = b.let(v)
      const even = b.and(b.op('rotr', x, 8), 0xff00ff00 | 0)
      const odd = b.and(b.op('rotl', x, 8), 0x00ff00ff)
      b.setReg(0, b.or(even, odd))
    },
  },
  decimalAdjust('DAA', '27', 1),
  decimalAdjust('DAS', '2F', -1),
  asciiAdjust('AAA', '37', 1),
  asciiAdjust('AAS', '3F', -1),
  {
    mnemonic: 'AAM',
    size: 'b',
    encodings: ['D4 Ib'],
    semantics(b) {
      const base = b.let(b.imm())
      b.if(b.eqz(base), () => b.raise(VEC_DE))
      const al = b.let(b.gpr(EAX, 1))
      const rem = b.let(b.op('rem_u', al, base))
      b.setGpr(EAX, b.or(b.shl(b.op('div_u', al, base), 8), rem), 2)
      b.flagsLogic(rem)
    },
  },
  {
    mnemonic: 'AAD',
    size: 'b',
    encodings: ['D5 Ib'],
    semantics(b) {
      const ax = b.let(b.gpr(EAX, 2))
      const r = b.let(b.and(b.add(b.and(ax, 0xff), b.op('mul', b.shr(ax, 8), b.imm())), 0xff))
      b.setGpr(EAX, r, 2)
      b.flagsLogic(r)
    },
  },
]
