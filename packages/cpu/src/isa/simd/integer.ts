/** Packed integer arithmetic, comparison, logic, packing and shifts (simd/integer.ts, simd/shift.ts). */
import { type Expr, select, un, wide } from '../../ir/ir.ts'
import type { Builder } from '../builder.ts'
import type { Operands, RegisterFile, VectorForm } from './form.ts'
import { type Binary, binary, dwords, lane64, lowHalves, shuffle, shuffleLanes, ZEROS } from './vector.ts'

/** Both operands are pure values and the result depends on nothing else. */
function pure(file: 'xmm' | 'mm', f: (a: Expr, b: Expr, x: Operands, builder: Builder) => Expr): VectorForm {
  return {
    checks: file === 'xmm' ? 'sse' : 'mmx',
    a: file,
    b: file,
    to: 0,
    bytes: file === 'xmm' ? 16 : 8,
    aligned: file === 'xmm',
    distinct: false,
    compute: (b, x) => x.commit(f(x.a, x.b, x, b)),
  }
}
export const pureXmm = (f: (a: Expr, b: Expr, x: Operands, builder: Builder) => Expr): VectorForm => pure('xmm', f)

/** Interleaved lanes: of the low halves, or the high ones. */
function unpack(width: number, high: boolean, bytes: number): Binary {
  const count = bytes / width
  const from = high ? count / 2 : 0
  const other = 16 / width
  const pairs = Array.from({ length: count / 2 }, (_, i) => [from + i, other + from + i]).flat()
  // An MMX register has room for more: what is above is not stored.
  const lanes = Array.from({ length: 16 / width }, (_, i) => pairs[i % pairs.length] as number)
  return (a, b) => shuffleLanes(a, b, width, lanes)
}
const HIGH_WORDS = [1, 3, 5, 7, 9, 11, 13, 15]
const multiplyHigh = (sign: 's' | 'u'): Binary => {
  const low = binary(`i32x4.extmul_low_i16x8_${sign}`)
  const high = binary(`i32x4.extmul_high_i16x8_${sign}`)
  return (a, b) => shuffleLanes(low(a, b), high(a, b), 2, HIGH_WORDS)
}
const evenDwords = (v: Expr): Expr => shuffleLanes(v, v, 4, [0, 2, 0, 2])
const multiplyUnsigned: Binary = (a, b) => wide('i64x2.extmul_low_i32x4_u', [evenDwords(a), evenDwords(b)])
/** PSADBW: absolute differences, summed in each half. */
const sumDifferences: Binary = (a, b) => {
  const minus = binary('i8x16.sub_sat_u')
  const difference = wide('v128.or', [minus(a, b), minus(b, a)])
  const words = wide('i16x8.extadd_pairwise_i8x16_u', [difference])
  const sums = wide('i32x4.extadd_pairwise_i16x8_u', [words])
  return wide('i64x2.add', [wide('v128.and', [sums, dwords(-1, 0, -1, 0)]), highDwords(sums)])
}
const highDwords = (v: Expr): Expr => shuffleLanes(v, ZEROS, 4, [1, 4, 3, 4])

/** Same in MMX and XMM registers. */
const LANEWISE: Readonly<Record<string, Binary>> = {
  PCMPGTB: binary('i8x16.gt_s'),
  PCMPGTW: binary('i16x8.gt_s'),
  PCMPGTD: binary('i32x4.gt_s'),
  PCMPEQB: binary('i8x16.eq'),
  PCMPEQW: binary('i16x8.eq'),
  PCMPEQD: binary('i32x4.eq'),
  PADDQ: binary('i64x2.add'),
  PMULLW: binary('i16x8.mul'),
  PSUBUSB: binary('i8x16.sub_sat_u'),
  PSUBUSW: binary('i16x8.sub_sat_u'),
  PMINUB: binary('i8x16.min_u'),
  PAND: binary('v128.and'),
  PADDUSB: binary('i8x16.add_sat_u'),
  PADDUSW: binary('i16x8.add_sat_u'),
  PMAXUB: binary('i8x16.max_u'),
  PANDN: (a, b) => wide('v128.andnot', [b, a]),
  PAVGB: binary('i8x16.avgr_u'),
  PAVGW: binary('i16x8.avgr_u'),
  PMULHUW: multiplyHigh('u'),
  PMULHW: multiplyHigh('s'),
  PSUBSB: binary('i8x16.sub_sat_s'),
  PSUBSW: binary('i16x8.sub_sat_s'),
  PMINSW: binary('i16x8.min_s'),
  POR: binary('v128.or'),
  PADDSB: binary('i8x16.add_sat_s'),
  PADDSW: binary('i16x8.add_sat_s'),
  PMAXSW: binary('i16x8.max_s'),
  PXOR: binary('v128.xor'),
  PMULUDQ: multiplyUnsigned,
  PMADDWD: binary('i32x4.dot_i16x8_s'),
  PSADBW: sumDifferences,
  PSUBB: binary('i8x16.sub'),
  PSUBW: binary('i16x8.sub'),
  PSUBD: binary('i32x4.sub'),
  PSUBQ: binary('i64x2.sub'),
  PADDB: binary('i8x16.add'),
  PADDW: binary('i16x8.add'),
  PADDD: binary('i32x4.add'),
}
const PACKS: Readonly<Record<string, Binary>> = {
  PACKSSWB: binary('i8x16.narrow_i16x8_s'),
  PACKUSWB: binary('i8x16.narrow_i16x8_u'),
  PACKSSDW: binary('i16x8.narrow_i32x4_s'),
}
/** Name, lane width, high half; the low ones of the MMX form read four bytes of memory. */
const UNPACKS: readonly (readonly [string, number, boolean])[] = [
  ['PUNPCKLBW', 1, false],
  ['PUNPCKLWD', 2, false],
  ['PUNPCKLDQ', 4, false],
  ['PUNPCKHBW', 1, true],
  ['PUNPCKHWD', 2, true],
  ['PUNPCKHDQ', 4, true],
]

/** A shift of all lanes of `v` by `count` (i32, below `bits`). */
type Shift = (v: Expr, count: Expr) => Expr
interface ShiftKind {
  readonly bits: number
  readonly arithmetic: boolean
  readonly shift: Shift
}
const kind = (shape: string, bits: number, name: 'shl' | 'shr_u' | 'shr_s'): ShiftKind => ({
  bits,
  arithmetic: name === 'shr_s',
  shift: binary(`${shape}.${name}`),
})
const SHIFTS: Readonly<Record<string, ShiftKind>> = {
  PSRLW: kind('i16x8', 16, 'shr_u'),
  PSRLD: kind('i32x4', 32, 'shr_u'),
  PSRLQ: kind('i64x2', 64, 'shr_u'),
  PSRAW: kind('i16x8', 16, 'shr_s'),
  PSRAD: kind('i32x4', 32, 'shr_s'),
  PSLLW: kind('i16x8', 16, 'shl'),
  PSLLD: kind('i32x4', 32, 'shl'),
  PSLLQ: kind('i64x2', 64, 'shl'),
}

/** `count` has all its bits (i64, or i32 of an immediate); beyond the lane it clears, or fills with the sign. */
function shifted(b: Builder, { bits, arithmetic, shift }: ShiftKind, v: Expr, count: Expr): Expr {
  if (count.k === 'const') {
    const n = Number(count.v) & 0xff
    if (n >= bits && !arithmetic) return ZEROS
    return shift(v, b.c(Math.min(n, bits - 1)))
  }
  const within = b.let(b.cmp('lt_u', count, bits))
  const by = count.t === 'i64' ? un('wrap', count) : count
  if (arithmetic) return shift(v, select(within, by, b.c(bits - 1)))
  return select(within, shift(v, by), ZEROS)
}

const IOTA = Array.from({ length: 16 }, (_, i) => i)
/** PSLLDQ, PSRLDQ: by whole bytes. */
function shiftBytes(b: Builder, v: Expr, imm: Expr, left: boolean): Expr {
  if (imm.k === 'const') {
    const n = Math.min(Number(imm.v) & 0xff, 16)
    return shuffle(v, ZEROS, left ? IOTA.map(i => (i < n ? 16 : i - n)) : IOTA.map(i => (i + n > 15 ? 16 : i + n)))
  }
  // Swizzle gives zero for every index above 15.
  const by = wide('i8x16.splat', [select(b.cmp('lt_u', imm, 16), imm, b.c(16))])
  const iota = wide('v128.const', [], IOTA)
  return wide('i8x16.swizzle', [v, wide(left ? 'i8x16.sub' : 'i8x16.add', [iota, by])])
}

/** A shift by an immediate: its operand is ModRM.rm. */
function immediateShift(file: 'xmm' | 'mm', f: (b: Builder, v: Expr, imm: Expr) => Expr): VectorForm {
  return {
    ...pure(file, a => a),
    to: 1,
    compute: (b, x) => x.commit(f(b, x.b, b.let(b.and(x.imm, 0xff)))),
  }
}

/** By name as in simd/; MMX forms have the prefix `mmx `, shifts by an immediate the suffix ` imm`. */
export function integerForms(): Map<string, VectorForm> {
  const forms = new Map<string, VectorForm>()
  const both: readonly RegisterFile[] = ['xmm', 'mm']
  for (const file of both as readonly ('xmm' | 'mm')[]) {
    const name = (text: string): string => (file === 'mm' ? `mmx ${text}` : text)
    const size = file === 'mm' ? 8 : 16
    for (const [text, f] of Object.entries(LANEWISE)) forms.set(name(text), pure(file, f))
    for (const [text, f] of Object.entries(PACKS)) {
      forms.set(
        name(text),
        pure(file, (a, b, _x, builder) => {
          if (file === 'xmm') return f(a, b)
          const joined = builder.let(lowHalves(a, b))
          return f(joined, joined)
        }),
      )
    }
    for (const [text, width, high] of UNPACKS) {
      const form = pure(file, unpack(width, high, size))
      forms.set(name(text), file === 'mm' && !high ? { ...form, bytes: 4 } : form)
    }
    for (const [text, shift] of Object.entries(SHIFTS)) {
      forms.set(
        name(text),
        pure(file, (a, count, _x, b) => shifted(b, shift, a, b.let(lane64(count, 0)))),
      )
      forms.set(
        `${name(text)} imm`,
        immediateShift(file, (b, v, imm) => shifted(b, shift, v, imm)),
      )
    }
  }
  forms.set('PUNPCKLQDQ', pureXmm(unpack(8, false, 16)))
  forms.set('PUNPCKHQDQ', pureXmm(unpack(8, true, 16)))
  forms.set(
    'PSRLDQ imm',
    immediateShift('xmm', (b, v, imm) => shiftBytes(b, v, imm, false)),
  )
  forms.set(
    'PSLLDQ imm',
    immediateShift('xmm', (b, v, imm) => shiftBytes(b, v, imm, true)),
  )
  return forms
}
