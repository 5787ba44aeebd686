/**
 * JavaScript for the semantics language of ir.ts: i32 values are signed numbers, i64 values BigInts. The text refers
 * to `V` (DataView of linear memory), `I32`/`U8`/`U16` (typed arrays over it) and `H` (helpers by name).
 */
import type { BinaryOp, CompareOp, Exit, Expr, LoadWidth, Stmt, UnaryOp } from './ir.ts'

const BIN32: Record<BinaryOp, (a: string, b: string) => string> = {
  add: (a, b) => `(${a}+${b}|0)`,
  sub: (a, b) => `(${a}-${b}|0)`,
  mul: (a, b) => `Math.imul(${a},${b})`,
  and: (a, b) => `(${a}&${b})`,
  or: (a, b) => `(${a}|${b})`,
  xor: (a, b) => `(${a}^${b})`,
  shl: (a, b) => `(${a}<<${b})`,
  shr_s: (a, b) => `(${a}>>${b})`,
  shr_u: (a, b) => `(${a}>>>${b}|0)`,
  rotl: (a, b) => `R(${a},${b})`,
  rotr: (a, b) => `R(${a},32-(${b}&31))`,
  div_s: (a, b) => `(${a}/${b}|0)`,
  div_u: (a, b) => `((${a}>>>0)/(${b}>>>0)|0)`,
  rem_s: (a, b) => `(${a}%${b}|0)`,
  rem_u: (a, b) => `((${a}>>>0)%(${b}>>>0)|0)`,
}
const N = (e: string): string => `BigInt.asIntN(64,${e})`
const U = (e: string): string => `BigInt.asUintN(64,${e})`
const BIN64: Record<BinaryOp, (a: string, b: string) => string> = {
  add: (a, b) => N(`${a}+${b}`),
  sub: (a, b) => N(`${a}-${b}`),
  mul: (a, b) => N(`${a}*${b}`),
  and: (a, b) => `(${a}&${b})`,
  or: (a, b) => `(${a}|${b})`,
  xor: (a, b) => `(${a}^${b})`,
  shl: (a, b) => N(`${a}<<(${b}&63n)`),
  shr_s: (a, b) => `(${a}>>(${b}&63n))`,
  shr_u: (a, b) => N(`${U(a)}>>(${b}&63n)`),
  rotl: (a, b) => N(`(${U(a)}<<(${b}&63n))|(${U(a)}>>((64n-${b})&63n))`),
  rotr: (a, b) => N(`(${U(a)}>>(${b}&63n))|(${U(a)}<<((64n-${b})&63n))`),
  div_s: (a, b) => N(`${a}/${b}`),
  div_u: (a, b) => N(`${U(a)}/${U(b)}`),
  rem_s: (a, b) => N(`${a}%${b}`),
  rem_u: (a, b) => N(`${U(a)}%${U(b)}`),
}
const CMP_TEXT: Record<CompareOp, string> = {
  eq: '===',
  ne: '!==',
  lt_s: '<',
  lt_u: '<',
  gt_s: '>',
  gt_u: '>',
  le_s: '<=',
  le_u: '<=',
  ge_s: '>=',
  ge_u: '>=',
}
const UN_TEXT: Record<UnaryOp, (a: string, wide: boolean) => string> = {
  eqz: (a, w) => (w ? `(${a}===0n|0)` : `(${a}===0|0)`),
  clz: a => `Math.clz32(${a})`,
  ctz: a => `CTZ(${a})`,
  popcnt: a => `POPCNT(${a})`,
  extend8_s: a => `(${a}<<24>>24)`,
  extend16_s: a => `(${a}<<16>>16)`,
  wrap: a => `Number(BigInt.asIntN(32,${a}))`,
  extend_s: a => `BigInt(${a})`,
  extend_u: a => `BigInt(${a}>>>0)`,
}

export function jsExpr(e: Expr): string {
  switch (e.k) {
    case 'const':
      return e.t === 'i64' ? `(${e.v}n)` : Number(e.v) < 0 ? `(${e.v})` : `${e.v}`
    case 'local':
      return `${e.t === 'i64' ? 'w' : 'v'}${e.i}`
    case 'bin':
      return (e.t === 'i64' ? BIN64 : BIN32)[e.op](jsExpr(e.a), jsExpr(e.b))
    case 'cmp': {
      let [a, b] = [jsExpr(e.a), jsExpr(e.b)]
      if (e.op.endsWith('_u')) [a, b] = e.a.t === 'i64' ? [U(a), U(b)] : [`(${a}>>>0)`, `(${b}>>>0)`]
      return `(${a}${CMP_TEXT[e.op]}${b}|0)`
    }
    case 'un':
      return UN_TEXT[e.op](jsExpr(e.a), e.a.t === 'i64')
    case 'load':
      return jsLoad(e.w, e.addr, e.off)
    case 'select':
      return `(${jsExpr(e.c)}?${jsExpr(e.a)}:${jsExpr(e.b)})`
    case 'call':
      return `(H.${e.fn}(${e.args.map(jsExpr).join(',')})|0)`
    case 'wide':
      throw new TypeError(`${e.op} has no JavaScript`)
    case 'indirect':
      throw new TypeError('an indirect call has no JavaScript')
  }
}

function jsLoad(w: LoadWidth, addr: Expr, off: number): string {
  const at = address(addr, off)
  switch (w) {
    case '8u':
      return `U8[${at}]`
    case '8s':
      return `(U8[${at}]<<24>>24)`
    case '16u':
      return `V.getUint16(${at},true)`
    case '16s':
      return `V.getInt16(${at},true)`
    case '32':
      return addr.k === 'const' ? `I32[${(Number(addr.v) + off) >>> 2}]` : `V.getInt32(${at},true)`
    case '64':
      return `V.getBigInt64(${at},true)`
    default:
      throw new TypeError(`a load of ${w} has no JavaScript`)
  }
}

function address(addr: Expr, off: number): string {
  if (addr.k === 'const') return `${(Number(addr.v) >>> 0) + off}`
  return off === 0 ? `${jsExpr(addr)}>>>0` : `(${jsExpr(addr)}>>>0)+${off}`
}

/** Statements as JavaScript; `exit` gives the text that leaves the handler. */
export function jsStmts(stmts: readonly Stmt[], exit: (to: Exit) => string): string {
  return stmts
    .map((s): string => {
      switch (s.k) {
        case 'set':
          return `${s.t === 'i64' ? 'w' : 'v'}${s.i}=${jsExpr(s.v)};`
        case 'store': {
          const at = address(s.addr, s.off)
          const v = jsExpr(s.v)
          if (s.w === '8') return `U8[${at}]=${v};`
          if (s.w === '16') return `V.setInt16(${at},${v},true);`
          if (s.w === '64') return `V.setBigInt64(${at},${v},true);`
          if (s.w !== '32') throw new TypeError(`a store of ${s.w} has no JavaScript`)
          return s.addr.k === 'const'
            ? `I32[${(Number(s.addr.v) + s.off) >>> 2}]=${v};`
            : `V.setInt32(${at},${v},true);`
        }
        case 'if':
          return `if(${jsExpr(s.c)}){${jsStmts(s.yes, exit)}}${s.no.length > 0 ? `else{${jsStmts(s.no, exit)}}` : ''}`
        case 'do':
          return `do{${jsStmts(s.body, exit)}}while(${jsExpr(s.while)});`
        case 'eval':
          return `${jsExpr(s.v)};`
        case 'exit':
          return exit(s.to)
        default:
          throw new TypeError(`${s.k} has no JavaScript`)
      }
    })
    .join('')
}
