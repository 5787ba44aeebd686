/**
 * The ops: which functions of an old kernel's table are replaced, and by what. Three make hypercalls; their code is guest/ops.S.
 * One is carried out by TypeScript. The rest is left to the guest, and says so: a table with a hole is refused.
 */
import { code, defineOps, host, nativeGroup } from '@paragraft/core/ops'
import { OPS_OBJECT } from './ops-object.js'

export default defineOps({
  name: 'paragraft-backend-example/ops',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  // Kernels with the one `struct paravirt_ops`, 2.6.20 to 2.6.24.
  opsAbi: '1.x',
  // Without the hypervisor nobody answers the calls.
  requires: ['example:hypercalls'],
  ops: era => ({
    ...nativeGroup(era, 'info', 'init', 'time', 'cpu', 'irq', 'apic', 'mmu'),
    'time.sched_clock': code('hv_sched_clock'),
    'irq.safe_halt': code('hv_safe_halt'),
    'mmu.flush_tlb_one_user': code('hv_flush_tlb_one_user'),
    'cpu.clts': host(call => call.processor.clts()),
  }),
  code: { object: Uint8Array.from(atob(OPS_OBJECT), character => character.charCodeAt(0)) },
})
