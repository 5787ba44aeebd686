/**
 * Misses of the TLB: page walks through tables in RAM (SDM vol. 3A 4.3, 4.4), and what they say, a page or a #PF. As in
 * mmu/walk.ts and mmu/tlb.ts, which do everything else: bits to be set, large pages, devices, code, watched data.
 */
import { c32, type Expr, type LoadWidth, load, type StoreWidth } from '../ir/ir.ts'
import { LIST_SIZE, SLOW_SIZE } from '../mmu/tlb.ts'
import { PF_P, PF_U, PF_W, PTE_A, PTE_D, PTE_G, PTE_P, PTE_PS, PTE_RW, PTE_US } from '../mmu/walk.ts'
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
  TLB_LOCAL,
  TLB_LOCAL_COUNT,
  TLB_READ,
  TLB_SLOW,
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
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'

/** The shortcut that the others ask: see `page`. */
const PAGE = 'page'
/** Bit 0 of an entry of the tables, which low 12 bits are FFDH; an answer without it is a fault's code, or 0. */
const ENTRY = 1
/** Set in an answer that is a fault's code, which may be 0. The code's own bits are moved up by one. */
const FAULTS = 0x100
const CODE_MASK = 0xff

/** Index of a page's word in a table. */
const wordOf = (b: ShortcutBuilder, lin: Expr): Expr => b.let(b.shl(b.shr(lin, 12), 2))

/** A physical page below 4 GB that is RAM and nothing else; declines for others. */
function requireRam(b: ShortcutBuilder, pa: Expr): void {
  b.declineIf(b.cmp('ge_u', pa, b.word(RAM_SIZE)))
  b.declineIf(load('8u', b.shr(pa, 12), PAGE_FLAGS))
}
/** An entry of a paging structure at physical address `pa`. */
function entryAt(b: ShortcutBuilder, pa: Expr, off = 0): Expr {
  return b.let(load('32', pa, RAM + off))
}

/**
 * The entry of the current level's table for an access to `lin` of PF_W and PF_U, filled if need be; or FAULTS and the
 * error code. 0: not known here.
 */
function page(b: ShortcutBuilder, lin: Expr, access: Expr): void {
  const at = wordOf(b, lin)
  const write = b.let(b.and(access, PF_W))
  const user = b.let(b.and(access, PF_U))
  const there = b.let(load('32', b.add(at, b.select(write, b.word(TLB_WRITE), b.word(TLB_READ)))))
  b.if(there, () => b.answer(there))
  const paging = b.and(b.word(CR0), CR0_PG)
  const special = b.or(b.and(b.word(EFLAGS_SYS), FLAG_AC), b.and(b.word(DR + 7 * 8), DR7_ENABLED))
  b.declineIf(b.or(b.or(special, b.eqz(paging)), b.not(b.word(A20_MASK))))
  // A translation that has no place in the tables may be older than what memory says now.
  const slot = b.and(b.xor(b.shr(lin, 12), b.shl(access, 5)), SLOW_SIZE - 1)
  const key = b.or(b.shr(lin, 12), b.shl(access, 20))
  b.declineIf(b.cmp('eq', load('32', b.shl(slot, 2), TLB_SLOW), key))

  const fault = (present: number): void => b.answer(b.or(b.shl(access, 1), FAULTS | (present << 1)))
  const unlessPresent = (entry: Expr): void => b.if(b.eqz(b.and(entry, PTE_P)), () => fault(0))
  const unlessAllowed = (rights: Expr): void => {
    const outside = b.and(b.bool(user), b.eqz(b.and(rights, PTE_US)))
    const guarded = b.or(user, b.and(b.word(CR0), CR0_WP))
    const readOnly = b.and(b.and(b.bool(write), b.eqz(b.and(rights, PTE_RW))), b.bool(guarded))
    b.if(b.or(outside, readOnly), () => fault(PF_P))
  }
  const rights = b.temp('i32')
  const leaf = b.temp('i32')
  /** Both levels have been read; the walk ends in a small page. */
  const found = (pde: Expr, pte: Expr): void => {
    b.set(rights, b.and(pde, pte))
    unlessAllowed(rights)
    b.declineIf(b.eqz(b.and(rights, PTE_A)))
    b.set(leaf, pte)
  }
  b.if(
    b.and(b.word(CR4), CR4_PAE),
    () => {
      const nx = b.and(b.word(EFER), EFER_NXE)
      // Addresses from 4 GB up, reserved bits, and bit 63 where it is one.
      const beyond = b.let(b.select(nx, c32(0x7fffffff), c32(-1)))
      const pdpte = b.let(b.add(b.shl(b.shr(lin, 30), 3), PDPTE))
      const low = b.let(load('32', pdpte))
      unlessPresent(low)
      b.declineIf(load('32', pdpte, 4))
      const pdeAt = b.let(b.add(b.and(low, ~0xfff), b.and(b.shr(lin, 18), 0xff8)))
      requireRam(b, pdeAt)
      const pde = entryAt(b, pdeAt)
      unlessPresent(pde)
      b.declineIf(b.or(b.and(entryAt(b, pdeAt, 4), beyond), b.and(pde, PTE_PS)))
      const pteAt = b.let(b.add(b.and(pde, ~0xfff), b.and(b.shr(lin, 9), 0xff8)))
      requireRam(b, pteAt)
      const pte = entryAt(b, pteAt)
      unlessPresent(pte)
      b.declineIf(b.and(entryAt(b, pteAt, 4), beyond))
      found(pde, pte)
    },
    () => {
      const pdeAt = b.let(b.add(b.and(b.word(CR3), ~0xfff), b.and(b.shr(lin, 20), 0xffc)))
      requireRam(b, pdeAt)
      const pde = entryAt(b, pdeAt)
      unlessPresent(pde)
      b.declineIf(b.and(b.bool(b.and(pde, PTE_PS)), b.bool(b.and(b.word(CR4), CR4_PSE))))
      const pteAt = b.let(b.add(b.and(pde, ~0xfff), b.and(b.shr(lin, 10), 0xffc)))
      requireRam(b, pteAt)
      const pte = entryAt(b, pteAt)
      unlessPresent(pte)
      found(pde, pte)
    },
  )
  b.declineIf(b.and(b.bool(write), b.eqz(b.and(leaf, PTE_D))))
  const frame = b.let(b.and(leaf, ~0xfff))
  requireRam(b, frame)
  fill(b, lin, at, frame, rights, leaf)
  b.answer(load('32', b.add(at, b.select(write, b.word(TLB_WRITE), b.word(TLB_READ)))))
}

/** Enters a page of RAM into the tables: `fill` of mmu/tlb.ts. */
function fill(b: ShortcutBuilder, lin: Expr, at: Expr, frame: Expr, rights: Expr, leaf: Expr): void {
  const number = b.let(b.shr(lin, 12))
  b.if(b.eqz(load('32', at, TLB_SUPERVISOR_READ)), () => {
    const global = b.let(b.and(b.bool(b.and(leaf, PTE_G)), b.bool(b.and(b.word(CR4), CR4_PGE))))
    const counter = b.let(b.select(global, c32(TLB_GLOBAL_COUNT), c32(TLB_LOCAL_COUNT)))
    const count = b.let(load('32', counter))
    b.declineIf(b.cmp('ge_u', count, LIST_SIZE))
    b.store('32', b.add(b.shl(count, 2), b.select(global, c32(TLB_GLOBAL), c32(TLB_LOCAL))), number)
    b.store('32', counter, b.add(count, 1))
  })
  const entry = b.let(b.sub(b.add(frame, RAM - 3), b.and(lin, ~0xfff)))
  const when = (condition: Expr): Expr => b.select(condition, entry, c32(0))
  const user = b.let(b.and(rights, PTE_US))
  const dirty = b.let(b.bool(b.and(leaf, PTE_D)))
  const writable = b.let(b.and(b.bool(b.and(rights, PTE_RW)), dirty))
  const inside = b.let(b.and(dirty, b.or(writable, b.eqz(b.and(b.word(CR0), CR0_WP)))))
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

/**
 * `page` for an access at the current level; declines when that does not know, and answers 0 for a fault, which is announced
 * if `announced`.
 */
function access(b: ShortcutBuilder, lin: Expr, write: Expr | number, announced: Expr | true): Expr {
  const user = b.select(b.cmp('eq', b.word(CPL), 3), c32(PF_U), c32(0))
  const found = b.call(PAGE, lin, b.or(user, write))
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

/** What generated code hands over of an access of 1, 2 or 4 bytes; `each` gets its host address, less 3. */
function slow(
  b: ShortcutBuilder,
  lin: Expr,
  size: Expr,
  write: number,
  each: (width: '8' | '16' | '32', host: Expr) => void,
): void {
  b.declineIf(b.cmp('gt_u', b.add(b.and(lin, 0xfff), size), 4096))
  const host = b.let(b.add(lin, access(b, lin, write, true)))
  b.if(b.cmp('eq', size, 4), () => each('32', host))
  b.if(b.cmp('eq', size, 2), () => each('16', host))
  each('8', host)
}
const read =
  (write: number) =>
  (b: ShortcutBuilder, lin: Expr, size: Expr): void =>
    slow(b, lin, size, write, (w, host) => b.answer(load((w === '32' ? w : `${w}u`) as LoadWidth, host, 3)))

/** A look-up of translate/page-lookups.ts, as `pageForRegion` does it. */
function regionPage(b: ShortcutBuilder, low: Expr, what: Expr): void {
  const lin = b.let(b.add(low, b.and(b.shr(what, LOOKUP_OFFSET), LOOKUP_OFFSETS)))
  const write = b.let(b.and(what, LOOKUP_WRITE))
  const entry = access(b, lin, b.select(write, c32(PF_W), c32(0)), b.and(what, LOOKUP_PLAIN))
  const table = b.let(b.select(write, b.word(TLB_WRITE), b.word(TLB_READ)))
  const last = b.sub(b.add(low, b.and(b.shr(what, LOOKUP_SPAN), LOOKUP_SPANS)), 1)
  const at = (address: Expr): Expr => load('32', b.add(table, wordOf(b, b.let(address))))
  const elsewhere = b.or(b.xor(at(low), entry), b.xor(at(last), entry))
  b.answer(b.select(elsewhere, c32(0), entry))
}

export const PAGING: readonly Shortcut[] = [
  shortcut(PAGE, 2, page, false),
  shortcut('slowRead', 2, read(0)),
  shortcut('slowReadForWrite', 2, read(PF_W)),
  shortcut('slowWrite', 3, (b, lin, size, value) =>
    slow(b, lin, size, PF_W, (w: StoreWidth, host) => {
      b.store(w, host, value, 3)
      b.answer(0)
    }),
  ),
  shortcut('regionPage', 2, regionPage),
]
