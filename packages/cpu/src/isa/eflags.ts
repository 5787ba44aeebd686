/**
 * EFLAGS as instructions read and write it whole (SDM vol. 2: PUSHF, POPF, CLI, STI; vol. 1 3.4.3): the common cases,
 * in generated code. Virtual-8086 mode, and flags that change what runs next or how, go to sys/eflags-ops.ts, which has
 * every rule.
 */
import { c32, type Expr } from '../ir/ir.ts'
import {
  ATTENTION,
  CPL,
  EFLAGS_SYS,
  ESP,
  FLAG_AC,
  FLAG_DF,
  FLAG_ID,
  FLAG_IF,
  FLAG_IOPL,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VIF,
  FLAG_VIP,
  FLAG_VM,
  FLAGS_ARITH,
  INTERRUPT_WAITING,
} from '../state.ts'
import type { Builder } from './builder.ts'
import type { Insn } from './define.ts'

/** CPL at most IOPL: IF may be changed. */
const mayChangeIf = (b: Builder, sys: Expr): Expr => b.cmp('le_u', b.shl(b.word(CPL), 12), b.and(sys, FLAG_IOPL))

/** The six arithmetic flags in their places. */
function arithmeticFlags(b: Builder): Expr {
  const low = b.or(b.cf(), b.or(b.shl(b.pf(), 2), b.shl(b.af(), 4)))
  return b.or(b.or(low, b.shl(b.zf(), 6)), b.or(b.shl(b.sf(), 7), b.shl(b.of(), 11)))
}

/** Sets the six arithmetic flags from their places in `image`. */
function setArithmeticFlags(b: Builder, image: Expr): void {
  const at = (n: number): Expr => b.and(b.shr(image, n), 1)
  const cf = b.let(at(0))
  // A result of 0 says ZF, 1 not ZF: its parity is told apart by AUX.
  const nz = b.let(b.xor(at(6), 1))
  const parity = b.shl(b.xor(nz, b.xor(at(2), 1)), 8)
  const carry = b.or(b.shl(cf, 31), b.shl(b.xor(cf, at(11)), 30))
  b.setFlags(nz, b.or(b.or(carry, parity), b.or(b.shl(at(4), 3), at(7))))
}

/** Flags of EFLAGS_SYS that POPF may change without anything else to follow but interrupts. */
function poppable(b: Builder, sys: Expr): Expr {
  const always = FLAG_DF | FLAG_NT | (b.size === 4 ? FLAG_ID : 0)
  const withIf = b.or(b.select(mayChangeIf(b, sys), c32(FLAG_IF), c32(0)), always)
  return b.or(b.select(b.word(CPL), c32(0), c32(FLAG_IOPL)), withIf)
}

function popf(b: Builder, image: Expr): void {
  const sys = b.let(b.word(EFLAGS_SYS))
  const changed = b.let(b.xor(image, sys))
  const wide = b.size === 4
  const refused = b.and(sys, FLAG_VM | (wide ? FLAG_RF | FLAG_VIF | FLAG_VIP : 0))
  b.if(
    b.or(refused, b.and(changed, FLAG_TF | (wide ? FLAG_AC : 0))),
    () => void b.callChecked('popf', image, c32(b.size)),
    () => {
      const after = b.let(b.xor(sys, b.and(changed, poppable(b, sys))))
      b.setWord(EFLAGS_SYS, after)
      setArithmeticFlags(b, image)
      b.if(b.and(after, FLAG_IF), () => b.if(b.word(INTERRUPT_WAITING), () => b.setWord(ATTENTION, c32(1))))
    },
  )
}

export const EFLAGS: readonly Insn[] = [
  {
    mnemonic: 'PUSHF',
    stack: true,
    size: 'v',
    encodings: ['9C'],
    semantics(b) {
      const image = b.temp('i32')
      const sys = b.let(b.word(EFLAGS_SYS))
      b.if(
        b.and(sys, FLAG_VM),
        () => b.set(image, b.callChecked('pushfValue', c32(b.size))),
        () => b.set(image, b.or(b.and(sys, ~(FLAGS_ARITH | FLAG_VM | FLAG_RF)), arithmeticFlags(b))),
      )
      b.push(image)
    },
  },
  {
    mnemonic: 'POPF',
    stack: true,
    size: 'v',
    resumes: true,
    encodings: ['9D'],
    semantics(b) {
      const { v, esp } = b.top()
      popf(b, v)
      b.setGpr(ESP, esp, 4)
      b.resume()
    },
  },
  {
    mnemonic: 'CLI',
    size: 'd',
    encodings: ['FA'],
    semantics(b) {
      const sys = b.let(b.word(EFLAGS_SYS))
      b.if(
        mayChangeIf(b, sys),
        () => b.setWord(EFLAGS_SYS, b.and(sys, ~FLAG_IF)),
        () => void b.callChecked('virtualIf', c32(0)),
      )
    },
  },
  {
    mnemonic: 'STI',
    size: 'd',
    resumes: true,
    encodings: ['FB'],
    semantics(b) {
      const sys = b.let(b.word(EFLAGS_SYS))
      b.if(
        mayChangeIf(b, sys),
        () =>
          // When IF becomes set, interrupts stay out until the next instruction has retired.
          b.if(b.eqz(b.and(sys, FLAG_IF)), () => {
            b.setWord(EFLAGS_SYS, b.or(sys, FLAG_IF))
            b.shadow()
            b.if(b.word(INTERRUPT_WAITING), () => b.setWord(ATTENTION, c32(1)))
          }),
        () => void b.callChecked('virtualIf', c32(1)),
      )
      b.resume()
    },
  },
]
