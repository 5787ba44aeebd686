/** Bit tests, scans, and the instructions that take a condition (SDM vol. 2: BT …, BSF, BSR, SETcc, CMOVcc). */
import { c32, type Expr } from '../ir/ir.ts'
import type { Builder } from './builder.ts'
import { CONDITIONS, hex2, type Insn } from './define.ts'

/**
 * The bit-test family. A register offset into memory addresses the whole bit string: the word that holds the bit is
 * found by the signed offset; in a register, or with an immediate, the offset wraps at the operand size.
 */
function bitTest(
  mnemonic: string,
  opcode: string,
  digit: number,
  change: ((b: Builder, v: Expr, mask: Expr) => Expr) | null,
): Insn {
  return {
    mnemonic,
    lock: change !== null,
    encodings: [`0F ${opcode} Ev,Gv`, `0F BA/${digit} Ev,Ib`],
    semantics(b) {
      const bits = b.size * 8
      const offset = b.read(1)
      const n = b.let(b.and(offset, bits - 1))
      const finish = (v: Expr): Expr => {
        const cf = b.let(b.and(b.shr(v, n), 1))
        b.setCarryOverflow(cf, b.of())
        return b.shl(c32(1), n)
      }
      if (!b.isMem(0)) {
        const v = b.let(b.reg(0))
        if (change) b.setReg(0, change(b, v, b.shl(c32(1), n)))
        finish(v)
        return
      }
      const ea =
        b.form[1] === 'r'
          ? b.add(b.ea(), b.shl(b.sar(b.ext(offset), bits === 32 ? 5 : 4), bits === 32 ? 2 : 1))
          : b.ea()
      if (!change) return void finish(b.readMem(b.size, ea, b.seg()))
      const rmw = b.readForWrite(b.size, ea, b.seg())
      b.writeBack(rmw, change(b, rmw.v, b.shl(c32(1), n)))
      finish(rmw.v)
    },
  }
}

/** BSF, BSR: a zero source sets ZF and leaves the destination as processors do. The other flags are undefined. */
function scan(mnemonic: string, opcode: string, find: (b: Builder, v: Expr) => Expr): Insn {
  return {
    mnemonic,
    encodings: [`0F ${opcode} Gv,Ev`],
    semantics(b) {
      const v = b.let(b.zext(b.read(1)))
      b.if(v, () => b.setReg(0, find(b, v)))
      b.setFlags(b.bool(v), c32(0))
    },
  }
}

export const BIT: readonly Insn[] = [
  bitTest('BT', 'A3', 4, null),
  bitTest('BTS', 'AB', 5, (b, v, mask) => b.or(v, mask)),
  bitTest('BTR', 'B3', 6, (b, v, mask) => b.and(v, b.not(mask))),
  bitTest('BTC', 'BB', 7, (b, v, mask) => b.xor(v, mask)),
  scan('BSF', 'BC', (b, v) => b.un('ctz', v)),
  scan('BSR', 'BD', (b, v) => b.sub(c32(31), b.un('clz', v))),
  ...CONDITIONS.flatMap((name, cc): Insn[] => [
    {
      mnemonic: `SET${name}`,
      encodings: [`0F ${hex2(0x90 + cc)} Eb`],
      semantics: b => b.write(0, b.let(b.bool(b.cond(cc)))),
    },
    {
      mnemonic: `CMOV${name}`,
      encodings: [`0F ${hex2(0x40 + cc)} Gv,Ev`],
      // The source is read, and may fault, whatever the condition.
      semantics(b) {
        const v = b.read(1)
        b.if(b.cond(cc), () => b.setReg(0, v))
      },
    },
  ]),
]
