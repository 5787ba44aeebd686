/**
 * Flushes of the TLB: INVLPG of a small page, and loads of CR3 (SDM vol. 3A 4.10.4, 4.4.1). As in sys/control.ts, mmu/tlb.ts
 * and interp/itlb.ts, which do everything else.
 */
import { c32, type Expr, load } from '../ir/ir.ts'
import { PAGE_CODE } from '../mmu/physical.ts'
import { PDPTE_RESERVED, PTE_P } from '../mmu/walk.ts'
import {
  A20_MASK,
  ATTENTION,
  CPL,
  CR0,
  CR0_PG,
  CR3,
  CR4,
  CR4_PAE,
  ITLB,
  ITLB_ENTRIES,
  ITLB_LOCAL,
  ITLB_LOCAL_COUNT,
  PDPTE,
  RAM,
  TLB_LARGE,
  TLB_LOCAL,
  TLB_LOCAL_COUNT,
  TLB_SUPERVISOR_READ,
  TLB_SUPERVISOR_WRITE,
  TLB_USER_READ,
  TLB_USER_WRITE,
} from '../state.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'
import { dropSlow, requireRam, upTo } from './pages.ts'

function clearPage(b: ShortcutBuilder, number: Expr): void {
  const at = b.let(b.shl(number, 2))
  for (const table of [TLB_SUPERVISOR_READ, TLB_SUPERVISOR_WRITE, TLB_USER_READ, TLB_USER_WRITE]) {
    b.store('32', at, c32(0), table)
  }
}
/** Empties a slot of the instruction TLB; regions, which have looked their pages up at their start only, must leave. */
function dropFetch(b: ShortcutBuilder, slot: Expr, unless: (tag: Expr) => Expr): void {
  const at = b.let(b.shl(slot, 3))
  const tag = b.let(load('32', at, ITLB))
  b.if(b.and(b.bool(tag), b.eqz(unless(tag))), () => {
    b.store('32', at, c32(0), ITLB)
    b.setWord(ATTENTION, c32(1))
  })
}

function invlpg(b: ShortcutBuilder, lin: Expr): void {
  b.declineIf(b.or(b.word(CPL), load('8u', b.shr(lin, 22), TLB_LARGE)))
  const number = b.let(b.shr(lin, 12))
  dropSlow(b)
  clearPage(b, number)
  dropFetch(b, b.and(number, ITLB_ENTRIES - 1), tag => b.xor(b.shr(tag, 12), number))
  b.answer(0)
}

function writeCr(b: ShortcutBuilder, n: Expr, value: Expr): void {
  b.declineIf(b.or(b.word(CPL), b.xor(n, 3)))
  b.if(b.and(b.bool(b.and(b.word(CR0), CR0_PG)), b.bool(b.and(b.word(CR4), CR4_PAE))), () => {
    const at = b.let(b.and(value, ~31))
    b.declineIf(b.not(b.word(A20_MASK)))
    requireRam(b, at, PAGE_CODE)
    const words = Array.from({ length: 8 }, (_, i) => b.let(load('32', at, RAM + i * 4)))
    for (let i = 0; i < 8; i += 2) {
      const bad = b.or(b.and(words[i], PDPTE_RESERVED), words[i + 1])
      b.declineIf(b.and(b.bool(b.and(words[i], PTE_P)), b.bool(bad)))
    }
    for (const [i, word] of words.entries()) b.setWord(PDPTE + i * 4, word)
  })
  b.setWord(CR3, value)
  upTo(b, b.let(b.word(TLB_LOCAL_COUNT)), i => clearPage(b, load('32', b.shl(i, 2), TLB_LOCAL)))
  b.setWord(TLB_LOCAL_COUNT, c32(0))
  dropSlow(b)
  upTo(b, b.let(b.word(ITLB_LOCAL_COUNT)), i => dropFetch(b, load('16u', b.shl(i, 1), ITLB_LOCAL), () => c32(0)))
  b.setWord(ITLB_LOCAL_COUNT, c32(0))
  b.answer(0)
}

export const FLUSHES: readonly Shortcut[] = [shortcut('invlpg', 1, invlpg), shortcut('writeCr', 2, writeCr)]
