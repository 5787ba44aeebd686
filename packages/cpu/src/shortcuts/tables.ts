/** What shortcuts know of descriptor tables and segment registers (SDM vol. 3A 3.4). */
import { type Expr, load } from '../ir/ir.ts'
import {
  CPL,
  CR0,
  CR0_PE,
  EFLAGS_SYS,
  FLAG_AC,
  FLAG_VM,
  GDTR_BASE,
  GDTR_LIMIT,
  MONITORED,
  SEG_ATTR,
  SEG_BASE,
  SEG_LIMIT,
  SEG_SELECTOR,
  TLB_READ,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_USER_READ,
  TLB_USER_WRITE,
  TLB_WRITE,
} from '../state.ts'
import { ATTR_DB, ATTR_EC, ATTR_G, ATTR_LEVEL, ATTR_MASK } from '../sys/descriptors.ts'
import type { ShortcutBuilder } from './module.ts'

/** Code descriptor: present, code, not conforming, accessed. */
const CODE_BITS = 0x9d00
const PLAIN_CODE = 0x9900
/** Data descriptor: present, data, not expand-down, writable, accessed. */
const DATA_BITS = 0x9f00
const PLAIN_DATA = 0x9300

/**
 * Host address of `bytes` bytes at `lin` by a TLB table: one of the four, or that of the current level. Declines when they
 * are not there in one page.
 */
export function hostAddress(b: ShortcutBuilder, table: number, lin: Expr, bytes: number | Expr): Expr {
  const at = b.let(lin)
  const page = b.shl(b.shr(at, 12), 2)
  const entry = b.let(
    table === TLB_READ || table === TLB_WRITE ? load('32', b.add(b.word(table), page)) : load('32', page, table),
  )
  const last = b.add(b.and(at, 0xfff), typeof bytes === 'number' ? bytes - 4 : b.sub(bytes, 4))
  b.declineIf(b.cmp('ge_u', last, b.and(entry, 0xfff)))
  return b.let(b.add(b.add(at, entry), 3))
}

/** Declines outside protected mode, under a monitor, and where alignment may be checked. `flags`: EFLAGS_SYS. */
export function requirePlain(b: ShortcutBuilder, flags: Expr): void {
  const protectedMode = b.and(b.word(CR0), CR0_PE)
  b.declineIf(b.or(b.or(b.eqz(protectedMode), b.and(flags, FLAG_VM | FLAG_AC)), b.word(MONITORED)))
}

/** What a segment register is filled with: `hi` is the descriptor's high word. */
export interface Shape {
  readonly hi: Expr
  readonly base: Expr
  readonly limit: Expr
}
/** A descriptor of the GDT. */
export interface Fetched extends Shape {
  readonly dpl: Expr
}

/** The GDT's descriptor for `selector`; declines for null selectors, the LDT, and what lies outside. */
export function fetchPlain(b: ShortcutBuilder, selector: Expr): Fetched {
  const wrong = b.or(b.and(selector, 4), b.cmp('lt_u', selector, 4))
  b.declineIf(b.or(wrong, b.cmp('gt_u', b.or(selector, 7), b.word(GDTR_LIMIT))))
  const at = hostAddress(b, TLB_SUPERVISOR_READ, b.add(b.word(GDTR_BASE), b.and(selector, 0xfff8)), 8)
  const lo = b.let(load('32', at))
  const hi = b.let(load('32', at, 4))
  const raw = b.let(b.or(b.and(lo, 0xffff), b.and(hi, 0xf0000)))
  return {
    hi,
    base: b.let(b.or(b.or(b.shr(lo, 16), b.shl(b.and(hi, 0xff), 16)), b.and(hi, 0xff000000 | 0))),
    limit: b.let(b.select(b.and(hi, ATTR_G), b.or(b.shl(raw, 12), 0xfff), raw)),
    dpl: b.let(b.and(b.shr(hi, 13), 3)),
  }
}
export function requireCode(b: ShortcutBuilder, d: Fetched): void {
  b.declineIf(b.cmp('ne', b.and(d.hi, CODE_BITS), PLAIN_CODE))
}
/** A writable data segment of level `level`, 32 bits wide. */
export function requireStack(b: ShortcutBuilder, d: Fetched, level: Expr): void {
  const plain = PLAIN_DATA | ATTR_DB
  b.declineIf(b.or(b.xor(b.and(d.hi, DATA_BITS | ATTR_DB), plain), b.xor(d.dpl, level)))
}
/** Declines unless every offset is valid in the stack segment whose register is at `seg`, and 32 bits wide. */
export function requireFlatStack(b: ShortcutBuilder, seg: number): void {
  const attr = b.xor(b.and(b.word(seg + SEG_ATTR), ATTR_DB | ATTR_EC), ATTR_DB)
  b.declineIf(b.or(b.not(b.word(seg + SEG_LIMIT)), attr))
}

/**
 * Declines unless the segment register at `seg` has base, limit and type of the descriptor already: rings differ in
 * selectors and levels only, and the words that accesses are checked by stay what they are.
 */
export function requireSame(b: ShortcutBuilder, seg: Expr, d: Shape): void {
  const moved = b.or(b.xor(load('32', seg, SEG_BASE), d.base), b.xor(load('32', seg, SEG_LIMIT), d.limit))
  b.declineIf(b.or(moved, b.and(b.xor(load('32', seg, SEG_ATTR), d.hi), ATTR_MASK & ~ATTR_LEVEL)))
}
/** What is left to be set then. */
export function setSame(b: ShortcutBuilder, seg: Expr, selector: Expr, d: Shape): void {
  b.store('32', seg, selector, SEG_SELECTOR)
  b.store('32', seg, b.and(d.hi, ATTR_MASK), SEG_ATTR)
}

/** Changes the privilege level (see Processor.setCpl); alignment checks are known to be off. */
export function setLevel(b: ShortcutBuilder, level: Expr): void {
  const user = b.let(b.cmp('eq', level, 3))
  b.setWord(TLB_READ, b.select(user, b.c(TLB_USER_READ), b.c(TLB_SUPERVISOR_READ)))
  b.setWord(TLB_WRITE, b.select(user, b.c(TLB_USER_WRITE), b.c(TLB_SUPERVISOR_WRITE)))
  b.setWord(CPL, level)
}
export const systemFlags = (b: ShortcutBuilder): Expr => b.let(b.word(EFLAGS_SYS))
