/**
 * Misses of the TLB: page walks through tables in RAM (SDM vol. 3A 4.3, 4.4), and what they say, a page or a #PF. As in
 * mmu/walk.ts and mmu/tlb.ts, which do everything else: devices, watched data, memory above 4 GB. A write into a page that
 * holds code is done where it does not overlap code, or no other than blocks of the page's own, which are dropped (drops.ts).
 */
import { c32, type Expr, type LoadWidth, load, type StoreWidth } from '../ir/ir.ts'
import { PAGE_CODE, PAGE_SHARED } from '../mmu/physical.ts'
import { LIST_SIZE, SLOW_SIZE } from '../mmu/tlb.ts'
import { PF_I, PF_P, PF_U, PF_W, PTE_A, PTE_D, PTE_G, PTE_P, PTE_PS, PTE_RW, PTE_US } from '../mmu/walk.ts'
import {
  A20_MASK,
  CPL,
  CR0,
  CR0_PG,
  CR0_WP,
  CR3,
  CR4,
  CR4_PAE,
  CR4_PGE,
  CR4_PSE,
  DR,
  EFER,
  EFER_NXE,
  EFLAGS_SYS,
  FAULT,
  FAULT_ADDRESS,
  FAULT_CODE,
  FAULT_PAGE,
  FLAG_AC,
  PAGE_FLAGS,
  PDPTE,
  RAM,
  RAM_SIZE,
  TLB_GLOBAL,
  TLB_GLOBAL_COUNT,
  TLB_LARGE,
  TLB_LOCAL,
  TLB_LOCAL_COUNT,
  TLB_READ,
  TLB_SLOW,
  TLB_SLOW_COUNT,
  TLB_SLOW_FRAMES,
  TLB_SLOW_GLOBAL,
  TLB_SLOW_USED,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_USER_READ,
  TLB_USER_WRITE,
  TLB_WRITE,
  TLB_WRITERS,
} from '../state.ts'
import { DR7_ENABLED } from '../sys/debug.ts'
import {
  LOOKUP_OFFSET,
  LOOKUP_OFFSETS,
  LOOKUP_PLAIN,
  LOOKUP_SPAN,
  LOOKUP_SPANS,
  LOOKUP_WRITE,
} from '../translate/lookup-word.ts'
import { DROP } from './drops.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'
import { requireRam, touchesCode } from './pages.ts'

/** The shortcut that the others ask: see `page`. */
const PAGE = 'page'
/** Bit 0 of an entry of the tables, which low 12 bits are FFDH; an answer without it is a fault's code, or 0. */
const ENTRY = 1
/** Set in an answer that is an entry for a write into a page that holds code. */
const CODE = 2
/** Set in the answer for a fetch from a page that is global. */
const GLOBAL = 2
/** Set in an answer that is a fault's code, which may be 0. The code's own bits are moved up by one. */
const FAULTS = 0x100
const CODE_MASK = 0xff

/** Index of a page's word in a table. */
const wordOf = (b: ShortcutBuilder, lin: Expr): Expr => b.let(b.shl(b.shr(lin, 12), 2))

/** An entry of a paging structure at physical address `pa`. */
function entryAt(b: ShortcutBuilder, pa: Expr, off = 0): Expr {
  return b.let(load('32', pa, RAM + off))
}
/** Entry of the tables for linear page `lin` and physical page `frame`. */
const entryFor = (b: ShortcutBuilder, lin: Expr, frame: Expr): Expr =>
  b.let(b.sub(b.add(frame, RAM - 3), b.and(lin, ~0xfff)))

/**
 * The entry of the current level's table for an access to `lin` of PF_W and PF_U, filled if need be; with CODE set, which
 * is not in the table, for a write into a page that holds code. For a fetch (PF_I) the tables are left alone, and it is the
 * physical page with ENTRY set, and GLOBAL. Or FAULTS and the error code. 0: not known here.
 */
function page(b: ShortcutBuilder, lin: Expr, access: Expr): void {
  const at = wordOf(b, lin)
  const write = b.let(b.and(access, PF_W))
  const user = b.let(b.and(access, PF_U))
  const there = b.let(load('32', b.add(at, b.select(write, b.word(TLB_WRITE), b.word(TLB_READ)))))
  const fetch = b.let(b.and(access, PF_I))
  b.if(there, () => b.if(b.eqz(fetch), () => b.answer(there)))
  b.declineIf(b.or(b.and(b.word(EFLAGS_SYS), FLAG_AC), b.and(b.word(DR + 7 * 8), DR7_ENABLED)))
  // A translation that has no place in the tables may be older than what memory says now.
  const slot = b.let(b.and(b.xor(b.shr(lin, 12), b.shl(access, 5)), SLOW_SIZE - 1))
  const key = b.let(b.or(b.shr(lin, 12), b.shl(access, 20)))
  b.if(b.cmp('eq', load('32', b.shl(slot, 2), TLB_SLOW), key), () => {
    const number = b.let(load('32', b.shl(slot, 2), TLB_SLOW_FRAMES))
    b.declineIf(b.cmp('ge_u', number, b.shr(b.word(RAM_SIZE), 12)))
    const flags = b.let(b.and(load('8u', number, PAGE_FLAGS), ~PAGE_SHARED))
    b.if(fetch, () => {
      b.declineIf(b.and(flags, ~PAGE_CODE))
      fetched(b, b.shl(number, 12), load('8u', slot, TLB_SLOW_GLOBAL))
    })
    b.declineIf(b.or(b.eqz(write), b.xor(flags, PAGE_CODE)))
    b.answer(b.or(entryFor(b, lin, b.shl(number, 12)), CODE))
  })
  b.declineIf(b.or(b.eqz(b.and(b.word(CR0), CR0_PG)), b.not(b.word(A20_MASK))))
  b.declineIf(b.cmp('ge_u', b.word(TLB_LOCAL_COUNT), LIST_SIZE))
  b.declineIf(b.cmp('ge_u', b.word(TLB_GLOBAL_COUNT), LIST_SIZE))

  const fault = (present: number): void => b.answer(b.or(b.shl(access, 1), FAULTS | (present << 1)))
  const unlessPresent = (entry: Expr): void => b.if(b.eqz(b.and(entry, PTE_P)), () => fault(0))
  const unlessAllowed = (rights: Expr): void => {
    const outside = b.and(b.bool(user), b.eqz(b.and(rights, PTE_US)))
    const guarded = b.or(user, b.and(b.word(CR0), CR0_WP))
    const readOnly = b.and(b.and(b.bool(write), b.eqz(b.and(rights, PTE_RW))), b.bool(guarded))
    b.if(b.or(outside, readOnly), () => fault(PF_P))
  }
  const [rights, leaf, frame, flags] = [b.temp('i32'), b.temp('i32'), b.temp('i32'), b.temp('i32')]
  const marks = b.let(b.or(b.select(write, c32(PTE_D), c32(0)), PTE_A))
  /** Sets bits of the entry at `pa` that are not set. */
  const mark = (pa: Expr, entry: Expr, bits: Expr): void =>
    b.if(b.and(b.not(entry), bits), () => b.store('32', pa, b.or(entry, bits), RAM))
  /** The walk ends in an entry with bits `all` of its own and those above, for the page at `where`. */
  const found = (all: Expr, entry: Expr, where: Expr): void => {
    b.set(rights, all)
    unlessAllowed(rights)
    b.set(frame, where)
    b.set(flags, requireRam(b, frame, PAGE_CODE | PAGE_SHARED))
    b.set(leaf, b.or(entry, marks))
  }
  const small = (pdeAt: Expr, pde: Expr, pteAt: Expr, pte: Expr): void => {
    found(b.and(pde, pte), pte, b.and(pte, ~0xfff))
    mark(pdeAt, pde, c32(PTE_A))
    mark(pteAt, pte, marks)
  }
  /** The same for a page of `size` bytes in a directory's entry, where some of its bits are `reserved` or not looked at. */
  const large = (pdeAt: Expr, pde: Expr, size: number, reserved: number): void => {
    b.declineIf(b.and(pde, reserved))
    found(pde, pde, b.or(b.and(pde, -size), b.and(lin, size - 4096)))
    mark(pdeAt, pde, marks)
    b.store('8', b.shr(lin, 22), c32(1), TLB_LARGE)
  }
  b.if(
    b.and(b.word(CR4), CR4_PAE),
    () => {
      const nx = b.and(b.bool(b.and(b.word(EFER), EFER_NXE)), b.eqz(fetch))
      // Addresses from 4 GB up, reserved bits, and bit 63 where it is one, or forbids what is wanted.
      const beyond = b.let(b.select(nx, c32(0x7fffffff), c32(-1)))
      const pdpte = b.let(b.add(b.shl(b.shr(lin, 30), 3), PDPTE))
      const low = b.let(load('32', pdpte))
      unlessPresent(low)
      b.declineIf(load('32', pdpte, 4))
      const pdeAt = b.let(b.add(b.and(low, ~0xfff), b.and(b.shr(lin, 18), 0xff8)))
      requireRam(b, pdeAt)
      const pde = entryAt(b, pdeAt)
      unlessPresent(pde)
      b.declineIf(b.and(entryAt(b, pdeAt, 4), beyond))
      b.if(
        b.and(pde, PTE_PS),
        () => large(pdeAt, pde, 0x200000, 0x1fe000),
        () => {
          const pteAt = b.let(b.add(b.and(pde, ~0xfff), b.and(b.shr(lin, 9), 0xff8)))
          requireRam(b, pteAt)
          const pte = entryAt(b, pteAt)
          unlessPresent(pte)
          b.declineIf(b.and(entryAt(b, pteAt, 4), beyond))
          small(pdeAt, pde, pteAt, pte)
        },
      )
    },
    () => {
      const pdeAt = b.let(b.add(b.and(b.word(CR3), ~0xfff), b.and(b.shr(lin, 20), 0xffc)))
      requireRam(b, pdeAt)
      const pde = entryAt(b, pdeAt)
      unlessPresent(pde)
      b.if(
        b.and(b.bool(b.and(pde, PTE_PS)), b.bool(b.and(b.word(CR4), CR4_PSE))),
        // Bits 16:13 are those of the address from 4 GB up.
        () => large(pdeAt, pde, 0x400000, 0x3fe000),
        () => {
          const pteAt = b.let(b.add(b.and(pde, ~0xfff), b.and(b.shr(lin, 10), 0xffc)))
          requireRam(b, pteAt)
          const pte = entryAt(b, pteAt)
          unlessPresent(pte)
          small(pdeAt, pde, pteAt, pte)
        },
      )
    },
  )
  const remember = (): void => {
    b.store('32', b.shl(slot, 2), key, TLB_SLOW)
    b.store('32', b.shl(slot, 2), b.shr(frame, 12), TLB_SLOW_FRAMES)
    b.store('8', slot, isGlobal(b, leaf), TLB_SLOW_GLOBAL)
    const count = b.let(b.word(TLB_SLOW_COUNT))
    b.store('16', b.shl(b.and(count, SLOW_SIZE - 1), 1), slot, TLB_SLOW_USED)
    b.setWord(TLB_SLOW_COUNT, b.add(count, 1))
  }
  b.if(fetch, () => {
    remember()
    fetched(b, frame, isGlobal(b, leaf))
  })
  fill(b, lin, at, frame, rights, leaf, flags)
  b.if(b.and(b.bool(flags), b.bool(b.and(leaf, PTE_D))), () => {
    remember()
    b.if(write, () => b.answer(b.or(entryFor(b, lin, frame), CODE)))
  })
  b.answer(load('32', b.add(at, b.select(write, b.word(TLB_WRITE), b.word(TLB_READ)))))
}

function fetched(b: ShortcutBuilder, page: Expr, global: Expr): void {
  b.answer(b.or(b.or(page, ENTRY), b.select(global, c32(GLOBAL), c32(0))))
}
/** Physical page of `lin` for fetches at the current level; declines for what `page` does not know, and for faults. */
export function fetchPage(b: ShortcutBuilder, lin: Expr): { page: Expr; global: Expr } {
  const found = b.call(PAGE, lin, b.or(userBit(b), PF_I))
  b.declineIf(b.eqz(b.and(found, ENTRY)))
  return { page: b.let(b.and(found, ~0xfff)), global: b.let(b.and(found, GLOBAL)) }
}

const isGlobal = (b: ShortcutBuilder, leaf: Expr): Expr =>
  b.and(b.bool(b.and(leaf, PTE_G)), b.bool(b.and(b.word(CR4), CR4_PGE)))

/** Enters a page of RAM into the tables, whose lists have room: `fill` of mmu/tlb.ts. */
function fill(b: ShortcutBuilder, lin: Expr, at: Expr, frame: Expr, rights: Expr, leaf: Expr, flags: Expr): void {
  const number = b.let(b.shr(lin, 12))
  b.if(b.eqz(load('32', at, TLB_SUPERVISOR_READ)), () => {
    const global = b.let(isGlobal(b, leaf))
    const counter = b.let(b.select(global, c32(TLB_GLOBAL_COUNT), c32(TLB_LOCAL_COUNT)))
    const count = b.let(load('32', counter))
    b.store('32', b.add(b.shl(count, 2), b.select(global, c32(TLB_GLOBAL), c32(TLB_LOCAL))), number)
    b.store('32', counter, b.add(count, 1))
  })
  const entry = entryFor(b, lin, frame)
  const when = (condition: Expr): Expr => b.select(condition, entry, c32(0))
  const user = b.let(b.and(rights, PTE_US))
  const writes = b.let(b.and(b.bool(b.and(leaf, PTE_D)), b.eqz(flags)))
  const writable = b.let(b.and(b.bool(b.and(rights, PTE_RW)), writes))
  const inside = b.let(b.and(writes, b.or(writable, b.eqz(b.and(b.word(CR0), CR0_WP)))))
  b.store('32', at, entry, TLB_SUPERVISOR_READ)
  b.store('32', at, when(user), TLB_USER_READ)
  b.store('32', at, when(inside), TLB_SUPERVISOR_WRITE)
  b.store('32', at, when(b.and(writable, b.bool(user))), TLB_USER_WRITE)
  b.if(inside, () => {
    const writer = b.let(b.shr(frame, 10))
    const before = b.let(load('32', writer, TLB_WRITERS))
    const only = b.let(b.add(number, 1))
    const several = b.and(b.bool(before), b.cmp('ne', before, only))
    b.store('32', writer, b.select(several, c32(-1), only), TLB_WRITERS)
  })
}

/** PF_U at privilege level 3. */
const userBit = (b: ShortcutBuilder): Expr => b.select(b.cmp('eq', b.word(CPL), 3), c32(PF_U), c32(0))

/**
 * `page` for an access at the current level; declines when that does not know, and answers 0 for a fault, which is announced
 * if `announced`.
 */
function access(b: ShortcutBuilder, lin: Expr, write: Expr | number, announced: Expr | true): Expr {
  const found = b.call(PAGE, lin, b.or(userBit(b), write))
  b.declineIf(b.eqz(found))
  const announce = (): void => {
    b.setWord(FAULT_CODE, b.shr(b.and(found, CODE_MASK), 1))
    b.setWord(FAULT_ADDRESS, lin)
    b.setWord(FAULT, c32(FAULT_PAGE))
  }
  b.if(b.eqz(b.and(found, ENTRY)), () => {
    if (announced === true) announce()
    else b.if(announced, announce)
    b.answer(0)
  })
  return found
}

/** Drops the code that a write of `bytes` bytes at `host`, all in one page of RAM, overlaps; or declines. */
function dropCode(b: ShortcutBuilder, host: Expr, bytes: Expr): void {
  const pa = b.let(b.sub(host, RAM))
  b.if(touchesCode(b, pa, bytes), () => b.declineIf(b.eqz(b.call(DROP, pa, b.add(pa, bytes)))))
}

/**
 * Host address of `bytes` bytes at `lin`, all in one page, for an access at the current level. Declines for what `page` does
 * not know, for faults, and for writes into other code than blocks of the page's own.
 */
export function hostOf(b: ShortcutBuilder, lin: Expr, bytes: Expr, write: boolean): Expr {
  const entry = b.temp('i32')
  b.set(entry, load('32', b.add(b.word(write ? TLB_WRITE : TLB_READ), wordOf(b, lin))))
  b.if(b.eqz(entry), () => {
    b.set(entry, b.call(PAGE, lin, b.or(userBit(b), write ? PF_W : 0)))
    b.declineIf(b.eqz(b.and(entry, ENTRY)))
    if (!write) return
    b.if(b.and(entry, CODE), () => {
      b.set(entry, b.xor(entry, CODE))
      dropCode(b, b.let(b.add(b.add(lin, entry), 3)), bytes)
    })
  })
  return b.let(b.add(b.add(lin, entry), 3))
}

/** An access that writes now, where PF_W alone is one that will. */
const STORE = PF_W | 1

/**
 * What generated code hands over of an access of 1, 2 or 4 bytes, for writing if PF_W is in `write`; `each` gets its host
 * address, less 3.
 */
function slow(
  b: ShortcutBuilder,
  lin: Expr,
  size: Expr,
  write: number,
  each: (width: '8' | '16' | '32', host: Expr) => void,
): void {
  b.declineIf(b.cmp('gt_u', b.add(b.and(lin, 0xfff), size), 4096))
  const entry = access(b, lin, write & PF_W, true)
  const host = b.let(b.add(lin, b.and(entry, ~CODE)))
  if (write === STORE) b.if(b.and(entry, CODE), () => dropCode(b, b.let(b.add(host, 3)), size))
  b.if(b.cmp('eq', size, 4), () => each('32', host))
  b.if(b.cmp('eq', size, 2), () => each('16', host))
  each('8', host)
}
const read =
  (write: number) =>
  (b: ShortcutBuilder, lin: Expr, size: Expr): void =>
    slow(b, lin, size, write, (w, host) => b.answer(load((w === '32' ? w : `${w}u`) as LoadWidth, host, 3)))

/**
 * A look-up of translate/page-lookups.ts, as `pageForRegion` does it; and for a write into a page that holds code, as long
 * as it holds none in the lines looked up.
 */
function regionPage(b: ShortcutBuilder, low: Expr, what: Expr): void {
  const lin = b.let(b.add(low, b.and(b.shr(what, LOOKUP_OFFSET), LOOKUP_OFFSETS)))
  const write = b.let(b.and(what, LOOKUP_WRITE))
  const span = b.let(b.and(b.shr(what, LOOKUP_SPAN), LOOKUP_SPANS))
  const entry = access(b, lin, b.select(write, c32(PF_W), c32(0)), b.and(what, LOOKUP_PLAIN))
  b.if(b.and(entry, CODE), () => {
    b.if(b.cmp('gt_u', b.add(b.and(low, 0xfff), span), 4096), () => b.answer(0))
    const plain = b.let(b.xor(entry, CODE))
    b.answer(b.select(touchesCode(b, b.let(b.add(b.add(low, plain), 3 - RAM)), span), c32(0), plain))
  })
  const table = b.let(b.select(write, b.word(TLB_WRITE), b.word(TLB_READ)))
  const at = (address: Expr): Expr => load('32', b.add(table, wordOf(b, b.let(address))))
  const elsewhere = b.or(b.xor(at(low), entry), b.xor(at(b.sub(b.add(low, span), 1)), entry))
  b.answer(b.select(elsewhere, c32(0), entry))
}

export const PAGING: readonly Shortcut[] = [
  shortcut(PAGE, 2, page, false),
  shortcut('slowRead', 2, read(0)),
  shortcut('slowReadForWrite', 2, read(PF_W)),
  shortcut('slowWrite', 3, (b, lin, size, value) =>
    slow(b, lin, size, STORE, (w: StoreWidth, host) => {
      b.store(w, host, value, 3)
      b.answer(0)
    }),
  ),
  shortcut('regionPage', 2, regionPage),
]
