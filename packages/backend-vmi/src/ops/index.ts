/**
 * VMI's ops, as a module for guests that do not know VMI (ops ABI 1.3, Linux 2.6.23): functions that go where the ROM's
 * `get_reloc` says, or to the guest's own function where it says none. The code is ops.S.
 *
 * Every op is answered here; which ones VMI has calls for is {@link VMI_CALL_OF}, in the order of Linux 2.6.23's
 * arch/i386/kernel/vmi.c. What VMI has no call for stays native, and so does:
 *
 * - `apic.*`: the calls want a register's address, the ops have its offset, and where the guest maps it only the guest knows;
 * - `cpu.load_tls`: the guest's function writes descriptors in memory, which VMI allows while it does not say otherwise;
 * - `cpu.read_msr`, `write_msr`, `read_pmc`: VMI's calls cannot report a fault, and Linux did not route them either;
 * - `time.time_init`, `get_tsc_khz`: the tick is the guest's, and a time-stamp counter is not VMI's cycle counter.
 */
import { type Answers, code, defineOps, type Era, native } from '@paragraft/core/ops'
import { OPS_OBJECT } from './ops-object.generated.ts'
import { ROUTES } from './routes.ts'

export { VMI_CALL_OF } from './routes.ts'

const routed: Answers = Object.fromEntries(ROUTES.map(([op, symbol]) => [op, code(`vmi_ops_${symbol}`)]))

function answers(era: Era): Answers {
  return {
    ...Object.fromEntries(era.slots.map(({ op }) => [op, native()])),
    ...routed,
    // Looks for the ROM, and then does what the guest's own does.
    'init.arch_setup': code('vmi_ops_arch_setup'),
  }
}

export default defineOps({
  name: '@paragraft/backend-vmi/ops',
  version: '0.1.0',
  apiVersion: '^1.0.0',
  opsAbi: '~1.3.0',
  ops: answers,
  code: { object: Uint8Array.from(atob(OPS_OBJECT), character => character.charCodeAt(0)) },
})
