/** What a paravirtual domain may call. */
import { COMMON_HYPERCALLS, type HypercallSet } from '../hypercall/table.ts'
import { CPU_HYPERCALLS, type PvGuest } from './cpu/hypercalls.ts'
import { MEMORY_HYPERCALLS } from './mm/hypercalls.ts'

export type { PvGuest } from './cpu/hypercalls.ts'

export const PARAVIRTUAL_HYPERCALLS: HypercallSet<PvGuest> = {
  ...COMMON_HYPERCALLS,
  ...MEMORY_HYPERCALLS,
  ...CPU_HYPERCALLS,
}
