/** Shuffles, unpacks of floats, word insertion and extraction, sign masks, float logic (simd/shuffle.ts). */
import { type Expr, v128, wide } from '../../ir/ir.ts'
import type { Builder } from '../builder.ts'
import type { VectorForm } from './form.ts'
import { pureXmm } from './integer.ts'
import { binary, lane32, shuffle, shuffleLanes } from './vector.ts'

const LOGIC = { AND: binary('v128.and'), OR: binary('v128.or'), XOR: binary('v128.xor') }

/** The four two-bit fields of an immediate. */
const fields = (imm: number): number[] => [0, 1, 2, 3].map(i => (imm >> (2 * i)) & 3)

/**
 * A vector of byte numbers for a swizzle: dword i, or word i, is the one that field i of `imm` selects. `identity` is the
 * vector of the lanes that stay.
 */
function selector(b: Builder, imm: Expr, shape: 'i32x4' | 'i16x8', first: number, identity: Expr): Expr {
  const [width, ones, iota] = shape === 'i32x4' ? [4, 0x01010101, 0x03020100] : [2, 0x0101, 0x0100]
  let lanes = identity
  for (let i = 0; i < 4; i++) {
    const field = b.and(b.shr(imm, 2 * i), 3)
    const index = b.add(b.op('mul', field, ones * width), iota + first * width * ones)
    lanes = wide(`${shape}.replace_lane`, [lanes, index], [first + i])
  }
  return lanes
}
const IDENTITY = v128(Array.from({ length: 16 }, (_, i) => i))

function shuffleDwords(b: Builder, s: Expr, imm: Expr): Expr {
  if (imm.k === 'const') return shuffleLanes(s, s, 4, fields(Number(imm.v)))
  return wide('i8x16.swizzle', [s, selector(b, imm, 'i32x4', 0, IDENTITY)])
}
/** Words `first` to `first + 3` among themselves. */
function shuffleWords(b: Builder, s: Expr, imm: Expr, first: 0 | 4): Expr {
  if (imm.k === 'const') {
    const moved = fields(Number(imm.v)).map(f => f + first)
    return shuffleLanes(s, s, 2, first === 0 ? [...moved, 4, 5, 6, 7] : [0, 1, 2, 3, ...moved])
  }
  return wide('i8x16.swizzle', [s, selector(b, imm, 'i16x8', first, IDENTITY)])
}
/** SHUFPS: two dwords of each operand. */
function shufps(b: Builder, a: Expr, s: Expr, imm: Expr): Expr {
  if (imm.k === 'const') {
    const [w0, w1, w2, w3] = fields(Number(imm.v)) as [number, number, number, number]
    return shuffleLanes(a, s, 4, [w0, w1, w2 + 4, w3 + 4])
  }
  const lanes = b.let(selector(b, imm, 'i32x4', 0, IDENTITY))
  const from = (v: Expr): Expr => wide('i8x16.swizzle', [v, lanes])
  return shuffleLanes(from(a), from(s), 8, [0, 3])
}
function shufpd(b: Builder, a: Expr, s: Expr, imm: Expr): Expr {
  if (imm.k === 'const') {
    const n = Number(imm.v)
    return shuffleLanes(a, s, 8, [n & 1, 2 + ((n >> 1) & 1)])
  }
  const low = b.select(b.and(imm, 1), shuffleLanes(a, s, 8, [1, 2]), shuffleLanes(a, s, 8, [0, 2]))
  const one = b.let(low)
  return b.select(b.and(imm, 2), shuffleLanes(one, s, 8, [0, 3]), one)
}

const WORD_NUMBERS = v128(Array.from({ length: 16 }, (_, i) => (i & 1 ? 0 : i >> 1)))
function insertWord(b: Builder, v: Expr, word: Expr, imm: Expr, lanes: number): Expr {
  if (imm.k === 'const') return wide('i16x8.replace_lane', [v, word], [Number(imm.v) & (lanes - 1)])
  const here = wide('i16x8.eq', [WORD_NUMBERS, wide('i16x8.splat', [b.and(imm, lanes - 1)])])
  return wide('v128.bitselect', [wide('i16x8.splat', [word]), v, here])
}
function extractWord(b: Builder, v: Expr, imm: Expr, lanes: number): Expr {
  if (imm.k === 'const') return wide('i16x8.extract_lane_u', [v], [Number(imm.v) & (lanes - 1)])
  const index = b.add(b.op('mul', b.and(imm, lanes - 1), 0x0202), 0x0100)
  return wide('i16x8.extract_lane_u', [wide('i8x16.swizzle', [v, wide('i16x8.splat', [index])])], [0])
}

const SSE: Omit<VectorForm, 'compute' | 'b' | 'a'> = {
  checks: 'sse',
  to: 0,
  bytes: 16,
  aligned: true,
  distinct: false,
}
const toGeneral = (file: 'xmm' | 'mm', f: (b: Builder, v: Expr, imm: Expr) => Expr): VectorForm => ({
  ...SSE,
  checks: file === 'xmm' ? 'sse' : 'mmx',
  a: 'gpr',
  b: file,
  compute: (b, x) => x.commit(f(b, x.b, x.imm)),
})
const insert = (file: 'xmm' | 'mm'): VectorForm => ({
  ...SSE,
  checks: file === 'xmm' ? 'sse' : 'mmx',
  a: file,
  b: 'gpr',
  bytes: 2,
  aligned: false,
  compute: (b, x) => x.commit(insertWord(b, x.a, x.b, x.imm, file === 'xmm' ? 8 : 4)),
})
const withImmediate = (f: (b: Builder, a: Expr, s: Expr, imm: Expr) => Expr): VectorForm =>
  pureXmm((a, s, x, b) => f(b, a, s, x.imm))

/** By name as in simd/; MMX forms have the prefix `mmx `. */
export function shuffleForms(): Map<string, VectorForm> {
  const forms = new Map<string, VectorForm>()
  for (const suffix of ['PS', 'PD']) {
    for (const [name, f] of Object.entries(LOGIC)) forms.set(name + suffix, pureXmm(f))
    forms.set(
      `ANDN${suffix}`,
      pureXmm((a, b) => wide('v128.andnot', [b, a])),
    )
  }
  const interleave = (width: number, lanes: readonly number[]): VectorForm =>
    pureXmm((a, b) => shuffleLanes(a, b, width, lanes))
  forms.set('UNPCKLPS', interleave(4, [0, 4, 1, 5]))
  forms.set('UNPCKHPS', interleave(4, [2, 6, 3, 7]))
  forms.set('UNPCKLPD', interleave(8, [0, 2]))
  forms.set('UNPCKHPD', interleave(8, [1, 3]))
  forms.set(
    'PSHUFD',
    withImmediate((b, _a, s, imm) => shuffleDwords(b, s, imm)),
  )
  forms.set(
    'PSHUFHW',
    withImmediate((b, _a, s, imm) => shuffleWords(b, s, imm, 4)),
  )
  forms.set(
    'PSHUFLW',
    withImmediate((b, _a, s, imm) => shuffleWords(b, s, imm, 0)),
  )
  forms.set('mmx PSHUFW', {
    ...SSE,
    checks: 'mmx',
    a: 'mm',
    b: 'mm',
    bytes: 8,
    aligned: false,
    compute: (b, x) => x.commit(shuffleWords(b, x.b, x.imm, 0)),
  })
  forms.set('SHUFPS', withImmediate(shufps))
  forms.set('SHUFPD', withImmediate(shufpd))
  forms.set('PINSRW', insert('xmm'))
  forms.set('mmx PINSRW', insert('mm'))
  forms.set(
    'PEXTRW',
    toGeneral('xmm', (b, v, imm) => extractWord(b, v, imm, 8)),
  )
  forms.set(
    'mmx PEXTRW',
    toGeneral('mm', (b, v, imm) => extractWord(b, v, imm, 4)),
  )
  forms.set(
    'PMOVMSKB',
    toGeneral('xmm', (_b, v) => wide('i8x16.bitmask', [v])),
  )
  forms.set(
    'mmx PMOVMSKB',
    toGeneral('mm', (_b, v) => wide('i8x16.bitmask', [v])),
  )
  forms.set(
    'MOVMSKPS',
    toGeneral('xmm', (_b, v) => wide('i32x4.bitmask', [v])),
  )
  forms.set(
    'MOVMSKPD',
    toGeneral('xmm', (_b, v) => wide('i64x2.bitmask', [v])),
  )
  return forms
}

/** Low dword of a vector from a general register, zeros above. */
export const fromGeneral = (v: Expr): Expr =>
  wide(
    'i32x4.replace_lane',
    [
      wide(
        'v128.const',
        [],
        Array.from({ length: 16 }, () => 0),
      ),
      v,
    ],
    [0],
  )
export const toDword = (v: Expr): Expr => lane32(v, 0)
/** The low `bytes` of `b`, the rest of `a`. */
export const mergeLow = (a: Expr, b: Expr, bytes: number): Expr =>
  shuffle(
    a,
    b,
    Array.from({ length: 16 }, (_, i) => (i < bytes ? 16 + i : i)),
  )
