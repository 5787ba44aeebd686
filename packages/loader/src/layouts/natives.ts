/**
 * Which function a slot holds in an unmodified kernel. The static initialiser of the op table names one native
 * function per slot (arch/x86/kernel/paravirt.c); if every slot holds the function that an era expects of it, the
 * table has that era's order.
 */
import { type EraSlot, findOp } from '@paragraft/core/ops'

/** Native functions whose names are not `native_` and the member's name (paravirt.c of 2.6.20 … 6.12). */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  flush_tlb_user: ['flush_tlb', 'flush_tlb_local'],
  flush_tlb_kernel: ['flush_tlb_global'],
  flush_tlb_one_user: ['flush_tlb_single', 'flush_tlb_one'],
  flush_tlb_single: ['flush_tlb_one_user', 'flush_tlb_one'],
  // A cast of the page freeing function; a static copy of it since GCC clones it.
  tlb_remove_table: ['tlb_remove_page', 'tlb_remove_table'],
  patch: ['patch'],
  get_cpu_khz: ['calculate_cpu_khz'],
}

/** How a slot's content agrees with an era. */
export type Agreement = 'match' | 'nop' | 'mismatch' | 'unknown'

/** Judges the function called `names` as the static content of `slot`. */
export function agreement(slot: EraSlot, names: readonly string[]): Agreement {
  if (names.length === 0) return 'unknown'
  const member = slot.member.slice(slot.member.lastIndexOf('.') + 1)
  const expected = new Set([member, ...(OTHER_NAMES[member] ?? [])])
  for (const name of names) {
    if (isNop(name)) {
      // The catalogue knows which ops may do nothing: the others never hold the no-op.
      const entry = findOp(slot.op)
      return entry !== undefined && entry.duty === null ? 'nop' : 'mismatch'
    }
    if (expected.has(bare(name)) || expected.has(name)) return 'match'
    if (isIdentity(name) && /^(make_|.*_val$)/.test(member)) return 'match'
  }
  return 'mismatch'
}

/** The guest's no-op, which its patcher recognises by address. */
export function isNop(name: string): boolean {
  return name === '_paravirt_nop' || name === 'paravirt_nop' || name === 'native_nop'
}

function isIdentity(name: string): boolean {
  return /^_?paravirt_ident_(32|64)$/.test(name)
}

/** Without the callee-save thunk's prefix, `native_` and underscores: `__raw_callee_save___native_x` is `x`. */
function bare(name: string): string {
  return name.replace(/^__raw_callee_save_/, '').replace(/^_*native_/, '')
}
