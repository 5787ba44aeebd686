/** What RDTSC and CPUID answered the long way, for as long as it holds: see CYCLES_STEP and CPUID_KNOWN in state.ts. */

import { BLK_TOTAL, REC_INDEX } from '../decode/record.ts'
import { load } from '../ir/ir.ts'
import {
  BUDGET,
  CPL,
  CPUID_COUNT,
  CPUID_ENTRIES,
  CPUID_ENTRY,
  CPUID_KNOWN,
  CR4,
  CR4_TSD,
  CUR_BLOCK,
  CUR_RECORD,
  CYCLES_END,
  CYCLES_STEP,
  EAX,
  EBX,
  ECX,
  EDX,
  TSC_OFFSET,
} from '../state.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'

function rdtsc(b: ShortcutBuilder): void {
  const step = b.let(b.word(CYCLES_STEP))
  const forbidden = b.and(b.bool(b.and(b.word(CR4), CR4_TSD)), b.bool(b.word(CPL)))
  b.declineIf(b.or(b.eqz(step), forbidden))
  // Instructions from here to where the budget ends: a block is charged for as a whole.
  const charged = b.sub(load('32', b.word(CUR_BLOCK), BLK_TOTAL), load('8u', b.word(CUR_RECORD), REC_INDEX))
  const left = b.un('extend_s', b.add(b.word(BUDGET), charged))
  const end = b.op('add', load('64', b.c(CYCLES_END)), load('64', b.c(TSC_OFFSET)))
  const now = b.let(b.op('sub', end, b.op('mul', left, b.un('extend_u', step))))
  b.setGpr(EAX, b.un('wrap', now))
  b.setGpr(EDX, b.un('wrap', b.op('shr_u', now, 32)))
  b.answer(0)
}

function cpuid(b: ShortcutBuilder): void {
  const leaf = b.let(b.gpr(EAX))
  const known = b.let(b.add(b.op('mul', b.and(leaf, CPUID_ENTRIES - 1), CPUID_ENTRY), CPUID_KNOWN))
  const other = b.or(b.xor(load('32', known, 4), leaf), b.xor(load('32', known, 8), b.gpr(ECX)))
  b.declineIf(b.or(b.eqz(load('32', known)), other))
  const count = b.c(CPUID_COUNT)
  b.store('64', count, b.op('add', load('64', count), 1))
  for (const [n, register] of [EAX, EBX, ECX, EDX].entries()) b.setGpr(register, load('32', known, 16 + n * 4))
  b.answer(0)
}

export const ANSWERS: readonly Shortcut[] = [shortcut('rdtsc', 0, rdtsc), shortcut('cpuid', 0, cpuid)]
