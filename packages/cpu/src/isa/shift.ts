/** Shifts and rotates (SDM vol. 2: RCL/RCR/ROL/ROR, SAL/SAR/SHL/SHR, SHLD, SHRD). Counts are masked to five bits. */
import type { Expr } from '../ir/ir.ts'
import { ECX } from '../state.ts'
import type { Builder } from './builder.ts'
import type { Insn } from './define.ts'

function group2(
  mnemonic: string,
  digit: number,
  semantics: (b: Builder, a: Expr, count: Expr, bits: number) => void,
): Insn {
  const digits = mnemonic === 'SHL' ? [4, 6] : [digit]
  return {
    mnemonic,
    encodings: digits.flatMap(d => [
      `C0/${d} Eb,Ib`,
      `C1/${d} Ev,Ib`,
      `D0/${d} Eb,1`,
      `D1/${d} Ev,1`,
      `D2/${d} Eb,CL`,
      `D3/${d} Ev,CL`,
    ]),
    semantics(b) {
      const count = b.let(b.and(b.read(1, 1), 31))
      const a = b.dst()
      b.if(count, () => semantics(b, a, count, b.size * 8))
      // A memory operand is written even when the count is 0 only in the sense of its checks, which dst() made.
    },
  }
}

/** Result with SF ZF PF by it, CF and OF as given. */
function finish(b: Builder, r: Expr, cf: Expr, of: Expr): void {
  const c = b.let(cf)
  const o = b.let(of)
  b.setDst(r)
  b.setFlags(b.ext(r), b.or(b.shl(c, 31), b.shl(b.xor(c, o), 30)))
}
const bit = (b: Builder, v: Expr, n: number | Expr): Expr => b.and(b.shr(v, n), 1)

function rotate(b: Builder, r: Expr, cf: Expr, of: Expr): void {
  const c = b.let(cf)
  const o = b.let(of)
  b.setDst(r)
  b.setCarryOverflow(c, o)
}

/** Rotation through carry, as a rotation of bits+1 in 64-bit arithmetic. */
function throughCarry(left: boolean): (b: Builder, a: Expr, count: Expr, bits: number) => void {
  return (b, a, count, bits) => {
    const k = b.let(b.un('extend_u', bits === 32 ? count : b.op('rem_u', count, bits + 1)))
    const v = b.let(b.or(b.un('extend_u', a), b.op('shl', b.un('extend_u', b.cf()), bits)))
    const width = b.un('extend_u', b.c(bits + 1))
    const up = left ? k : b.sub(width, k)
    const down = left ? b.sub(width, k) : k
    const rotated = b.let(b.or(b.op('shl', v, up), b.op('shr_u', v, down)))
    const r = b.let(b.un('wrap', rotated))
    const cf = b.let(b.un('wrap', b.and(b.op('shr_u', rotated, bits), 1)))
    const top = bit(b, r, bits - 1)
    rotate(b, r, cf, b.xor(top, left ? cf : bit(b, r, bits - 2)))
  }
}

/** SHLD / SHRD over the pair of operands; with 16-bit operands and counts above 16 the result is undefined. */
function doubleShift(mnemonic: string, opcodes: [string, string], left: boolean): Insn {
  return {
    mnemonic,
    encodings: [`0F ${opcodes[0]} Ev,Gv,Ib`, `0F ${opcodes[1]} Ev,Gv,CL`],
    semantics(b) {
      const count = b.let(b.and(b.form[2] === 'i' ? b.imm() : b.gpr(ECX, 1), 31))
      const a = b.dst()
      const s = b.reg(1)
      b.if(count, () => {
        const bits = b.size * 8
        if (bits === 32) {
          const back = b.sub(b.c(32), count)
          const r = b.let(left ? b.or(b.shl(a, count), b.shr(s, back)) : b.or(b.shr(a, count), b.shl(s, back)))
          const cf = left ? bit(b, a, back) : bit(b, a, b.sub(count, 1))
          finish(b, r, cf, b.shr(b.xor(a, r), 31))
          return
        }
        // 48-bit window a:s:a, so that counts of 17 to 31 continue as processors do.
        const w64 = (v: Expr): Expr => b.un('extend_u', v)
        const window = b.let(b.or(b.or(b.op('shl', w64(a), 32), b.op('shl', w64(s), 16)), w64(a)))
        const n = w64(count)
        const shifted = left ? b.op('shr_u', b.op('shl', window, n), 32) : b.op('shr_u', window, n)
        const r = b.let(b.and(b.un('wrap', shifted), 0xffff))
        const carried = left ? b.op('shr_u', window, b.sub(w64(b.c(48)), n)) : b.op('shr_u', window, b.sub(n, 1))
        finish(b, r, b.and(b.un('wrap', carried), 1), b.and(b.shr(b.xor(a, r), 15), 1))
      })
    },
  }
}

export const SHIFT: readonly Insn[] = [
  group2('ROL', 0, (b, a, count, bits) => {
    const k = b.let(b.and(count, bits - 1))
    const r = b.let(bits === 32 ? b.op('rotl', a, k) : b.zext(b.or(b.shl(a, k), b.shr(a, b.sub(b.c(bits), k)))))
    const cf = b.let(b.and(r, 1))
    rotate(b, r, cf, b.xor(cf, bit(b, r, bits - 1)))
  }),
  group2('ROR', 1, (b, a, count, bits) => {
    const k = b.let(b.and(count, bits - 1))
    const r = b.let(bits === 32 ? b.op('rotr', a, k) : b.zext(b.or(b.shr(a, k), b.shl(a, b.sub(b.c(bits), k)))))
    const top = b.let(bit(b, r, bits - 1))
    rotate(b, r, top, b.xor(top, bit(b, r, bits - 2)))
  }),
  group2('RCL', 2, throughCarry(true)),
  group2('RCR', 3, throughCarry(false)),
  group2('SHL', 4, (b, a, count, bits) => {
    const r = b.let(b.shl(a, count))
    const cf = b.let(bits === 32 ? bit(b, a, b.sub(b.c(32), count)) : bit(b, r, bits))
    finish(b, r, cf, b.xor(cf, bit(b, r, bits - 1)))
  }),
  group2('SHR', 5, (b, a, count, bits) => {
    finish(b, b.let(b.shr(a, count)), bit(b, a, b.sub(count, 1)), bit(b, a, bits - 1))
  }),
  group2('SAR', 7, (b, a, count) => {
    const v = b.let(b.ext(a))
    finish(b, b.let(b.sar(v, count)), b.and(b.sar(v, b.sub(count, 1)), 1), b.c(0))
  }),
  doubleShift('SHLD', ['A4', 'A5'], true),
  doubleShift('SHRD', ['AC', 'AD'], false),
]
