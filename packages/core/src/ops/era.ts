/** Eras: the versions of the guests' ops ABI, as data. The tables themselves are in eras.generated.ts. */

export type Arch = 'i386' | 'x86_64'

/** One slot of an era's table. */
export interface EraSlot {
  readonly slot: number
  /** Op identity, stable across eras: `mmu.flush_tlb_one_user`. */
  readonly op: string
  /** Version of the op here, i.e. of its signature and meaning: `1.0.0`. */
  readonly version: string
  /** The member's name in that era's header: `pv_mmu_ops.flush_tlb_single`. */
  readonly member: string
  readonly kind: 'fn' | 'data'
  /** True for `struct paravirt_callee_save` members. */
  readonly calleeSave: boolean
}

/** One layout of the table. `id` and `arch` together name it. */
export interface Era {
  /** `5.0`, `4.0-lite`. */
  readonly id: string
  /** The ops ABI as a semver version, for ranges: `5.0.0`. Lite and full layouts share it. */
  readonly abi: string
  readonly arch: Arch
  /** `lite`: the kernel was built without PARAVIRT_XXL and keeps only the ops a full virtualization guest needs. */
  readonly variant: 'full' | 'lite'
  /** Kernel releases with this layout. */
  readonly kernels: string
  /** The C object that holds the table. */
  readonly container: string
  /** Where the layout was read. */
  readonly source: string
  readonly slots: readonly EraSlot[]
}

/** A slot as the generated file writes it: kind (`cs`: callee-save function), member, op, version. */
export type SlotRow = readonly [kind: 'data' | 'fn' | 'cs', member: string, op: string, version: string]

/** Numbers the rows of a table. */
export function slots(rows: readonly SlotRow[]): EraSlot[] {
  return rows.map(([kind, member, op, version], slot) => ({
    slot,
    op,
    version,
    member,
    kind: kind === 'data' ? 'data' : 'fn',
    calleeSave: kind === 'cs',
  }))
}
