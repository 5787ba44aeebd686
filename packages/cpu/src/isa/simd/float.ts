/**
 * SSE arithmetic, comparisons and conversions on the host's floats, which round to nearest as IEEE 754 says (simd/
 * arithmetic.ts, compare.ts, convert.ts have all the rest). A form takes operands that raise nothing by themselves and a
 * result that can at most be inexact; and then PE must be set and masked already, so that nothing is left to report, or
 * the result must be shown to be exact.
 */
import { type Expr, v128, wide } from '../../ir/ir.ts'
import { MXCSR } from '../../state.ts'
import type { Builder } from '../builder.ts'
import type { VectorForm } from './form.ts'
import { Lanes, maskOf } from './lanes.ts'
import { mergeLow } from './shuffle.ts'
import { lane64 } from './vector.ts'

const MXCSR_IE = 0x01
const MXCSR_DE = 0x02
const MXCSR_ZE = 0x04
const MXCSR_OE = 0x08
const MXCSR_UE = 0x10
const MXCSR_PE = 0x20
const MXCSR_DAZ = 0x40
const MXCSR_IM = 0x80
const MXCSR_DM = 0x100
const MXCSR_PM = 0x1000
const MXCSR_RC = 0x6000
/** All but the flags, and that with every exception masked, rounding to nearest, no FTZ and no DAZ. */
const MXCSR_MODE = 0xffc0
const MXCSR_DEFAULT = 0x1f80

/** Suffix of a name: packed or scalar, single or double. */
const SUFFIXES = ['PS', 'PD', 'SS', 'SD'] as const

function shapeOf(suffix: string): { scalar: boolean; bytes: 4 | 8 } {
  return { scalar: suffix.startsWith('S'), bytes: suffix.endsWith('S') ? 4 : 8 }
}

function xmmForm(bytes: 4 | 8 | 16, compute: VectorForm['compute']): VectorForm {
  return {
    checks: 'sse',
    a: 'xmm',
    b: 'xmm',
    to: 0,
    bytes,
    aligned: bytes === 16,
    distinct: false,
    thorough: true,
    compute,
  }
}

/**
 * Runs `then` when an inexact result needs no report and is rounded to nearest (`rounds`; else by truncation, as the
 * instruction says), or when `exact` shows that it is not inexact; null does not try to.
 */
function unlessReported(b: Builder, exact: (() => Expr) | null, then: () => void, rounds = true): void {
  const known = MXCSR_PE | MXCSR_PM
  const mode = b.let(b.and(b.word(MXCSR), rounds ? known | MXCSR_RC : known))
  const free = b.let(b.cmp('eq', mode, known))
  if (exact !== null) {
    b.if(b.eqz(b.or(free, rounds ? b.and(mode, MXCSR_RC) : b.c(0))), () => b.set(free, exact()))
  }
  b.if(free, then)
}

/**
 * Runs `then` with a result like no usual one (a NaN, an infinity, a tiny number, or an operand that is denormal) when all
 * that it could raise is masked and set already; a flag too many may be asked for.
 */
function unlessRaised(b: Builder, l: Lanes, operation: Arithmetic, a: Expr, s: Expr, r: Expr, then: () => void): void {
  const { minNormal, max } = l.precision
  b.if(b.cmp('eq', b.and(b.word(MXCSR), MXCSR_MODE), MXCSR_DEFAULT), () => {
    const raised = (condition: Expr, flags: number): Expr => b.select(l.some(condition), b.c(flags), b.c(0))
    const m = b.let(l.abs(r))
    const needed = [
      b.c(MXCSR_PE),
      raised(l.op('ne', r, r), MXCSR_IE),
      raised(l.op('gt', m, l.constant(max)), operation === 'div' ? MXCSR_OE | MXCSR_ZE : MXCSR_OE),
      raised(operation === 'sqrt' ? l.denormal(s) : l.or(l.denormal(a), l.denormal(s)), MXCSR_DE),
    ]
    if (operation === 'mul' || operation === 'div') {
      const notZero = (v: Expr): Expr => l.op('ne', v, l.constant(0))
      const operands = operation === 'mul' ? [notZero(a), notZero(s)] : [notZero(a)]
      needed.push(raised(l.and(l.op('le', m, l.constant(minNormal)), ...operands), MXCSR_UE))
    }
    const flags = b.let(needed.reduce((x, y) => b.or(x, y)))
    b.if(b.cmp('eq', b.and(b.word(MXCSR), flags), flags), then)
  })
}

/**
 * `r` with every NaN as the processor makes it, which WebAssembly leaves open: the first operand that is one, quieted, else
 * the default NaN. `a` is null for a root.
 */
function withNaNs(b: Builder, bytes: 4 | 8, a: Expr | null, s: Expr, r: Expr): Expr {
  const l = new Lanes(b, bytes, false)
  const splat = (high: number): Expr => {
    const one = bytes === 4 ? [0, 0, high & 0xff, high >> 8] : [0, 0, 0, 0, 0, 0, high & 0xff, high >> 8]
    return v128(Array.from({ length: 16 }, (_, i) => one[i % bytes] as number))
  }
  const [quietBit, indefinite] = bytes === 4 ? [0x0040, 0xffc0] : [0x0008, 0xfff8]
  const isNan = (v: Expr): Expr => l.op('ne', v, v)
  const quiet = (v: Expr): Expr => wide('v128.or', [v, splat(quietBit)])
  const pick = (mask: Expr, yes: Expr, no: Expr): Expr => wide('v128.bitselect', [yes, no, mask])
  const second = b.let(pick(isNan(s), quiet(s), splat(indefinite)))
  const nan = a === null ? second : b.let(pick(isNan(a), quiet(a), second))
  return pick(isNan(r), nan, r)
}

type Arithmetic = 'add' | 'sub' | 'mul' | 'div' | 'sqrt'

function arithmetic(operation: Arithmetic, suffix: string): VectorForm {
  const { scalar, bytes } = shapeOf(suffix)
  const form = xmmForm(scalar ? bytes : 16, (b, x) => {
    const l = new Lanes(b, bytes, scalar)
    const a = l.of(x.a)
    const s = l.of(x.b)
    const r = b.let(operation === 'sqrt' ? l.op('sqrt', s) : l.op(operation, a, s))
    const conditions = [l.notDenormal(s), l.finite(r)]
    if (operation !== 'sqrt') conditions.push(l.notDenormal(a))
    // Sums and roots of normal numbers are never tiny and inexact at once.
    if (operation === 'mul') conditions.push(l.or(l.ample(r), l.isZero(a), l.isZero(s)))
    if (operation === 'div') conditions.push(l.or(l.ample(r), l.isZero(a)))
    const exact = (): Expr => {
      switch (operation) {
        case 'add':
          return l.sumExact(a, s, r)
        case 'sub':
          return l.sumExact(a, b.let(l.op('neg', s)), r)
        case 'mul':
          return l.productExact(a, s, r)
        case 'div':
          return l.and(l.op('eq', l.op('mul', r, s), a), l.productExact(r, s, a))
        case 'sqrt':
          return l.and(l.op('eq', l.op('mul', r, r), s), l.productExact(r, r, s))
      }
    }
    const usual = (): void => unlessReported(b, x.brief ? null : () => l.all(exact()), () => x.commit(l.into(x.a, r)))
    const unusual = (): void =>
      unlessRaised(b, l, operation, a, s, r, () => {
        const fixed = withNaNs(b, bytes, operation === 'sqrt' ? null : x.a, x.b, b.let(l.into(x.a, r)))
        x.commit(scalar ? mergeLow(x.a, fixed, bytes) : fixed)
      })
    b.if(l.all(l.and(...conditions)), usual, x.brief ? undefined : unusual)
  })
  return { ...form, thorough: true }
}

/** A comparison raises nothing new: IE for NaNs, DE for denormals. For vectors, where such elements are left over. */
function comparable(b: Builder, l: Lanes, a: Expr, s: Expr): Expr {
  const numbers = l.all(l.and(l.notNaN(a), l.notNaN(s)))
  const normal = (): Expr => b.eqz(l.some(l.or(l.denormal(a), l.denormal(s))))
  if (l.scalar) return b.and(numbers, l.and(l.notDenormal(a), l.notDenormal(s)))
  const known = (bits: number, value: number): Expr => b.cmp('eq', b.and(b.word(MXCSR), bits), value)
  const invalid = known(MXCSR_IE | MXCSR_IM, MXCSR_IE | MXCSR_IM)
  const denormal = known(MXCSR_DE | MXCSR_DM | MXCSR_DAZ, MXCSR_DE | MXCSR_DM)
  return b.and(b.or(numbers, invalid), b.or(normal(), denormal))
}

/** MIN, MAX: the second operand unless the first is less (greater). */
function choose(relation: 'lt' | 'gt', suffix: string): VectorForm {
  const { scalar, bytes } = shapeOf(suffix)
  return xmmForm(scalar ? bytes : 16, (b, x) => {
    const l = new Lanes(b, bytes, scalar)
    const a = l.of(x.a)
    const s = l.of(x.b)
    b.if(comparable(b, l, a, s), () => {
      if (scalar) x.commit(l.into(x.a, b.select(l.op(relation, a, s), a, s)))
      else x.commit(l.op(relation === 'lt' ? 'pmin' : 'pmax', s, a))
    })
  })
}

/** CMPPS … CMPSD: a mask. Predicates 0–3 are EQ, LT, LE, UNORD; 4–7 their negations. */
function compareMask(suffix: string): VectorForm {
  const { scalar, bytes } = shapeOf(suffix)
  return xmmForm(scalar ? bytes : 16, (b, x) => {
    const l = new Lanes(b, bytes, scalar)
    const a = l.of(x.a)
    const s = l.of(x.b)
    const unordered = (): Expr => l.or(l.op('ne', a, a), l.op('ne', s, s))
    const holds = (predicate: number): Expr =>
      predicate === 3 ? unordered() : l.op(['eq', 'lt', 'le'][predicate] as string, a, s)
    const negate = (m: Expr): Expr => (scalar ? b.xor(m, 1) : wide('v128.not', [m]))
    b.if(comparable(b, l, a, s), () => {
      const { imm } = x
      let mask: Expr
      if (imm.k === 'const') {
        const base = holds(Number(imm.v) & 3)
        mask = Number(imm.v) & 4 ? negate(base) : base
      } else {
        const is = (n: number): Expr => b.cmp('eq', b.and(imm, 3), n)
        const base = b.select(is(0), holds(0), b.select(is(1), holds(1), b.select(is(2), holds(2), unordered())))
        const one = b.let(base)
        mask = b.select(b.and(imm, 4), negate(one), one)
      }
      if (!scalar) x.commit(mask)
      else {
        const shape = bytes === 4 ? 'i32x4' : 'i64x2'
        x.commit(wide(`${shape}.replace_lane`, [x.a, maskOf(b, mask, bytes)], [0]))
      }
    })
  })
}

/** ZF, PF and CF after a comparison of two numbers; OF, SF and AF are cleared. Both conditions are 0 or 1. */
export function setComparison(b: Builder, less: Expr, equal: Expr): void {
  // A result that is not zero is 1, of odd parity; for zero the parity byte makes it odd.
  const same = b.let(equal)
  b.setFlags(b.xor(same, 1), b.or(b.op('mul', less, 0xc0000000 | 0), b.shl(same, 8)))
}

/** COMISS, UCOMISS and kin: for numbers they are the same. */
function compareFlags(bytes: 4 | 8): VectorForm {
  return xmmForm(bytes, (b, x) => {
    const l = new Lanes(b, bytes, true)
    const a = l.of(x.a)
    const s = l.of(x.b)
    b.if(l.and(l.notDenormal(a), l.notDenormal(s), l.notNaN(a), l.notNaN(s)), () => {
      const equal = b.let(l.op('eq', a, s))
      setComparison(b, b.let(l.op('lt', a, s)), equal)
      x.finish()
    })
  })
}

/** CVTSS2SI, CVTTSD2SI …: to a general register. */
function toGeneral(bytes: 4 | 8, truncates: boolean): VectorForm {
  return {
    ...xmmForm(bytes, (b, x) => {
      const l = new Lanes(b, bytes, true)
      const s = l.of(x.b)
      const whole = b.let(l.op(truncates ? 'trunc' : 'nearest', s))
      const inRange = l.and(l.op('ge', whole, l.constant(-(2 ** 31))), l.op('lt', whole, l.constant(2 ** 31)))
      b.if(inRange, () =>
        unlessReported(
          b,
          () => l.op('eq', whole, s),
          () => x.commit(wide(`i32.trunc_sat_${l.precision.scalar}_s`, [whole])),
          !truncates,
        ),
      )
    }),
    a: 'gpr',
  }
}

/** Four or two elements to dwords; two leave the high half zero. */
function toDwords(bytes: 4 | 8, truncates: boolean): VectorForm {
  return xmmForm(16, (b, x) => {
    const l = new Lanes(b, bytes, false)
    const whole = b.let(l.op(truncates ? 'trunc' : 'nearest', x.b))
    const inRange = l.and(l.op('ge', whole, l.constant(-(2 ** 31))), l.op('lt', whole, l.constant(2 ** 31)))
    b.if(l.all(inRange), () =>
      unlessReported(
        b,
        () => l.all(l.op('eq', whole, x.b)),
        () => x.commit(wide(bytes === 4 ? 'i32x4.trunc_sat_f32x4_s' : 'i32x4.trunc_sat_f64x2_s_zero', [whole])),
        !truncates,
      ),
    )
  })
}

/** CVTSI2SS, CVTSI2SD. */
function fromGeneral(bytes: 4 | 8): VectorForm {
  return {
    ...xmmForm(4, (b, x) => {
      const l = new Lanes(b, bytes, true)
      const r = b.let(l.op('convert_i32_s', x.b))
      const commit = (): void => x.commit(l.into(x.a, r))
      if (bytes === 8) commit()
      else {
        const exact = (): Expr => wide('f64.eq', [wide('f64.promote_f32', [r]), wide('f64.convert_i32_s', [x.b])])
        unlessReported(b, exact, commit)
      }
    }),
    b: 'gpr',
    aligned: false,
  }
}

const BELOW_24_BITS = 2 ** 24
/** CVTDQ2PS. */
const dwordsToSingles = xmmForm(16, (b, x) => {
  const splat = (n: number): Expr => wide('i32x4.splat', [b.c(n)])
  // Enough to be exact; more numbers are.
  const small = (): Expr =>
    wide('i32x4.all_true', [
      wide('i32x4.lt_u', [wide('i32x4.add', [x.b, splat(BELOW_24_BITS)]), splat(2 * BELOW_24_BITS)]),
    ])
  unlessReported(b, small, () => x.commit(wide('f32x4.convert_i32x4_s', [x.b])))
})
/** CVTDQ2PD. */
const dwordsToDoubles = xmmForm(8, (_b, x) => x.commit(wide('f64x2.convert_low_i32x4_s', [x.b])))

/** CVTSS2SD, CVTPS2PD: always exact. */
function widen(scalar: boolean): VectorForm {
  return xmmForm(scalar ? 4 : 8, (b, x) => {
    const from = new Lanes(b, 4, scalar)
    const s = from.of(x.b)
    const r = scalar ? wide('f64.promote_f32', [s]) : wide('f64x2.promote_low_f32x4', [s])
    const ok = from.and(from.notDenormal(s), from.notNaN(s))
    // Only the low half of a vector is converted.
    const all = scalar ? ok : b.cmp('eq', lane64(ok, 0), -1)
    b.if(all, () => x.commit(new Lanes(b, 8, scalar).into(x.a, r)))
  })
}

/** CVTSD2SS, CVTPD2PS. */
function narrow(scalar: boolean): VectorForm {
  return xmmForm(scalar ? 8 : 16, (b, x) => {
    const from = new Lanes(b, 8, scalar)
    const to = new Lanes(b, 4, scalar)
    const s = from.of(x.b)
    const r = b.let(scalar ? wide('f32.demote_f64', [s]) : wide('f32x4.demote_f64x2_zero', [s]))
    const back = b.let(scalar ? wide('f64.promote_f32', [r]) : wide('f64x2.promote_low_f32x4', [r]))
    // In the wider precision: not infinite, above the smallest normal number of the narrower one, or zero.
    const magnitude = b.let(from.abs(back))
    const normal = from.and(
      from.op('gt', magnitude, from.constant(to.precision.minNormal)),
      from.op('le', magnitude, from.constant(to.precision.max)),
    )
    const ok = from.and(from.notDenormal(s), from.or(normal, from.isZero(s)))
    b.if(from.all(ok), () =>
      unlessReported(
        b,
        () => from.all(from.op('eq', back, s)),
        () => x.commit(scalar ? to.into(x.a, r) : r),
      ),
    )
  })
}

/** By name as in simd/. */
export function floatForms(): Map<string, VectorForm> {
  const forms = new Map<string, VectorForm>()
  for (const suffix of SUFFIXES) {
    for (const operation of ['add', 'sub', 'mul', 'div', 'sqrt'] as const)
      forms.set(operation.toUpperCase() + suffix, arithmetic(operation, suffix))
    forms.set(`MIN${suffix}`, choose('lt', suffix))
    forms.set(`MAX${suffix}`, choose('gt', suffix))
    forms.set(`CMP${suffix}`, compareMask(suffix))
  }
  for (const [bytes, suffix] of [
    [4, 'SS'],
    [8, 'SD'],
  ] as const) {
    forms.set(`COMI${suffix}`, compareFlags(bytes))
    forms.set(`UCOMI${suffix}`, compareFlags(bytes))
    forms.set(`CVT${suffix}2SI`, toGeneral(bytes, false))
    forms.set(`CVTT${suffix}2SI`, toGeneral(bytes, true))
    forms.set(`CVTSI2${suffix}`, fromGeneral(bytes))
  }
  for (const [bytes, suffix] of [
    [4, 'PS'],
    [8, 'PD'],
  ] as const) {
    forms.set(`CVT${suffix}2DQ`, toDwords(bytes, false))
    forms.set(`CVTT${suffix}2DQ`, toDwords(bytes, true))
  }
  forms.set('CVTDQ2PS', dwordsToSingles)
  forms.set('CVTDQ2PD', dwordsToDoubles)
  forms.set('CVTSS2SD', widen(true))
  forms.set('CVTPS2PD', widen(false))
  forms.set('CVTSD2SS', narrow(true))
  forms.set('CVTPD2PS', narrow(false))
  return forms
}
