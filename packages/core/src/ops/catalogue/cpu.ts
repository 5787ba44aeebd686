/**
 * Group cpu: registers, descriptors, MSRs, counters, the ways out of the kernel.
 * Sources as in boot.ts; register and instruction names from the Intel SDM.
 */
import { type OpEntry, op } from './entry.ts'

const REGISTER = 'the register must hold the value'
const DESCRIPTOR = 'the descriptor must be in the table'

export const CPU: readonly OpEntry[] = [
  op('cpu.io_delay', 'Give a slow device time between two port accesses.', 'void (void)'),
  op(
    'cpu.cpuid',
    'CPUID: leaf in *eax, subleaf in *ecx; all four are written.',
    [['1.0', 'void (unsigned int *eax, unsigned int *ebx, unsigned int *ecx, unsigned int *edx)']],
    { duty: 'the four words must be written' },
  ),
  op('cpu.get_debugreg', 'Read a debug register.', 'unsigned long (int regno)'),
  op('cpu.set_debugreg', 'Write a debug register.', 'void (int regno, unsigned long value)', { duty: REGISTER }),
  op('cpu.clts', 'Clear CR0.TS: floating point may be used.', 'void (void)', { duty: 'CR0.TS must be clear' }),
  op('cpu.read_cr0', 'Read CR0.', 'unsigned long (void)'),
  op('cpu.write_cr0', 'Write CR0.', 'void (unsigned long value)', { duty: REGISTER }),
  op('cpu.read_cr4_safe', 'Read CR4, or 0 on a processor that has none.', 'unsigned long (void)'),
  op('cpu.read_cr4', 'Read CR4.', 'unsigned long (void)'),
  op('cpu.write_cr4', 'Write CR4.', 'void (unsigned long value)', { duty: REGISTER }),
  op('cpu.read_cr8', 'Read CR8, the task priority.', 'unsigned long (void)'),
  op('cpu.write_cr8', 'Write CR8, the task priority.', 'void (unsigned long value)', { duty: REGISTER }),
  op('cpu.wbinvd', 'Write back and invalidate the caches.', 'void (void)', {
    duty: 'memory must be what the caches held',
  }),

  op('cpu.load_tr_desc', "Load the task register with this processor's TSS.", 'void (void)', { duty: REGISTER }),
  op('cpu.store_tr', 'Selector in the task register.', 'unsigned long (void)'),
  op('cpu.load_gdt', 'Use this global descriptor table.', 'void (const struct desc_ptr *dtr)', { duty: REGISTER }),
  op('cpu.load_idt', 'Use these gates for exceptions and interrupts.', 'void (const struct desc_ptr *dtr)', {
    duty: 'exceptions must reach the handlers that the guest chose',
  }),
  op('cpu.store_gdt', 'Tell where the global descriptor table is.', 'void (struct desc_ptr *dtr)', {
    duty: 'the structure must be written',
  }),
  op('cpu.store_idt', 'Tell where the gates are.', 'void (struct desc_ptr *dtr)', {
    duty: 'the structure must be written',
  }),
  op(
    'cpu.set_ldt',
    'Use this local descriptor table; none if entries is 0.',
    'void (const void *desc, unsigned entries)',
    {
      duty: REGISTER,
    },
  ),
  op(
    'cpu.load_tls',
    "Put a thread's TLS descriptors into the GDT.",
    'void (struct thread_struct *t, unsigned int cpu)',
    {
      duty: DESCRIPTOR,
    },
  ),
  op('cpu.load_gs_index', "Load the user's GS selector.", 'void (unsigned int idx)', { duty: REGISTER }),
  op(
    'cpu.write_ldt_entry',
    'Write one descriptor of a local descriptor table.',
    [
      ['1.0', 'void (struct desc_struct *dt, int entrynum, u32 low, u32 high)'],
      ['2.2', 'void (struct desc_struct *dt, int entrynum, const void *desc)'],
    ],
    { duty: DESCRIPTOR },
  ),
  op(
    'cpu.write_gdt_entry',
    'Write one descriptor of a global descriptor table.',
    [
      ['1.0', 'void (struct desc_struct *dt, int entrynum, u32 low, u32 high)'],
      ['2.1', 'void (struct desc_struct *dt, int entrynum, const void *desc, int size)'],
    ],
    { duty: DESCRIPTOR },
  ),
  op(
    'cpu.write_idt_entry',
    'Write one gate.',
    [
      ['1.0', 'void (struct desc_struct *dt, int entrynum, u32 low, u32 high)'],
      ['2.1', 'void (gate_desc *dt, int entrynum, const gate_desc *gate)'],
    ],
    { duty: DESCRIPTOR },
  ),
  op('cpu.alloc_ldt', 'These pages are about to hold an LDT.', 'void (struct desc_struct *ldt, unsigned entries)'),
  op('cpu.free_ldt', 'These pages no longer hold an LDT.', 'void (struct desc_struct *ldt, unsigned entries)'),
  op(
    'cpu.load_sp0',
    'Stack on which the next entry from user mode arrives.',
    [
      ['1.0', 'void (struct tss_struct *tss, struct thread_struct *thread)'],
      ['3.2', 'void (unsigned long sp0)'],
    ],
    { duty: "the processor must use this thread's stack", formerly: ['load_esp0'] },
  ),
  op('cpu.set_iopl_mask', 'IOPL of the interrupted user program, as an EFLAGS mask.', 'void (unsigned mask)', {
    duty: 'the I/O privilege must change',
  }),
  op('cpu.invalidate_io_bitmap', 'The I/O permission bitmap in the TSS is stale.', 'void (void)', {
    duty: 'the old permissions must be gone',
  }),
  op('cpu.update_io_bitmap', "Bring the TSS's I/O permission bitmap up to date.", 'void (void)', {
    duty: "the task's permissions must be in force",
  }),

  op('cpu.read_msr', 'Read an MSR.', [
    ['1.0', 'u64 (unsigned int msr, int *err)'],
    ['3.1', 'u64 (unsigned int msr)'],
  ]),
  op('cpu.read_msr_amd', "Read an MSR with AMD's password in EDI.", 'u64 (unsigned int msr, int *err)'),
  op(
    'cpu.write_msr',
    'Write an MSR.',
    [
      ['1.0', 'int (unsigned int msr, u64 val)'],
      ['2.1', 'int (unsigned int msr, unsigned low, unsigned high)'],
      ['3.1', 'void (unsigned int msr, unsigned low, unsigned high)'],
      ['7.0', 'void (u32 msr, u64 val)'],
    ],
    { duty: 'the MSR must hold the value' },
  ),
  op('cpu.read_msr_safe', 'Read an MSR that may not exist.', [
    ['3.1', 'u64 (unsigned int msr, int *err)'],
    ['7.0', 'int (u32 msr, u64 *val)'],
  ]),
  op('cpu.write_msr_safe', 'Write an MSR that may not exist; 0 if it worked.', [
    ['3.1', 'int (unsigned int msr, unsigned low, unsigned high)'],
    ['7.0', 'int (u32 msr, u64 val)'],
  ]),
  op('cpu.rdmsr_regs', 'RDMSR with all eight registers from and to an array; 0 if it worked.', 'int (u32 *regs)'),
  op('cpu.wrmsr_regs', 'WRMSR with all eight registers from and to an array; 0 if it worked.', 'int (u32 *regs)'),
  op('cpu.read_tsc', 'Read the time-stamp counter.', 'u64 (void)'),
  op('cpu.read_tscp', 'Read the time-stamp counter and TSC_AUX.', 'unsigned long long (unsigned int *aux)'),
  op('cpu.read_pmc', 'Read a performance counter.', [
    ['1.0', 'u64 (void)'],
    ['2.1', 'u64 (int counter)'],
  ]),

  op('cpu.irq_enable_sysexit', 'Enable interrupts and return to a 32-bit user program by SYSEXIT.', 'void (void)', {
    jump: true,
    duty: 'the user program must continue',
    formerly: ['irq_enable_syscall_ret'],
  }),
  op('cpu.usergs_sysret64', 'Switch to the user GS and return to a 64-bit program by SYSRET.', 'void (void)', {
    jump: true,
    duty: 'the user program must continue',
  }),
  op('cpu.usergs_sysret32', 'Switch to the user GS and return to a 32-bit program by SYSRET.', 'void (void)', {
    jump: true,
    duty: 'the user program must continue',
  }),
  op('cpu.iret', 'Return from an exception or interrupt with the frame on the stack.', 'void (void)', {
    jump: true,
    duty: 'the interrupted program must continue',
  }),
  op('cpu.swapgs', 'Exchange the user and kernel GS bases.', 'void (void)', {
    duty: 'GS must be exchanged',
    notHost: "it runs on the user's stack and keeps every register",
  }),

  op(
    'cpu.set_lazy_mode',
    'From now on updates may be batched: 0 none, 1 MMU, 2 CPU, 3 flush what waits.',
    'void (int mode)',
  ),
  op('cpu.lazy_mode.enter', 'Processor-state updates may be batched from now on.', 'void (void)'),
  op('cpu.lazy_mode.leave', 'Batched processor-state updates are wanted now.', 'void (void)'),
  op('cpu.start_context_switch', 'A context switch begins: updates may be batched.', 'void (struct task_struct *prev)'),
  op(
    'cpu.end_context_switch',
    'The context switch ends: batched updates are wanted.',
    'void (struct task_struct *next)',
  ),

  op(
    'cpu.load_exceptions',
    'Deliver exceptions to the handlers in this table, by whatever means the platform has.',
    'void (const struct desc_ptr *dtr)',
    { meant: true, duty: 'exceptions must reach the handlers that the guest chose' },
  ),
  op(
    'cpu.set_tss_desc',
    'This processor keeps its task state here: one op, not a descriptor made of two words.',
    'void (struct desc_struct *dt, int entrynum, unsigned long addr, unsigned int limit)',
    { meant: true, duty: 'the descriptor must name this TSS' },
  ),
]
