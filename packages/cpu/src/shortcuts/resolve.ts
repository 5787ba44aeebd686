/**
 * Misses of the instruction TLB and the block table: the page of EIP is entered; the block there is looked for in its page's
 * list, or built and made findable, as the run loop does it with `find` and `build` of interp/blocks.ts. It does the rest:
 * faults, a pool that is full, and what the shortcuts `page` and `build` do not know.
 */
import { BLK_BYTES, BLK_COUNT, BLK_MODE, BLK_NEXT, BLK_PHYS } from '../decode/record.ts'
import { LAST_BLOCK } from '../interp/blocks.ts'
import { hashEntry } from '../interp/lookup.ts'
import { c32, type Expr, load } from '../ir/ir.ts'
import { PAGE_CODE } from '../mmu/physical.ts'
import {
  BLOCKS_HEAT,
  BLOCKS_NEXT,
  CODE_HEADS,
  CODE_LINES,
  EIP,
  ITLB,
  ITLB_ENTRIES,
  ITLB_LOCAL,
  ITLB_LOCAL_COUNT,
  MODE,
  PAGE_FLAGS,
  SEG,
  SEG_BASE,
  SEG_CS,
  SEG_SIZE,
  TLB_SUPERVISOR_WRITE,
  TLB_USER_WRITE,
  TLB_WRITERS,
} from '../state.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'
import { linesOf } from './pages.ts'
import { fetchPage } from './paging.ts'

function resolve(b: ShortcutBuilder): void {
  const lin = b.let(b.add(b.word(EIP), b.word(SEG + SEG_CS * SEG_SIZE + SEG_BASE)))
  const { tag, physical, slot, wanted } = b.itlb(lin)
  b.if(tag, () => enterPage(b, lin, slot, wanted))
  const phys = b.let(b.or(physical, b.and(lin, 0xfff)))
  const mode = b.let(b.word(MODE))
  const entry = hashEntry(b, phys, mode)
  const head = b.let(b.shl(b.shr(phys, 12), 2))
  const enter = (block: Expr): void => {
    b.store('32', entry, phys)
    b.store('32', entry, mode, 4)
    b.store('32', entry, block, 8)
    b.answer(block)
  }
  const other = b.or(b.xor(load('32', entry), phys), b.xor(load('32', entry, 4), mode))
  b.if(b.eqz(other), () => b.answer(load('32', entry, 8)))
  const block = b.temp('i32')
  // Nothing was ever entered here, or it is gone: at worst a block is decoded twice.
  b.if(load('32', entry, 4), () => {
    b.set(block, load('32', head, CODE_HEADS))
    b.if(block, () =>
      b.doWhile(
        () => {
          const other = b.or(b.xor(load('32', block, BLK_PHYS), phys), b.xor(load('32', block, BLK_MODE), mode))
          b.if(b.eqz(b.or(other, b.eqz(load('32', block, BLK_COUNT)))), () => enter(block))
          b.set(block, load('32', block, BLK_NEXT))
        },
        () => block,
      ),
    )
  })

  b.set(block, b.word(BLOCKS_NEXT))
  b.declineIf(b.cmp('gt_u', block, LAST_BLOCK))
  const lines = b.let(load('64', b.shl(head, 1), CODE_LINES))
  const fresh = b.let(b.un('eqz', lines))
  const writer = b.let(load('32', head, TLB_WRITERS))
  b.declineIf(b.and(fresh, b.eqz(b.not(writer))))
  const end = b.call('build', block, phys, mode, b.word(BLOCKS_HEAT))
  b.declineIf(b.eqz(end))
  b.if(fresh, () => markCodePage(b, head, writer))
  b.store('64', b.shl(head, 1), b.op('or', lines, linesOf(b, phys, load('32', block, BLK_BYTES))), CODE_LINES)
  b.store('32', block, load('32', head, CODE_HEADS), BLK_NEXT)
  b.store('32', head, block, CODE_HEADS)
  b.setWord(BLOCKS_NEXT, end)
  enter(block)
}

/** Enters the page of `lin` in the instruction TLB: `enter` of interp/itlb.ts. */
function enterPage(b: ShortcutBuilder, lin: Expr, slot: Expr, tag: Expr): void {
  const { page, global } = fetchPage(b, lin)
  b.if(b.eqz(global), () => {
    const count = b.let(b.word(ITLB_LOCAL_COUNT))
    b.declineIf(b.cmp('ge_u', count, ITLB_ENTRIES))
    b.store('16', b.shl(count, 1), b.shr(b.sub(slot, ITLB), 3), ITLB_LOCAL)
    b.setWord(ITLB_LOCAL_COUNT, b.add(count, 1))
  })
  b.store('32', slot, tag)
  b.store('32', slot, page, 4)
}

/** `markCodePage` of mmu/tlb.ts for a page that one linear page at most may be written through. */
function markCodePage(b: ShortcutBuilder, head: Expr, writer: Expr): void {
  const flags = b.let(b.shr(head, 2))
  b.store('8', flags, b.or(load('8u', flags, PAGE_FLAGS), PAGE_CODE), PAGE_FLAGS)
  b.if(writer, () => {
    const at = b.let(b.shl(b.sub(writer, 1), 2))
    b.store('32', at, c32(0), TLB_SUPERVISOR_WRITE)
    b.store('32', at, c32(0), TLB_USER_WRITE)
    b.store('32', head, c32(0), TLB_WRITERS)
  })
}

export const RESOLVE: readonly Shortcut[] = [shortcut('resolve', 0, resolve, false)]
