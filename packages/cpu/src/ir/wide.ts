/**
 * Operations on floats and 128-bit vectors for the language of ir.ts, by their names in the WebAssembly text format, with
 * their result types and opcodes (WebAssembly core specification 2.0, sections 5.4.7 and 5.4.8).
 */
import type { Type } from './ir.ts'

interface WideOp {
  readonly t: Type
  readonly code: readonly number[]
}

const V = 0xfd
const OPS: Record<string, WideOp> = {}

function plain(t: Type, first: number, names: string): void {
  for (const [i, name] of names.trim().split(/\s+/).entries()) if (name !== '-') OPS[name] = { t, code: [first + i] }
}

/** Vector operations with consecutive numbers from `first`; `-` leaves one out. */
function vector(t: Type, first: number, names: string): void {
  for (const [i, name] of names.trim().split(/\s+/).entries()) {
    const n = first + i
    if (name !== '-') OPS[name] = { t, code: n < 0x80 ? [V, n] : [V, (n & 0x7f) | 0x80, n >> 7] }
  }
}

const lanes = (shape: string, names: string): string =>
  names
    .split(' ')
    .map(name => (name === '-' ? name : `${shape}.${name}`))
    .join(' ')

plain('f32', 0x43, 'f32.const')
plain('f64', 0x44, 'f64.const')
plain('i32', 0x5b, lanes('f32', 'eq ne lt gt le ge'))
plain('i32', 0x61, lanes('f64', 'eq ne lt gt le ge'))
plain('f32', 0x8b, lanes('f32', 'abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign'))
plain('f64', 0x99, lanes('f64', 'abs neg ceil floor trunc nearest sqrt add sub mul div min max copysign'))
plain('f32', 0xb2, 'f32.convert_i32_s - f32.convert_i64_s f32.convert_i64_u f32.demote_f64')
plain('f64', 0xb7, 'f64.convert_i32_s - f64.convert_i64_s f64.convert_i64_u f64.promote_f32')
plain('i32', 0xbc, 'i32.reinterpret_f32')
plain('i64', 0xbd, 'i64.reinterpret_f64')
plain('f32', 0xbe, 'f32.reinterpret_i32')
plain('f64', 0xbf, 'f64.reinterpret_i64')
OPS['i32.trunc_sat_f32_s'] = { t: 'i32', code: [0xfc, 0] }
OPS['i32.trunc_sat_f64_s'] = { t: 'i32', code: [0xfc, 2] }
OPS['i64.trunc_sat_f64_u'] = { t: 'i64', code: [0xfc, 7] }

vector('v128', 0x0c, 'v128.const i8x16.shuffle i8x16.swizzle')
vector('v128', 0x0f, 'i8x16.splat i16x8.splat i32x4.splat i64x2.splat f32x4.splat f64x2.splat')
vector('i32', 0x15, 'i8x16.extract_lane_s i8x16.extract_lane_u')
vector('v128', 0x17, 'i8x16.replace_lane')
vector('i32', 0x18, 'i16x8.extract_lane_s i16x8.extract_lane_u')
vector('v128', 0x1a, 'i16x8.replace_lane')
vector('i32', 0x1b, 'i32x4.extract_lane')
vector('v128', 0x1c, 'i32x4.replace_lane')
vector('i64', 0x1d, 'i64x2.extract_lane')
vector('v128', 0x1e, 'i64x2.replace_lane')
vector('f32', 0x1f, 'f32x4.extract_lane')
vector('v128', 0x20, 'f32x4.replace_lane')
vector('f64', 0x21, 'f64x2.extract_lane')
vector('v128', 0x22, 'f64x2.replace_lane')
const INTEGER_RELATIONS = 'eq ne lt_s lt_u gt_s gt_u le_s le_u ge_s ge_u'
vector('v128', 0x23, lanes('i8x16', INTEGER_RELATIONS))
vector('v128', 0x2d, lanes('i16x8', INTEGER_RELATIONS))
vector('v128', 0x37, lanes('i32x4', INTEGER_RELATIONS))
vector('v128', 0x41, lanes('f32x4', 'eq ne lt gt le ge'))
vector('v128', 0x47, lanes('f64x2', 'eq ne lt gt le ge'))
vector('v128', 0x4d, 'v128.not v128.and v128.andnot v128.or v128.xor v128.bitselect')
vector('i32', 0x53, 'v128.any_true')
vector('v128', 0x5e, 'f32x4.demote_f64x2_zero f64x2.promote_low_f32x4')
vector('i32', 0x63, 'i8x16.all_true i8x16.bitmask')
vector('v128', 0x65, 'i8x16.narrow_i16x8_s i8x16.narrow_i16x8_u')
vector('v128', 0x67, lanes('f32x4', 'ceil floor trunc nearest'))
vector('v128', 0x6b, lanes('i8x16', 'shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u'))
vector('v128', 0x74, 'f64x2.ceil f64x2.floor')
vector('v128', 0x76, 'i8x16.min_s i8x16.min_u i8x16.max_s i8x16.max_u f64x2.trunc i8x16.avgr_u')
vector('v128', 0x7c, 'i16x8.extadd_pairwise_i8x16_s i16x8.extadd_pairwise_i8x16_u')
vector('v128', 0x7e, 'i32x4.extadd_pairwise_i16x8_s i32x4.extadd_pairwise_i16x8_u')
vector('i32', 0x83, 'i16x8.all_true i16x8.bitmask')
vector('v128', 0x85, 'i16x8.narrow_i32x4_s i16x8.narrow_i32x4_u')
vector('v128', 0x8b, lanes('i16x8', 'shl shr_s shr_u add add_sat_s add_sat_u sub sub_sat_s sub_sat_u'))
vector('v128', 0x94, 'f64x2.nearest i16x8.mul i16x8.min_s i16x8.min_u i16x8.max_s i16x8.max_u - i16x8.avgr_u')
vector('i32', 0xa3, 'i32x4.all_true i32x4.bitmask')
vector('v128', 0xa7, lanes('i32x4', 'extend_low_i16x8_s extend_high_i16x8_s extend_low_i16x8_u extend_high_i16x8_u'))
vector('v128', 0xab, lanes('i32x4', 'shl shr_s shr_u add - - sub'))
vector('v128', 0xb5, lanes('i32x4', 'mul min_s min_u max_s max_u dot_i16x8_s'))
vector('v128', 0xbc, lanes('i32x4', 'extmul_low_i16x8_s extmul_high_i16x8_s extmul_low_i16x8_u extmul_high_i16x8_u'))
vector('i32', 0xc3, 'i64x2.all_true i64x2.bitmask')
vector('v128', 0xcb, lanes('i64x2', 'shl shr_s shr_u add - - sub - - - mul eq ne lt_s gt_s le_s ge_s'))
vector('v128', 0xdc, lanes('i64x2', 'extmul_low_i32x4_s extmul_high_i32x4_s extmul_low_i32x4_u extmul_high_i32x4_u'))
vector('v128', 0xe0, lanes('f32x4', 'abs neg - sqrt add sub mul div min max pmin pmax'))
vector('v128', 0xec, lanes('f64x2', 'abs neg - sqrt add sub mul div min max pmin pmax'))
vector('v128', 0xf8, 'i32x4.trunc_sat_f32x4_s - f32x4.convert_i32x4_s -')
vector('v128', 0xfc, 'i32x4.trunc_sat_f64x2_s_zero - f64x2.convert_low_i32x4_s')

/** Result type and opcode bytes of an operation; throws when there is none of that name. */
export function wideOp(name: string): WideOp {
  const found = OPS[name]
  if (found === undefined) throw new TypeError(`no operation ${name}`)
  return found
}
