/**
 * Look-ups of guest pages in a region. Accesses of one basic block that have their base in common and lie close together
 * are looked up once: the first of them checks that all of them are in one page (or in pages that lie together in RAM),
 * and the others use its host address.
 */
import { c32, cmp, type Expr, load, type Stmt } from '../ir/ir.ts'
import type { Emitter } from '../isa/emitter.ts'
import { TLB_SUPERVISOR_READ, TLB_SUPERVISOR_WRITE, TLB_USER_READ, TLB_USER_WRITE } from '../state.ts'

import { LOOKUP_OFFSET, LOOKUP_PLAIN, LOOKUP_SPAN, LOOKUP_WRITE } from './lookup-word.ts'

/** Bytes that the accesses of one look-up span at most: the more, the more often they straddle two pages. */
const SPAN = 192
const PAGE = 0x1000

interface Lookup {
  readonly key: string
  readonly write: boolean
  readonly base: Expr | null
  /** Host address of the lowest access, less 3. */
  readonly host: Expr & { k: 'local' }
  low: number
  high: number
  /** Accesses, to be told how far from the lowest they are. */
  readonly users: { at: number; offset: { v: number } }[]
  open: boolean
  finish(): void
}

/** What an access needs of a look-up: all of [low, high), of which the access itself may be anywhere. */
interface Reach {
  readonly key: string
  readonly base: Expr | null
  readonly low: number
  readonly high: number
  /** Of the access from the lowest: what varies, and what does not. */
  readonly varies: Expr | null
  readonly at: number
}

/** Names of the leaves of an address, so that equal names are equal values. */
function name(e: Expr): string {
  switch (e.k) {
    case 'local':
      return `${e.t}${e.i}`
    case 'const':
      return `${e.v}`
    case 'bin':
      return `(${name(e.a)}${e.op}${name(e.b)})`
    default:
      throw new Error(`an address of ${e.k}`)
  }
}

/** An address as a sum of something and a constant. */
function split(e: Expr): { base: Expr | null; at: number } {
  if (e.k === 'const') return { base: null, at: Number(e.v) }
  if (e.k === 'bin' && e.op === 'add') {
    if (e.b.k === 'const') return { base: e.a, at: Number(e.b.v) }
    const [a, b] = [split(e.a), split(e.b)]
    const at = (a.at + b.at) | 0
    if (a.base === null) return { base: b.base, at }
    if (b.base === null) return { base: a.base, at }
    return { base: { k: 'bin', t: 'i32', op: 'add', a: a.base, b: b.base }, at }
  }
  if (e.k === 'bin' && e.op === 'shl' && e.b.k === 'const') {
    const a = split(e.a)
    const n = Number(e.b.v)
    if (a.base === null) return { base: null, at: a.at << n }
    return { base: { k: 'bin', t: 'i32', op: 'shl', a: a.base, b: e.b }, at: a.at << n }
  }
  return { base: e, at: 0 }
}
/** Nothing in an address changes any more. */
const settled = (e: Expr): boolean =>
  e.k === 'local' || e.k === 'const' || (e.k === 'bin' && settled(e.a) && settled(e.b))

/** The largest value that an expression can have, unsigned; anything above 32 bits where that is not known. */
export type Most = (e: Expr) => number

/**
 * `size` bytes at an address. An index that is known to be small, into a table that does not cross a page, needs that page
 * and no other: its look-up waits for nothing.
 */
function reach(address: Expr, size: number, most: Most): Reach {
  const { base, at } = split(address)
  if (base === null) return { key: `page ${at >>> 12}`, base, low: at, high: at + size, varies: null, at }
  if ((at & (PAGE - 1)) + most(base) + size > PAGE)
    return { key: name(base), base, low: at, high: at + size, varies: null, at }
  const low = at & -PAGE
  return { key: `page ${at >>> 12}`, base: null, low, high: low + PAGE, varies: base, at }
}

export class PageLookups {
  readonly #user: boolean
  readonly #most: Most
  #known: Lookup[] = []
  /** Shared by all copies: the addresses that `find` gave out, and every look-up there ever was. */
  readonly #hosts: Set<Expr>
  readonly #all: Lookup[]

  constructor(user: boolean, most: Most, family?: PageLookups) {
    this.#user = user
    this.#most = most
    this.#hosts = family === undefined ? new Set() : family.#hosts
    this.#all = family === undefined ? [] : family.#all
  }
  /** What is known here, for a path of its own: look-ups that are still open belong to the path they began on. */
  copy(): PageLookups {
    const copy = new PageLookups(this.#user, this.#most, this)
    copy.#known = [...this.#known]
    return copy
  }
  isHost(e: Expr): boolean {
    return this.#hosts.has(e)
  }
  /** No access joins the look-ups so far, unless it lies within. */
  close(): void {
    for (const l of this.#known) {
      if (l.open) l.finish()
      l.open = false
    }
  }
  /** Closes every look-up of the region. */
  closeAll(): void {
    for (const l of this.#all) {
      if (l.open) l.finish()
      l.open = false
    }
  }
  /** Nothing that was looked up holds any more. */
  forget(): void {
    this.close()
    this.#known = []
  }

  /**
   * Host address, less 3, of `size` bytes at `lin`. A new look-up calls helper `regionPage` when the TLB does not have the
   * page; when that cannot help, the statements of `decline` leave the region. `plain`: a #PF of the access is all that its
   * instruction can end by here.
   */
  find(b: Emitter, size: number, lin: Expr, write: boolean, plain: boolean, decline: () => Stmt[]): Expr {
    const to = reach(settled(lin) ? lin : b.let(lin), size, this.#most)
    for (let n = this.#known.length - 1; n >= 0; n--) {
      const l = this.#known[n]
      if (l.key !== to.key || (write && !l.write)) continue
      const within = to.low >= l.low && to.high <= l.high
      if (!within) {
        if (!l.open) continue
        const [low, high] = [Math.min(l.low, to.low), Math.max(l.high, to.high)]
        if (high - low > SPAN) continue
        l.low = low
        l.high = high
      }
      return this.#use(l, to)
    }
    return this.#use(this.#begin(b, to, write, plain, decline), to)
  }

  #use(l: Lookup, { varies, at }: Reach): Expr {
    const offset = { k: 'const', t: 'i32', v: at - l.low } as const
    if (l.open) l.users.push({ at, offset: offset as { v: number } })
    const from: Expr = varies === null ? l.host : { k: 'bin', t: 'i32', op: 'add', a: l.host, b: varies }
    const host: Expr = { k: 'bin', t: 'i32', op: 'add', a: from, b: offset }
    this.#hosts.add(host)
    return host
  }

  #begin(
    b: Emitter,
    { key, base, low, high, varies, at }: Reach,
    write: boolean,
    plain: boolean,
    decline: () => Stmt[],
  ): Lookup {
    const check: Stmt[] = []
    b.body.push({ k: 'seq', body: check })
    const [lowest, entry, host] = [b.temp('i32'), b.temp('i32'), b.temp('i32')]
    const leave = decline()
    const table = this.#user
      ? write
        ? TLB_USER_WRITE
        : TLB_USER_READ
      : write
        ? TLB_SUPERVISOR_WRITE
        : TLB_SUPERVISOR_READ
    const lookup: Lookup = {
      key,
      write,
      base,
      host,
      low,
      high,
      users: [],
      open: true,
      finish() {
        const { low, high } = lookup
        for (const u of lookup.users) u.offset.v = u.at - low
        const outer = b.body
        b.body = check
        const from = base === null ? c32(low) : b.add(base, low)
        b.set(lowest, from)
        const page = b.shl(b.shr(lowest, 12), 2)
        b.set(entry, load('32', page, table))
        // Where the access may be anywhere, so may its fault: the interpreter says where. One byte stands for the page.
        const span = varies === null ? high - low : 1
        const within = b.and(lowest, 0xfff)
        const bad =
          span === 1 ? b.eqz(entry) : cmp('ge_u', span > 4 ? b.add(within, span - 4) : within, b.and(entry, 0xfff))
        const what =
          (write ? LOOKUP_WRITE : 0) |
          (span << LOOKUP_SPAN) |
          ((varies === null ? at - low : 0) << LOOKUP_OFFSET) |
          (plain && varies === null ? LOOKUP_PLAIN : 0)
        const fill: Stmt[] = [
          {
            k: 'set',
            i: entry.i,
            t: 'i32',
            v: { k: 'call', t: 'i32', fn: 'regionPage', args: [lowest, c32(what)] },
          },
          { k: 'if', c: b.eqz(entry), yes: leave, no: [] },
        ]
        b.body.push({ k: 'if', c: bad, yes: fill, no: [] })
        b.set(host, b.add(lowest, entry))
        b.body = outer
      },
    }
    this.#known.push(lookup)
    this.#all.push(lookup)
    return lookup
  }
}
