/**
 * What happens between blocks, in the same language as the instructions: finding the block at EIP, and entering one.
 * The instruction TLB and the block table are direct-mapped and live in linear memory.
 */
import { BLK_COUNT, BLK_EIP, BLK_HEAT, BLK_TWIN, BLOCK_HEADER, REC_OFF } from '../decode/record.ts'
import { type Expr, load } from '../ir/ir.ts'
import { Builder, LOCAL_BLOCK, LOCAL_LINK, LOCAL_REC, LOCAL_RESULT } from '../isa/builder.ts'
import {
  ATTENTION,
  BLOCK_HASH,
  BUDGET,
  CUR_BLOCK,
  EIP,
  EIP_BASE,
  FAULT,
  MODE,
  SEG,
  SEG_BASE,
  SEG_CS,
  SEG_SIZE,
} from '../state.ts'
import type { Handler } from './handlers.ts'

/** Block table: 2^18 entries of 16 bytes: physical address, mode key, block. */
const HASH_BITS = 18
export const HASH_ENTRIES: number = 1 << HASH_BITS
export const HASH_ENTRY = 16
/** 2^32 divided by the golden ratio: spreads addresses that differ in few bits (Knuth, TAOCP vol. 3, 6.4). */
const SPREAD = 0x9e3779b1 | 0

/** Finds the block to run where the region of the block whose record this is declined. */
export function declineCode(): Handler {
  const b = new Builder(4, '', true, true)
  const block = { k: 'local', t: 'i32', i: LOCAL_BLOCK } as const
  const rec = { k: 'local', t: 'i32', i: LOCAL_REC } as const
  const own = b.let(b.sub(rec, BLOCK_HEADER))
  // The region has found out that the instruction faults.
  b.if(b.word(FAULT), () => b.exit('fault'))
  const eip = b.let(b.word(EIP))
  b.if(
    b.cmp('eq', eip, load('32', own, BLK_EIP)),
    () => {
      b.setWord(EIP_BASE, b.sub(eip, load('16u', rec, REC_OFF)))
      b.set(block, load('32', own, BLK_TWIN))
      b.exit('enter')
    },
    () => b.exit('lookup'),
  )
  return { name: 'decline', body: b.body, temps: b.temps }
}

/** Why generated code returned. */
export const RETURN_ATTENTION = 0
export const RETURN_MISS = 1
export const RETURN_FAULT = 2
export const RETURN_BUDGET = 3
/** A block became hot; CUR_BLOCK has it, and nothing of it has been charged or run. */
export const RETURN_HOT = 4

/**
 * How a region ends when it does not go on in another one. `lookup`: at EIP, nothing of which is done · `fault`: as
 * RETURN_FAULT · `decline`: the block at EIP is to be run by records, even if it has a region · `alias`: the region is
 * for another EIP than the one it was entered at, and has done nothing.
 */
export const REGION_LOOKUP = 5
export const REGION_FAULT = 6
export const REGION_DECLINE = 7
export const REGION_ALIAS = 8

/** Address of the block table entry for a physical address; the same formula as in `hashEntry`. */
export function hashSlot(phys: number, mode: number): number {
  const h = Math.imul(phys ^ mode, SPREAD)
  return BLOCK_HASH + (h >>> (32 - HASH_BITS)) * HASH_ENTRY
}
/** ITLB tag: linear page, and whether the access was a user's. */
export function itlbTag(lin: number, user: boolean): number {
  return ((lin & ~0xfff) | (user ? 3 : 1)) >>> 0
}

/** The same, written out. */
export function hashEntry(b: Builder, phys: Expr, mode: Expr): Expr {
  const h = b.op('mul', b.xor(phys, mode), b.c(SPREAD))
  return b.let(b.add(b.shl(b.shr(h, 32 - HASH_BITS), 4), BLOCK_HASH))
}

function onReturn(b: Builder, reason: number): void {
  b.set({ k: 'local', t: 'i32', i: LOCAL_RESULT }, b.c(reason))
  b.exit('return')
}

/** Finds the block at EIP; falls out at the end with the block found, or returns (attention, miss). */
export function lookupCode(): Handler {
  const b = new Builder(4, '', true, true)
  const block = { k: 'local', t: 'i32', i: LOCAL_BLOCK } as const
  const link = { k: 'local', t: 'i32', i: LOCAL_LINK } as const
  b.if(b.word(ATTENTION), () => onReturn(b, RETURN_ATTENTION))
  const eip = b.let(b.word(EIP))
  const lin = b.let(b.add(eip, b.word(SEG + SEG_CS * SEG_SIZE + SEG_BASE)))
  const { tag, physical } = b.itlb(lin)
  const phys = b.let(b.or(physical, b.and(lin, 0xfff)))
  const mode = b.let(b.word(MODE))
  const entry = hashEntry(b, phys, mode)
  b.if(
    b.or(tag, b.or(b.xor(load('32', entry), phys), b.xor(load('32', entry, 4), mode))),
    () => {
      b.set(block, { k: 'call', t: 'i32', fn: 'resolve', args: [] })
      b.if(b.eqz(block), () => onReturn(b, RETURN_MISS))
    },
    () => b.set(block, load('32', entry, 8)),
  )
  b.setWord(EIP_BASE, b.sub(eip, b.and(lin, 0xfff)))
  b.if(link, () => {
    b.store('32', link, block)
    b.set(link, b.c(0))
  })
  return { name: 'lookup', body: b.body, temps: b.temps }
}

/** Charges the budget for the block and starts its first record. `heat`: counts the entry towards a region. */
export function enterCode(heat: boolean): Handler {
  const b = new Builder(4, '', true, true)
  const block = { k: 'local', t: 'i32', i: LOCAL_BLOCK } as const
  const rec = { k: 'local', t: 'i32', i: LOCAL_REC } as const
  const leave = (reason: number): void => {
    b.setWord(EIP, b.add(b.word(EIP_BASE), load('16u', block, BLOCK_HEADER + REC_OFF)))
    onReturn(b, reason)
  }
  if (heat) {
    const left = b.let(b.sub(load('32', block, BLK_HEAT), 1))
    b.store('32', block, left, BLK_HEAT)
    b.if(b.eqz(left), () => {
      b.setWord(CUR_BLOCK, block)
      leave(RETURN_HOT)
    })
  }
  const left = b.let(b.sub(b.word(BUDGET), load('32', block, BLK_COUNT)))
  b.if(b.cmp('lt_s', left, 0), () => leave(RETURN_BUDGET))
  b.setWord(BUDGET, left)
  b.setWord(CUR_BLOCK, block)
  b.set(rec, b.add(block, BLOCK_HEADER))
  return { name: 'enter', body: b.body, temps: b.temps }
}
