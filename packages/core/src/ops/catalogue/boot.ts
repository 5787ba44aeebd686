/**
 * Groups info, init, time, irq, apic: what a guest asks at boot and about time and interrupts.
 * Sources: include/asm-i386/paravirt.h (2.6.20–23), include/asm-x86/paravirt.h (2.6.24–28),
 * arch/x86/include/asm/paravirt_types.h (2.6.30–7.x); the commits read are in data/pvops-eras.json.
 */
import { data, type OpEntry, op } from './entry.ts'

export const INFO: readonly OpEntry[] = [
  data('info.kernel_rpl', 'Privilege level at which the kernel runs; 0 on bare hardware.'),
  data('info.shared_kernel_pmd', 'Non-zero: all processes share the page directory of the kernel half (PAE).'),
  data('info.paravirt_enabled', 'Non-zero: a hypervisor is underneath, so hardware probing is left out.'),
  data('info.name', "Pointer to the platform's name, printed in the banner."),
]

export const INIT: readonly OpEntry[] = [
  op('init.patch', 'Write the best inline code for an op at a call site; returns the bytes used.', [
    ['1.0', 'unsigned (u8 type, u16 clobber, void *firstinsn, unsigned len)'],
    ['2.0', 'unsigned (u8 type, u16 clobber, void *insnbuf, unsigned long addr, unsigned len)'],
    ['4.0', 'unsigned (u8 type, void *insnbuf, unsigned long addr, unsigned len)'],
  ]),
  op('init.arch_setup', 'Hook early in setup_arch, before the memory map is read.', 'void (void)'),
  op('init.memory_setup', "Fill the kernel's memory map; returns the name of the source.", 'u8 *(void)'),
  op('init.post_allocator_init', 'Hook once the page allocator works and struct pages exist.', 'void (void)'),
  op('init.banner', 'Print what the kernel runs on.', 'void (void)'),
]

export const TIME: readonly OpEntry[] = [
  op('time.time_init', 'Start the clock interrupt.', 'void (void)', { duty: 'the timer must tick' }),
  op('time.get_wallclock', 'Seconds since 1970 from the persistent clock.', 'unsigned long (void)'),
  op('time.set_wallclock', 'Set the persistent clock, seconds since 1970; 0 if it worked.', 'int (unsigned long now)'),
  op('time.get_scheduled_cycles', 'Cycles for which this processor really ran the guest.', 'u64 (void)'),
  op('time.sched_clock', 'Nanoseconds for the scheduler; monotonic on one processor.', 'unsigned long long (void)'),
  op('time.steal_clock', 'Nanoseconds that the hypervisor took from this processor.', 'unsigned long long (int cpu)'),
  op('time.get_tsc_khz', 'Frequency of the time-stamp counter in kHz.', 'unsigned long (void)', {
    formerly: ['get_cpu_khz'],
  }),
  op('time.const_udelay', 'Wait: loops is microseconds scaled by 2^32/10^6.', 'void (unsigned long loops)', {
    duty: 'the time must pass',
  }),
]

export const IRQ: readonly OpEntry[] = [
  op('irq.init_IRQ', 'Set up the interrupt controller and the gates of the device vectors.', 'void (void)', {
    duty: 'interrupts must be deliverable',
  }),
  op('irq.save_fl', 'EFLAGS; only IF counts.', 'unsigned long (void)'),
  op('irq.restore_fl', 'Make IF what it was in a saved EFLAGS value.', 'void (unsigned long flags)', {
    duty: 'IF must be as in the argument',
  }),
  op('irq.irq_disable', 'No interrupts from now on.', 'void (void)', { duty: 'IF must be clear' }),
  op('irq.irq_enable', 'Interrupts again.', 'void (void)', { duty: 'IF must be set' }),
  op('irq.safe_halt', 'Enable interrupts and sleep until one comes, without a gap between the two.', 'void (void)', {
    duty: 'IF must be set',
  }),
  op('irq.halt', 'Sleep with interrupts as they are.', 'void (void)', { duty: 'the processor must stop' }),
  op(
    'irq.adjust_exception_frame',
    'Bring the frame of an exception into the shape the kernel expects.',
    'void (void)',
    {
      notHost: 'it runs inside the exception frame and keeps every register',
    },
  ),
]

export const APIC: readonly OpEntry[] = [
  op('apic.apic_write', 'Write a register of the local APIC.', 'void (unsigned long reg, u32 v)', {
    duty: 'the register must change',
  }),
  op('apic.apic_write_atomic', 'Write a register of the local APIC with XCHG.', 'void (unsigned long reg, u32 v)', {
    duty: 'the register must change',
  }),
  op('apic.apic_read', 'Read a register of the local APIC.', 'u32 (unsigned long reg)'),
  op('apic.setup_boot_clock', "Start the boot processor's local timer.", 'void (void)', {
    duty: 'the timer must tick',
  }),
  op('apic.setup_secondary_clock', "Start another processor's local timer.", 'void (void)', {
    duty: 'the timer must tick',
  }),
  op(
    'apic.startup_ipi_hook',
    'A processor is about to be started at this address with this stack.',
    'void (int phys_apicid, unsigned long start_eip, unsigned long start_esp)',
  ),
]
