/**
 * The x87 kernels by opcode: what programs do all the time, for numbers that are normal or zero. Parameters: 0 the stack
 * index of a register form, 1 the host address of a memory operand, 2 opcode << 8 | ModRM. Everything else is declined
 * and done by fpu/.
 */
import { c32, c64, type Expr, load, un } from '../../ir/ir.ts'
import { type Kernel, type KernelBuilder, kernel } from '../../kernels/module.ts'
import { CR0, CR0_EM, CR0_TS, FPU_CW, FPU_SW, FPU_TOP } from '../../state.ts'
import { CONTROL, DONE, EQUAL_SHIFT, FIRST_X87, FLAGS, LESS_SHIFT, MEMORY_FORMS, TO_AX } from './answer.ts'
import { add, divide, multiply, type Result, squareRoot } from './arithmetic.ts'
import {
  declineReported,
  loadNumber,
  type MemoryKind,
  roundsUp,
  type Stored,
  splitAtPoint,
  toFloat,
  toInteger,
} from './memory.ts'
import {
  BIAS,
  begin,
  declineIf,
  declineUnlessNumber,
  EXPONENT,
  isNormal,
  isZero,
  type Number80,
  requireNearest,
  signOf,
  TOP_BIT,
} from './stack.ts'

const CC_MASK = 0x4700
const C0 = 0x100
const C3 = 0x4000

const done = (b: KernelBuilder): void => b.answer(c32(DONE))
const result = (b: KernelBuilder): Result => ({
  se: b.temp('i32'),
  sig: b.temp('i64'),
  inexact: b.temp('i32'),
  up: b.temp('i32'),
})

type Family = 'add' | 'mul' | 'div'

/** `x` op `y`, or `y` op `x` when `reverse` (0 or 1); `subtract` (0 or 1) turns a sum into a difference. */
function operate(b: KernelBuilder, family: Family, cw: Expr, x: Number80, y: Number80, reg: Expr, swap: Expr): Result {
  const r = result(b)
  if (family === 'mul') multiply(b, r, cw, x, y)
  else {
    const reverse = b.let(b.xor(b.and(reg, 1), swap))
    if (family === 'add') {
      const difference = b.let(b.and(b.shr(reg, 2), 1))
      const flip = (n: Number80, condition: Expr): Number80 => ({
        se: b.let(b.xor(n.se, b.shl(b.and(difference, condition), 15))),
        sig: n.sig,
      })
      add(b, r, cw, flip(x, reverse), flip(y, b.xor(reverse, 1)))
    } else {
      const pick = (p: Number80, q: Number80): Number80 => ({
        se: b.let(b.select(reverse, p.se, q.se)),
        sig: b.let(b.select(reverse, p.sig, q.sig)),
      })
      divide(b, r, cw, pick(y, x), pick(x, y))
    }
  }
  return r
}

/** D8, DC and DE with registers: DC and DE have ST(i) for destination and the reversed forms change places; DE pops. */
const registerArithmetic = (family: Family): Kernel =>
  kernel(b => {
    const stack = begin(b)
    const cw = requireNearest(b)
    const imm = b.imm()
    const toI = b.let(b.and(b.shr(imm, 10), 1))
    const st0 = stack.occupied(0)
    const sti = stack.occupied(b.parameter(0))
    const target = b.let(b.select(toI, sti, st0))
    const x = stack.raw(target)
    const y = stack.raw(b.let(b.select(toI, st0, sti)))
    const r = operate(b, family, cw, x, y, b.let(b.and(b.shr(imm, 3), 7)), toI)
    stack.put(target, r)
    stack.report(r.inexact, r.up)
    b.if(b.and(imm, 0x200), () => stack.pop())
    done(b)
  })

const memoryArithmetic = (family: Family, kind: MemoryKind): Kernel =>
  kernel(b => {
    const stack = begin(b)
    const cw = requireNearest(b)
    const target = stack.occupied(0)
    const x = stack.raw(target)
    const y = loadNumber(b, kind, b.parameter(1))
    const r = operate(b, family, cw, x, y, b.let(b.and(b.shr(b.imm(), 3), 7)), c32(0))
    stack.put(target, r)
    stack.report(r.inexact, r.up)
    done(b)
  })

/** Order of two numbers. */
function compare(b: KernelBuilder, a: Number80, s: Number80): { less: Expr; equal: Expr } {
  declineUnlessNumber(b, a)
  declineUnlessNumber(b, s)
  const ea = b.let(b.and(a.se, EXPONENT))
  const es = b.let(b.and(s.se, EXPONENT))
  const sameExponent = b.let(b.cmp('eq', ea, es))
  const smaller = b.or(b.cmp('lt_u', ea, es), b.and(sameExponent, b.cmp('lt_u', a.sig, s.sig)))
  const sign = b.let(b.shr(signOf(b, a), 15))
  const signs = b.let(b.bool(b.and(b.xor(a.se, s.se), 0x8000)))
  // Zeros of both signs are equal.
  const alike = b.or(b.xor(signs, 1), b.eqz(a.sig))
  const equal = b.let(b.and(b.and(sameExponent, b.cmp('eq', a.sig, s.sig)), alike))
  const order = b.select(signs, sign, b.xor(sign, smaller))
  return { less: b.let(b.and(order, b.xor(equal, 1))), equal }
}
function setConditions(b: KernelBuilder, { less, equal }: { less: Expr; equal: Expr }): void {
  const codes = b.or(b.op('mul', less, C0), b.op('mul', equal, C3))
  b.setWord(FPU_SW, b.or(b.and(b.word(FPU_SW), ~CC_MASK), codes))
}
const compareRegister = (pops: 0 | 1 | 2): Kernel =>
  kernel(b => {
    const stack = begin(b)
    const a = stack.raw(stack.occupied(0))
    setConditions(b, compare(b, a, stack.raw(stack.occupied(b.parameter(0)))))
    if (pops > 0) stack.pop(pops as 1 | 2)
    done(b)
  })
const compareMemory = (kind: MemoryKind, pops: boolean): Kernel =>
  kernel(b => {
    const stack = begin(b)
    const a = stack.raw(stack.occupied(0))
    setConditions(b, compare(b, a, loadNumber(b, kind, b.parameter(1))))
    if (pops) stack.pop()
    done(b)
  })
const compareZero = kernel(b => {
  const stack = begin(b)
  const zero = { se: b.let(c32(0)), sig: b.let(c64(0n)) }
  setConditions(b, compare(b, stack.raw(stack.occupied(0)), zero))
  done(b)
})
const compareToFlags = (pops: boolean): Kernel =>
  kernel(b => {
    const stack = begin(b)
    const a = stack.raw(stack.occupied(0))
    const { less, equal } = compare(b, a, stack.raw(stack.occupied(b.parameter(0))))
    stack.clearC1()
    if (pops) stack.pop()
    b.answer(b.or(c32(DONE | FLAGS), b.or(b.shl(less, LESS_SHIFT), b.shl(equal, EQUAL_SHIFT))))
  })

const pushMemory = (kind: MemoryKind): Kernel =>
  kernel(b => {
    const stack = begin(b)
    stack.push(loadNumber(b, kind, b.parameter(1)))
    done(b)
  })
const push80 = kernel(b => {
  const stack = begin(b)
  const host = b.parameter(1)
  stack.push({ se: b.let(load('16u', host, 8)), sig: b.let(load('64', host)) })
  done(b)
})
const pushRegister = kernel(b => {
  const stack = begin(b)
  stack.push(stack.raw(stack.occupied(b.parameter(0))))
  done(b)
})
const pushConstant = (se: number, sig: Expr): Kernel =>
  kernel(b => {
    begin(b).push({ se: c32(se), sig })
    done(b)
  })

const storeMemory = (
  width: '16' | '32' | '64',
  pops: boolean,
  convert: (b: KernelBuilder, n: Number80) => Stored,
): Kernel =>
  kernel(b => {
    const stack = begin(b)
    const { bits, inexact, up } = convert(b, stack.raw(stack.occupied(0)))
    b.store(width, b.parameter(1), bits.t === 'i64' && width !== '64' ? un('wrap', bits) : bits)
    stack.report(inexact, up)
    if (pops) stack.pop()
    done(b)
  })
const storeFloat = (double: boolean, pops: boolean): Kernel =>
  storeMemory(double ? '64' : '32', pops, (b, n) => {
    requireNearest(b)
    return toFloat(b, n, double)
  })
const storeInteger = (bits: 16 | 32 | 64, pops: boolean): Kernel =>
  storeMemory(`${bits}`, pops, (b, n) => toInteger(b, n, bits))
const store80 = kernel(b => {
  const stack = begin(b)
  const { se, sig } = stack.raw(stack.occupied(0))
  b.store('64', b.parameter(1), sig)
  b.store('16', b.parameter(1), se, 8)
  stack.clearC1()
  stack.pop()
  done(b)
})
const storeRegister = (pops: boolean): Kernel =>
  kernel(b => {
    const stack = begin(b)
    const n = stack.raw(stack.occupied(0))
    const { slot, tag } = stack.any(b.parameter(0))
    stack.put(slot, n)
    stack.clearC1()
    if (pops) stack.pop(1, tag)
    else stack.setTags(tag)
    done(b)
  })
const exchange = kernel(b => {
  const stack = begin(b)
  const [p, q] = [stack.occupied(0), stack.occupied(b.parameter(0))]
  const [x, y] = [stack.raw(p), stack.raw(q)]
  stack.put(p, y)
  stack.put(q, x)
  stack.clearC1()
  done(b)
})
/** FCHS, FABS: whatever the register holds. */
const changeSign = (f: (b: KernelBuilder, se: Expr) => Expr): Kernel =>
  kernel(b => {
    const stack = begin(b)
    const slot = stack.occupied(0)
    b.store('16', slot, f(b, load('16u', slot, 8)), 8)
    stack.clearC1()
    done(b)
  })
const root = kernel(b => {
  const stack = begin(b)
  const cw = requireNearest(b)
  const slot = stack.occupied(0)
  const r = result(b)
  squareRoot(b, r, cw, stack.raw(slot))
  stack.put(slot, r)
  stack.report(r.inexact, r.up)
  done(b)
})
/** FRNDINT. */
const roundToInteger = kernel(b => {
  const stack = begin(b)
  const slot = stack.occupied(0)
  const n = stack.raw(slot)
  const finish = (inexact: Expr, up: Expr): void => {
    stack.report(inexact, up)
    done(b)
  }
  b.if(b.eqz(isNormal(b, n)), () => {
    declineIf(b, b.eqz(isZero(b, n)))
    finish(c32(0), c32(0))
  })
  b.if(b.cmp('ge_u', b.and(n.se, EXPONENT), BIAS + 63), () => finish(c32(0), c32(0)))
  const sign = b.let(signOf(b, n))
  const { whole, below } = splitAtPoint(b, n)
  const inexact = b.let(b.cmp('ne', below, 0))
  declineReported(b, inexact)
  const up = roundsUp(b, sign, below, un('wrap', b.and(whole, 1)))
  const magnitude = b.let(b.add(whole, un('extend_u', up)))
  const shift = b.let(un('clz', magnitude))
  const exponent = b.select(b.eqz(magnitude), c32(0), b.sub(c32(BIAS + 63), un('wrap', shift)))
  stack.put(slot, { se: b.let(b.or(sign, exponent)), sig: b.shl(magnitude, shift) })
  finish(inexact, up)
})

/** Only CR0 is asked: these do not wait. */
function beginControl(b: KernelBuilder): void {
  declineIf(b, b.and(b.word(CR0), CR0_EM | CR0_TS))
}
const statusWord = (b: KernelBuilder): Expr => b.or(b.and(b.word(FPU_SW), 0xc7ff), b.shl(b.word(FPU_TOP), 11))
const control = (write: (b: KernelBuilder, host: Expr) => void): Kernel =>
  kernel(b => {
    beginControl(b)
    write(b, b.parameter(1))
    b.answer(c32(DONE | CONTROL))
  })
const storeStatus = control((b, host) => b.store('16', host, statusWord(b)))
const storeControl = control((b, host) => b.store('16', host, b.word(FPU_CW)))
const statusToAx = kernel(b => {
  beginControl(b)
  b.answer(b.or(c32(DONE | CONTROL | TO_AX), b.shl(statusWord(b), 16)))
})
const loadControl = kernel(b => {
  begin(b)
  const cw = b.let(load('16u', b.parameter(1)))
  // Unmasking a flag that is up makes it pending.
  declineIf(b, b.and(b.and(b.word(FPU_SW), b.not(cw)), 0x3f))
  b.setWord(FPU_CW, b.or(b.and(cw, 0x1f3f), 0x40))
  b.answer(c32(DONE | CONTROL))
})

let made: readonly (Kernel | undefined)[] | undefined
/** The kernels in the order of their numbers (answer.ts): memory forms, then register forms. */
export function x87Kernels(): readonly (Kernel | undefined)[] {
  made ??= makeKernels()
  return made
}
/** Whether there is a kernel of this number. */
export function hasX87Kernel(number: number): boolean {
  return x87Kernels()[number - FIRST_X87] !== undefined
}

function makeKernels(): (Kernel | undefined)[] {
  /** Indexed by (opcode & 7) << 3 | ModRM.reg. */
  const byMemory: (Kernel | undefined)[] = new Array<Kernel | undefined>(MEMORY_FORMS).fill(undefined)
  /** Indexed by (opcode & 7) << 6 | ModRM & 0x3f. */
  const byRegister: (Kernel | undefined)[] = new Array<Kernel | undefined>(512).fill(undefined)

  const memory = (opcode: number, reg: number, k: Kernel): void => {
    byMemory[((opcode & 7) << 3) | reg] = k
  }
  const one = (opcode: number, modrm: number, k: Kernel): void => {
    byRegister[((opcode & 7) << 6) | (modrm & 0x3f)] = k
  }
  const row = (opcode: number, modrm: number, k: Kernel): void => {
    for (let i = 0; i < 8; i++) one(opcode, modrm + i, k)
  }

  const FAMILIES: readonly [Family, readonly number[]][] = [
    ['add', [0, 4, 5]],
    ['mul', [1]],
    ['div', [6, 7]],
  ]
  const KINDS: readonly [number, MemoryKind][] = [
    [0xd8, 'm32'],
    [0xda, 'i32'],
    [0xdc, 'm64'],
    [0xde, 'i16'],
  ]
  for (const [family, regs] of FAMILIES) {
    const registers = registerArithmetic(family)
    for (const reg of regs) for (const opcode of [0xd8, 0xdc, 0xde]) row(opcode, 0xc0 + 8 * reg, registers)
    for (const [opcode, kind] of KINDS) {
      const k = memoryArithmetic(family, kind)
      for (const reg of regs) memory(opcode, reg, k)
    }
  }
  for (const [opcode, kind] of KINDS) {
    memory(opcode, 2, compareMemory(kind, false))
    memory(opcode, 3, compareMemory(kind, true))
  }
  const [compare0, compare1, compare2] = [compareRegister(0), compareRegister(1), compareRegister(2)]
  row(0xd8, 0xd0, compare0)
  row(0xd8, 0xd8, compare1)
  row(0xdd, 0xe0, compare0)
  row(0xdd, 0xe8, compare1)
  one(0xde, 0xd9, compare2)
  one(0xda, 0xe9, compare2)
  one(0xd9, 0xe4, compareZero)
  const [toFlags, toFlagsPop] = [compareToFlags(false), compareToFlags(true)]
  for (const modrm of [0xe8, 0xf0]) {
    row(0xdb, modrm, toFlags)
    row(0xdf, modrm, toFlagsPop)
  }
  memory(0xd9, 0, pushMemory('m32'))
  memory(0xdd, 0, pushMemory('m64'))
  memory(0xdb, 5, push80)
  memory(0xdb, 0, pushMemory('i32'))
  memory(0xdf, 0, pushMemory('i16'))
  memory(0xdf, 5, pushMemory('i64'))
  for (const pops of [false, true]) {
    const reg = pops ? 3 : 2
    memory(0xd9, reg, storeFloat(false, pops))
    memory(0xdd, reg, storeFloat(true, pops))
    memory(0xdb, reg, storeInteger(32, pops))
    memory(0xdf, reg, storeInteger(16, pops))
    row(0xdd, pops ? 0xd8 : 0xd0, storeRegister(pops))
  }
  memory(0xdf, 7, storeInteger(64, true))
  memory(0xdb, 7, store80)
  row(0xd9, 0xc0, pushRegister)
  row(0xd9, 0xc8, exchange)
  one(
    0xd9,
    0xe0,
    changeSign((b, se) => b.xor(se, 0x8000)),
  )
  one(
    0xd9,
    0xe1,
    changeSign((b, se) => b.and(se, EXPONENT)),
  )
  one(0xd9, 0xe8, pushConstant(BIAS, TOP_BIT))
  one(0xd9, 0xee, pushConstant(0, c64(0n)))
  one(0xd9, 0xfa, root)
  one(0xd9, 0xfc, roundToInteger)
  one(0xdf, 0xe0, statusToAx)
  memory(0xd9, 5, loadControl)
  memory(0xd9, 7, storeControl)
  memory(0xdd, 7, storeStatus)
  return [...byMemory, ...byRegister]
}
