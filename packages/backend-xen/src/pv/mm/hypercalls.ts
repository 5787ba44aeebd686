/** The hypercalls on page tables and frames of a paravirtual domain. */
import type { HypercallSet } from '../../hypercall/table.ts'
import type { ParavirtualDomain } from '../ports.ts'
import { pvGrantTableOp } from './grant-mapping.ts'
import { pvMemoryOp } from './memory-op.ts'
import { mmuUpdate } from './mmu-update.ts'
import { mmuextOp } from './mmuext-op.ts'
import { updateVaMapping, updateVaMappingOtherdomain } from './update-va-mapping.ts'

export const MEMORY_HYPERCALLS: HypercallSet<ParavirtualDomain> = {
  mmu_update: mmuUpdate,
  memory_op: pvMemoryOp,
  grant_table_op: pvGrantTableOp,
  update_va_mapping: updateVaMapping,
  update_va_mapping_otherdomain: updateVaMappingOtherdomain,
  mmuext_op: mmuextOp,
}
