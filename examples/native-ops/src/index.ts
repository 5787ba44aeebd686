/**
 * An ops module as a third party could write it: native ops that come from outside the guest.
 *
 * It targets two generations. On a 6.1 kernel (ops ABI 5.0, 13 slots on i386) it replaces ten slots; on a guest of
 * 2.6.23's time (ops ABI 1.3, 92 slots) eighteen. Every op is answered; what is left alone says so.
 */
import { type Answers, code, defineOps, type Era, host, native, nativeGroup } from '@paragraft/core/ops'
import { clts, exitMmap, flushTlbOneUser, flushTlbUser, readCr2, schedClock } from './answers.ts'
import { OPS_OBJECT } from './ops-object.generated.ts'

/** Linux 6.1 on i386. */
const modern: Answers = {
  'cpu.io_delay': code('native_ops_io_delay'),
  'mmu.flush_tlb_user': host(flushTlbUser),
  'mmu.flush_tlb_kernel': code('native_ops_flush_tlb_kernel'),
  'mmu.flush_tlb_one_user': host(flushTlbOneUser),
  'mmu.flush_tlb_multi': code('native_ops_flush_tlb_multi'),
  'mmu.tlb_remove_table': code('native_ops_tlb_remove_table'),
  'mmu.exit_mmap': host(exitMmap),
  'mmu.notify_page_enc_status_changed': native(),
  'lock.queued_spin_lock_slowpath': code('native_ops_queued_spin_lock_slowpath'),
  'lock.queued_spin_unlock': code('native_ops_queued_spin_unlock', { calleeSave: true }),
  'lock.wait': native(),
  'lock.kick': native(),
  'lock.vcpu_is_preempted': code('native_ops_vcpu_is_preempted', { calleeSave: true }),
}

/** Guests with the one `struct paravirt_ops`. */
function early(era: Era): Answers {
  return {
    ...nativeGroup(era, 'info', 'init', 'time', 'cpu', 'irq', 'apic', 'mmu'),
    'time.sched_clock': host(schedClock),
    'cpu.io_delay': code('native_ops_io_delay'),
    'cpu.clts': host(clts),
    'cpu.read_tsc': code('native_ops_read_tsc'),
    'cpu.iret': code('native_ops_iret'),
    'irq.save_fl': code('native_ops_save_fl'),
    'irq.restore_fl': code('native_ops_restore_fl'),
    'irq.irq_disable': code('native_ops_irq_disable'),
    'irq.irq_enable': code('native_ops_irq_enable'),
    'irq.safe_halt': code('native_ops_safe_halt'),
    'mmu.read_cr2': host(readCr2),
    'mmu.read_cr3': code('native_ops_read_cr3'),
    'mmu.write_cr3': code('native_ops_write_cr3'),
    'mmu.flush_tlb_user': host(flushTlbUser),
    'mmu.flush_tlb_kernel': code('native_ops_flush_tlb_kernel'),
    'mmu.flush_tlb_one_user': host(flushTlbOneUser),
    'mmu.flush_tlb_others': code('native_ops_flush_tlb_others'),
    'mmu.exit_mmap': host(exitMmap),
  }
}

export default defineOps({
  name: '@paragraft-examples/native-ops',
  version: '0.1.0',
  apiVersion: '^1.0.0',
  opsAbi: '~1.3.0 || ~5.0.0',
  ops: era => (era.abi.startsWith('1.') ? early(era) : modern),
  code: { object: Uint8Array.from(atob(OPS_OBJECT), character => character.charCodeAt(0)) },
})
