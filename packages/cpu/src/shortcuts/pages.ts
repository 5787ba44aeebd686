/** What several shortcuts have to do with physical pages, and with translations that have no place in the TLB. */
import { c32, c64, type Expr, load } from '../ir/ir.ts'
import { SLOW_SIZE } from '../mmu/tlb.ts'
import { CODE_LINES, PAGE_FLAGS, RAM_SIZE, TLB_SLOW, TLB_SLOW_COUNT, TLB_SLOW_USED } from '../state.ts'
import type { ShortcutBuilder } from './module.ts'

/** A physical page below 4 GB that is RAM, and flagged as nothing else but maybe what `allowed` says; its flags. */
export function requireRam(b: ShortcutBuilder, pa: Expr, allowed = 0): Expr {
  b.declineIf(b.cmp('ge_u', pa, b.word(RAM_SIZE)))
  const flags = b.let(load('8u', b.shr(pa, 12), PAGE_FLAGS))
  b.declineIf(b.and(flags, ~allowed))
  return flags
}

/** The 64-byte lines that `bytes` bytes at physical address `pa`, all in one page, lie in: bit n for line n. */
export function linesOf(b: ShortcutBuilder, pa: Expr, bytes: Expr): Expr {
  const first = b.let(b.and(b.shr(pa, 6), 63))
  const last = b.and(b.shr(b.sub(b.add(pa, bytes), 1), 6), 63)
  const some = b.op('shr_u', c64(-1n), b.un('extend_u', b.sub(b.add(first, 63), last)))
  return b.op('shl', some, b.un('extend_u', first))
}
/** Whether one of these lines holds code. */
export function touchesCode(b: ShortcutBuilder, pa: Expr, bytes: Expr): Expr {
  const lines = load('64', b.shl(b.shr(pa, 12), 3), CODE_LINES)
  return b.cmp('ne', b.op('and', lines, linesOf(b, pa, bytes)), 0)
}

/** Calls `each` for the numbers below `count`. */
export function upTo(b: ShortcutBuilder, count: Expr, each: (i: Expr) => void): void {
  const i = b.temp('i32')
  b.set(i, c32(0))
  b.if(b.cmp('lt_u', i, count), () =>
    b.doWhile(
      () => {
        each(i)
        b.set(i, b.add(i, 1))
      },
      () => b.cmp('lt_u', i, count),
    ),
  )
}

/** `dropSlow` of mmu/tlb.ts. */
export function dropSlow(b: ShortcutBuilder): void {
  const count = b.let(b.word(TLB_SLOW_COUNT))
  b.if(
    b.cmp('gt_u', count, SLOW_SIZE),
    () => b.body.push({ k: 'fill', to: c32(TLB_SLOW), value: c32(-1), bytes: c32(SLOW_SIZE * 4) }),
    () => upTo(b, count, i => b.store('32', b.shl(load('16u', b.shl(i, 1), TLB_SLOW_USED), 2), c32(-1), TLB_SLOW)),
  )
  b.setWord(TLB_SLOW_COUNT, c32(0))
}
