/**
 * Repeated string instructions (SDM vol. 2, REP) that go up through flat segments with nobody watching: sixteen bytes at a
 * time, a page at a time. interp/strings.ts does all others, and all of these that are too long for one call of it.
 */
import { c32, cmp, type Expr, load, type StoreWidth, wide } from '../ir/ir.ts'
import { REP_COMPARED, REP_DONE } from '../isa/string.ts'
import {
  DR,
  EAX,
  ECX,
  EDI,
  EFLAGS_SYS,
  ESI,
  FLAG_DF,
  FLAG_TF,
  SCRATCH,
  SEG,
  SEG_BASE,
  SEG_ES,
  SEG_SIZE,
  SEG_WRITE_LIMIT,
} from '../state.ts'
import { DR7_ENABLED } from '../sys/debug.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'
import { hostOf } from './paging.ts'

/** Iterations that one call of the helper does for certain. */
const MOST = 0x10000
const PAGE = 0x1000
const ES = SEG + SEG_ES * SEG_SIZE

/** Declines unless the repeat goes up through 32-bit addresses, unwatched. An empty one is done. */
function requireUpward(b: ShortcutBuilder, addr32: Expr): void {
  const watched = b.or(b.and(b.word(DR + 7 * 8), DR7_ENABLED), b.and(b.word(EFLAGS_SYS), FLAG_DF | FLAG_TF))
  b.declineIf(b.or(watched, b.eqz(addr32)))
  b.if(b.eqz(b.gpr(ECX)), () => b.answer(REP_DONE))
}
/** Declines unless the segment whose register is at `seg` is nothing but the address space. */
function requireFlat(b: ShortcutBuilder, seg: Expr): void {
  b.declineIf(b.or(load('32', seg, SEG_BASE), b.not(load('32', seg, SEG_WRITE_LIMIT))))
}

/** Bytes from `lin` to the end of its page. */
const rest = (b: ShortcutBuilder, lin: Expr): Expr => b.sub(c32(PAGE), b.and(lin, PAGE - 1))
function least(b: ShortcutBuilder, x: Expr, y: Expr): Expr {
  const [one, other] = [b.let(x), b.let(y)]
  return b.let(b.select(b.cmp('lt_u', one, other), one, other))
}
/**
 * A repeat of `size`-byte elements in chunks that stay inside a page on every side. `each` does a chunk and advances what it
 * goes through.
 */
function inChunks(
  b: ShortcutBuilder,
  size: Expr,
  sides: () => readonly Expr[],
  each: (bytes: Expr, at: readonly Expr[]) => void,
): void {
  b.declineIf(cmp('gt_u', b.gpr(ECX), c32(MOST)))
  b.doWhile(
    () => {
      const at = sides()
      let bytes = b.op('mul', b.gpr(ECX), size)
      for (const lin of at) bytes = least(b, bytes, rest(b, lin))
      const chunk = b.let(b.and(bytes, b.sub(c32(0), size)))
      b.declineIf(b.eqz(chunk))
      each(chunk, at)
      b.setGpr(ECX, b.sub(b.gpr(ECX), b.op('div_u', chunk, size)))
    },
    () => b.gpr(ECX),
  )
  b.answer(REP_DONE)
}

/** Bytes from which a copy or fill of memory is sooner done by the instruction for it. */
const BULK = 512
/** Distance below which a load behind a store at the same place of another page waits for it. */
const COLLISION = 64

type Piece = (w: StoreWidth, i: Expr) => void

/** Calls `store` for so many bytes from local `i` = 0 up: sixteen at a time, then what is left. */
function pieces(b: ShortcutBuilder, bytes: Expr, store: Piece): void {
  const i = b.temp('i32')
  b.set(i, c32(0))
  const whole = b.let(b.and(bytes, ~15))
  b.if(whole, () =>
    b.doWhile(
      () => {
        store('v128', i)
        b.set(i, b.add(i, 16))
      },
      () => b.cmp('lt_u', i, whole),
    ),
  )
  odd(b, bytes, i, store)
}

/** The same downwards, for sixteen bytes or more. */
function piecesDown(b: ShortcutBuilder, bytes: Expr, store: Piece): void {
  const i = b.temp('i32')
  b.set(i, bytes)
  b.doWhile(
    () => {
      b.set(i, b.sub(i, 16))
      store('v128', i)
    },
    () => b.cmp('ge_u', i, 16),
  )
  b.set(i, c32(0))
  odd(b, bytes, i, store)
}

/** What is no multiple of sixteen, from `i` up. */
function odd(b: ShortcutBuilder, bytes: Expr, i: Expr, store: Piece): void {
  for (const [n, w] of [
    [8, '64'],
    [4, '32'],
    [2, '16'],
    [1, '8'],
  ] as const) {
    b.if(b.and(bytes, n), () => {
      store(w, i)
      b.set(i, b.add(i, n))
    })
  }
}

function movs(b: ShortcutBuilder, size: Expr, seg: Expr, addr32: Expr): void {
  requireUpward(b, addr32)
  requireFlat(b, seg)
  requireFlat(b, c32(ES))
  inChunks(
    b,
    size,
    () => [b.let(b.gpr(ESI)), b.let(b.gpr(EDI))],
    (bytes, [si, di]) => {
      const from = hostOf(b, si, bytes, false)
      const to = hostOf(b, di, bytes, true)
      // A destination just above its source repeats the pattern between them, which a block copy would not.
      const ahead = b.let(b.sub(to, from))
      b.declineIf(b.and(b.bool(ahead), b.cmp('lt_u', ahead, bytes)))
      const read = (w: StoreWidth, i: Expr): Expr => load(w === '8' ? '8u' : w === '16' ? '16u' : w, b.add(from, i))
      const move: Piece = (w, i) => b.store(w, b.add(to, i), read(w, i))
      // Upwards, every load would have the low twelve address bits of a store just before it, and processors that compare
      // no more hold it back: a copy takes fifteen times as long.
      const collides = b.cmp('lt_u', b.sub(b.and(ahead, PAGE - 1), 1), COLLISION - 1)
      const apart = b.cmp('ge_u', b.sub(from, to), bytes)
      b.if(
        b.and(b.and(collides, apart), b.cmp('ge_u', bytes, COLLISION)),
        () => piecesDown(b, bytes, move),
        () =>
          b.if(
            b.cmp('ge_u', bytes, BULK),
            () => b.body.push({ k: 'copy', to, from, bytes }),
            () => pieces(b, bytes, move),
          ),
      )
      b.setGpr(ESI, b.add(si, bytes))
      b.setGpr(EDI, b.add(di, bytes))
    },
  )
}

function stos(b: ShortcutBuilder, size: Expr, _seg: Expr, addr32: Expr): void {
  requireUpward(b, addr32)
  requireFlat(b, c32(ES))
  const byte = b.op('mul', b.gpr(EAX, 1), 0x01010101)
  const word = b.op('mul', b.gpr(EAX, 2), 0x00010001)
  const value = b.let(b.select(b.cmp('eq', size, 1), byte, b.select(b.cmp('eq', size, 2), word, b.gpr(EAX))))
  const uniform = b.let(b.cmp('eq', value, b.op('mul', b.and(value, 0xff), 0x01010101)))
  const vector = b.let(wide('i32x4.splat', [value]))
  const double = b.let(wide('i64x2.extract_lane', [vector], [0]))
  inChunks(
    b,
    size,
    () => [b.let(b.gpr(EDI))],
    (bytes, [di]) => {
      const to = hostOf(b, di, bytes, true)
      b.if(
        b.and(uniform, b.cmp('ge_u', bytes, BULK)),
        () => b.body.push({ k: 'fill', to, value, bytes }),
        () => pieces(b, bytes, (w, i) => b.store(w, b.add(to, i), w === 'v128' ? vector : w === '64' ? double : value)),
      )
      b.setGpr(EDI, b.add(di, bytes))
    },
  )
}

/**
 * Bytes compared, within the page that `most` says, until equality is not what the prefix goes on for: answers and sets
 * the count, or declines when that is beyond. `pair`: the operands as vectors, and as bytes; `advance`: by so many bytes.
 */
function compareBytes(
  b: ShortcutBuilder,
  most: Expr,
  repne: Expr,
  pair: (w: 'v128' | '8u', i: Expr) => [Expr, Expr],
  advance: (bytes: Expr) => void,
): void {
  const i = b.temp('i32')
  const hit = b.temp('i32')
  b.set(i, c32(0))
  b.set(hit, c32(0))
  const flip = b.let(b.select(repne, c32(0), c32(0xffff)))
  b.if(b.cmp('ge_u', most, 16), () =>
    b.doWhile(
      () => {
        b.set(hit, b.xor(wide('i8x16.bitmask', [wide('i8x16.eq', pair('v128', i))]), flip))
        b.if(b.eqz(hit), () => b.set(i, b.add(i, 16)))
      },
      () => b.and(b.eqz(hit), b.cmp('le_u', b.add(i, 16), most)),
    ),
  )
  b.if(
    hit,
    () => b.set(i, b.add(i, b.un('ctz', hit))),
    () =>
      b.if(b.cmp('lt_u', i, most), () =>
        b.doWhile(
          () => {
            const [x, y] = pair('8u', i)
            b.set(hit, b.xor(b.cmp('eq', x, y), b.and(flip, 1)))
            b.if(b.eqz(hit), () => b.set(i, b.add(i, 1)))
          },
          () => b.and(b.eqz(hit), b.cmp('lt_u', i, most)),
        ),
      ),
  )
  // Nothing found: that is an end only if the count says so.
  b.declineIf(b.and(b.eqz(hit), b.cmp('ne', most, b.gpr(ECX))))
  b.set(i, b.select(hit, i, b.sub(i, 1)))
  const [x, y] = pair('8u', i)
  b.setWord(SCRATCH, x)
  b.setWord(SCRATCH + 4, y)
  const done = b.let(b.add(i, 1))
  advance(done)
  b.setGpr(ECX, b.sub(b.gpr(ECX), done))
  b.answer(REP_COMPARED | REP_DONE)
}

function scas(b: ShortcutBuilder, size: Expr, _seg: Expr, addr32: Expr, repne: Expr): void {
  requireUpward(b, addr32)
  requireFlat(b, c32(ES))
  b.declineIf(b.cmp('ne', size, 1))
  const di = b.let(b.gpr(EDI))
  const most = least(b, b.gpr(ECX), rest(b, di))
  const at = hostOf(b, di, most, false)
  const accumulator = b.let(b.gpr(EAX, 1))
  const vector = b.let(wide('i8x16.splat', [accumulator]))
  compareBytes(
    b,
    most,
    repne,
    (w, i) => [w === 'v128' ? vector : accumulator, load(w, b.add(at, i))],
    bytes => b.setGpr(EDI, b.add(di, bytes)),
  )
}

function cmps(b: ShortcutBuilder, size: Expr, seg: Expr, addr32: Expr, repne: Expr): void {
  requireUpward(b, addr32)
  requireFlat(b, seg)
  requireFlat(b, c32(ES))
  b.declineIf(b.cmp('ne', size, 1))
  const si = b.let(b.gpr(ESI))
  const di = b.let(b.gpr(EDI))
  const most = least(b, b.gpr(ECX), least(b, rest(b, si), rest(b, di)))
  const from = hostOf(b, si, most, false)
  const to = hostOf(b, di, most, false)
  compareBytes(
    b,
    most,
    repne,
    (w, i) => [load(w, b.add(from, i)), load(w, b.add(to, i))],
    bytes => {
      b.setGpr(ESI, b.add(si, bytes))
      b.setGpr(EDI, b.add(di, bytes))
    },
  )
}

// The arguments are the helpers': element size, source segment, 32-bit addresses, REPNE.
export const STRINGS: readonly Shortcut[] = [
  shortcut('repMovs', 4, movs),
  shortcut('repStos', 4, stos),
  shortcut('repScas', 4, scas),
  shortcut('repCmps', 4, cmps),
]
