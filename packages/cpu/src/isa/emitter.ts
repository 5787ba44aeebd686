/** The part of the builder that knows no x86: expressions and statements of ir.ts, put together. */
import {
  type BinaryOp,
  bin,
  type CompareOp,
  c32,
  cmp,
  type Exit,
  type Expr,
  load,
  type Stmt,
  type StoreWidth,
  select,
  type Type,
  un,
} from '../ir/ir.ts'

export type Size = 1 | 2 | 4

/** The first i32 temporary: the locals before it are shared by every handler (see builder.ts). */
export const FIRST_TEMP = 4

export class Emitter {
  body: Stmt[] = []
  /** Temporaries used, by type. */
  temps: Record<Type, number> = { i32: FIRST_TEMP, i64: 0, f32: 0, f64: 0, v128: 0 }
  /** Operand size in bytes. */
  size: Size = 4
  /** How many branches deep the statements being emitted are. */
  protected depth = 0

  c(v: number): Expr {
    return c32(v)
  }
  add(a: Expr, b: Expr | number): Expr {
    return this.op('add', a, b)
  }
  sub(a: Expr, b: Expr | number): Expr {
    return this.op('sub', a, b)
  }
  and(a: Expr, b: Expr | number): Expr {
    return this.op('and', a, b)
  }
  or(a: Expr, b: Expr | number): Expr {
    return this.op('or', a, b)
  }
  xor(a: Expr, b: Expr | number): Expr {
    return this.op('xor', a, b)
  }
  shl(a: Expr, b: Expr | number): Expr {
    return this.op('shl', a, b)
  }
  shr(a: Expr, b: Expr | number): Expr {
    return this.op('shr_u', a, b)
  }
  sar(a: Expr, b: Expr | number): Expr {
    return this.op('shr_s', a, b)
  }
  not(a: Expr): Expr {
    return this.xor(a, -1)
  }
  op(op: BinaryOp, a: Expr, b: Expr | number): Expr {
    return bin(op, a, typeof b === 'number' ? (a.t === 'i64' ? { k: 'const', t: 'i64', v: BigInt(b) } : c32(b)) : b)
  }
  cmp(op: CompareOp, a: Expr, b: Expr | number): Expr {
    return cmp(op, a, typeof b === 'number' ? (a.t === 'i64' ? { k: 'const', t: 'i64', v: BigInt(b) } : c32(b)) : b)
  }
  eqz(a: Expr): Expr {
    return un('eqz', a)
  }
  bool(a: Expr): Expr {
    return this.cmp('ne', a, 0)
  }
  un(op: Parameters<typeof un>[0], a: Expr): Expr {
    return un(op, a)
  }
  select(c: Expr, a: Expr, b: Expr): Expr {
    return select(c, a, b)
  }
  /** Sign extension of an operand-sized value to 32 bits. */
  ext(v: Expr, size: Size = this.size): Expr {
    return size === 1 ? un('extend8_s', v) : size === 2 ? un('extend16_s', v) : v
  }
  /** Zero extension of the low `size` bytes. */
  zext(v: Expr, size: Size = this.size): Expr {
    return size === 1 ? this.and(v, 0xff) : size === 2 ? this.and(v, 0xffff) : v
  }

  temp(t: Type): Expr & { k: 'local' } {
    return { k: 'local', t, i: this.temps[t]++ }
  }
  /** Evaluates once, into a fresh local. */
  let(e: Expr): Expr {
    const l = this.temp(e.t)
    this.set(l, e)
    return l
  }
  set(l: Expr, v: Expr): void {
    if (l.k !== 'local') throw new TypeError('set needs a local')
    this.body.push({ k: 'set', i: l.i, t: l.t, v })
  }
  store(w: StoreWidth, addr: Expr, v: Expr, off = 0): void {
    this.body.push({ k: 'store', w, addr, off, v })
  }
  /** `then` and `otherwise` emit the branches. */
  if(c: Expr, then: () => void, otherwise?: () => void): void {
    const outer = this.body
    const collect = (f?: () => void): Stmt[] => {
      this.body = []
      this.depth++
      f?.()
      this.depth--
      const got = this.body
      this.body = outer
      return got
    }
    outer.push({ k: 'if', c, yes: collect(then), no: collect(otherwise) })
  }
  doWhile(body: () => void, condition: () => Expr): void {
    const outer = this.body
    this.body = []
    this.depth++
    body()
    this.depth--
    const inner = this.body
    this.body = outer
    outer.push({ k: 'do', body: inner, while: condition() })
  }
  exit(to: Exit): void {
    this.body.push({ k: 'exit', to })
  }

  /* ---- state words ---- */

  word(at: number): Expr {
    return load('32', c32(at))
  }
  setWord(at: number, v: Expr): void {
    this.store('32', c32(at), v)
  }
}
