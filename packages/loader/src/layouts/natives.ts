/**
 * Which function a slot holds in an unmodified kernel. The static initialiser of the op table names one native
 * function per slot (arch/x86/kernel/paravirt.c); if every slot holds the function that an era expects of it, the
 * table has that era's order.
 */
import type { EraSlot } from '@paragraft/core/ops'

/** Native functions whose names are not `native_` and the member's name (paravirt.c of 2.6.20 … 6.12). */
const OTHER_NAMES: Readonly<Record<string, readonly string[]>> = {
  flush_tlb_user: ['flush_tlb', 'flush_tlb_local'],
  flush_tlb_kernel: ['flush_tlb_global'],
  flush_tlb_one_user: ['flush_tlb_single', 'flush_tlb_one'],
  flush_tlb_single: ['flush_tlb_one_user', 'flush_tlb_one'],
  // A cast of the page freeing function; a static copy of it since GCC clones it.
  tlb_remove_table: ['tlb_remove_page', 'tlb_remove_table'],
  get_cpu_khz: ['calculate_cpu_khz'],
  // One function for the three tables.
  write_ldt_entry: ['write_dt_entry'],
  write_gdt_entry: ['write_dt_entry'],
  write_idt_entry: ['write_dt_entry'],
}

/** How a slot's content agrees with an era. */
export type Agreement = 'match' | 'nop' | 'mismatch' | 'unknown'

/** Judges the function called `names` as the static content of `slot`. */
export function agreement(slot: EraSlot, names: readonly string[]): Agreement {
  if (names.length === 0) return 'unknown'
  const member = slot.member.slice(slot.member.lastIndexOf('.') + 1)
  const expected = new Set([member, ...(OTHER_NAMES[member] ?? [])])
  for (const name of names) {
    // Bare hardware leaves many ops to the no-op, duties of other machines among them (lock.kick): no evidence.
    if (isNop(name)) return 'nop'
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
  return name === 'native_identity' || /^_?paravirt_ident_(32|64)$/.test(name)
}

/** Without the callee-save thunk's prefix, `native_` and underscores: `__raw_callee_save___native_x` is `x`. */
function bare(name: string): string {
  return name.replace(/^__raw_callee_save_/, '').replace(/^_*native_/, '')
}
