/**
 * Writes into code: the blocks they overlap are dropped, as interp/blocks.ts does it. It does the pages that hold other code
 * than their own blocks.
 */
import {
  BLK_BYTES,
  BLK_COUNT,
  BLK_MODE,
  BLK_NEXT,
  BLK_PHYS,
  BLK_RECORDS,
  BLK_TWIN,
  BLOCK_HEADER,
  REC_HANDLER,
  RECORD_SIZE,
} from '../decode/record.ts'
import { hashEntry } from '../interp/lookup.ts'
import { c32, type Expr, load } from '../ir/ir.ts'
import { PAGE_CODE } from '../mmu/physical.ts'
import { CODE_HEADS, CODE_LINES, PAGE_FLAGS, STALE, STALE_ENTRY } from '../state.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'
import { dropSlow, linesOf } from './pages.ts'

/** Drops what overlaps the physical addresses [from, to), inside one page: answers 1, or 0 with nothing changed. */
export const DROP = 'drop'
const MAKE_STALE = 'makeStale'

function drop(b: ShortcutBuilder, from: Expr, to: Expr): void {
  const page = b.let(b.shr(from, 12))
  b.declineIf(b.xor(load('8u', page, PAGE_FLAGS), PAGE_CODE))
  const head = b.let(b.shl(page, 2))
  const [block, next, phys, kept] = [b.temp('i32'), b.temp('i32'), b.temp('i32'), b.temp('i32')]
  const overlaps = b.temp('i32')
  const look = (): void => {
    b.set(phys, load('32', block, BLK_PHYS))
    const behind = b.cmp('gt_u', b.add(phys, load('32', block, BLK_BYTES)), from)
    b.set(overlaps, b.and(b.cmp('lt_u', phys, to), behind))
    b.set(next, load('32', block, BLK_NEXT))
  }
  const first = b.let(load('32', head, CODE_HEADS))
  b.set(block, first)
  b.set(overlaps, c32(0))
  b.if(block, () =>
    b.doWhile(
      () => {
        look()
        b.set(block, next)
      },
      () => b.and(b.eqz(overlaps), b.bool(block)),
    ),
  )
  b.if(b.eqz(overlaps), () => b.answer(1))

  const lines = b.temp('i64')
  b.set(lines, b.un('extend_u', c32(0)))
  b.set(block, first)
  b.set(kept, c32(0))
  b.doWhile(
    () => {
      look()
      b.if(
        overlaps,
        () => b.call(MAKE_STALE, block, phys),
        () => {
          b.store('32', block, kept, BLK_NEXT)
          b.set(kept, block)
          b.set(lines, b.op('or', lines, linesOf(b, phys, load('32', block, BLK_BYTES))))
        },
      )
      b.set(block, next)
    },
    () => block,
  )
  b.store('32', head, kept, CODE_HEADS)
  b.store('64', b.shl(page, 3), lines, CODE_LINES)
  b.if(b.un('eqz', lines), () => {
    b.store('8', page, c32(0), PAGE_FLAGS)
    dropSlow(b)
  })
  b.answer(1)
}

function makeStale(b: ShortcutBuilder, block: Expr, phys: Expr): void {
  const [at, rec, end] = [b.temp('i32'), b.temp('i32'), b.temp('i32')]
  b.set(at, block)
  b.doWhile(
    () => {
      const entry = hashEntry(b, phys, load('32', at, BLK_MODE))
      b.if(b.cmp('eq', load('32', entry, 8), at), () => {
        for (const word of [0, 4, 8]) b.store('32', entry, c32(0), word)
      })
      b.set(rec, b.add(at, BLOCK_HEADER))
      b.set(end, b.add(rec, b.op('mul', load('32', at, BLK_RECORDS), RECORD_SIZE)))
      b.store('16', rec, load('16u', c32(STALE_ENTRY)), REC_HANDLER)
      b.set(rec, b.add(rec, RECORD_SIZE))
      b.if(b.cmp('lt_u', rec, end), () =>
        b.doWhile(
          () => {
            b.store('16', rec, load('16u', c32(STALE)), REC_HANDLER)
            b.set(rec, b.add(rec, RECORD_SIZE))
          },
          () => b.cmp('lt_u', rec, end),
        ),
      )
      b.store('32', at, c32(0), BLK_COUNT)
      b.set(at, load('32', at, BLK_TWIN))
    },
    () => at,
  )
  b.answer(1)
}

export const DROPS: readonly Shortcut[] = [shortcut(DROP, 2, drop, false), shortcut(MAKE_STALE, 2, makeStale, false)]
