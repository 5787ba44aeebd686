/** The kernels of guests/bench: what they do, how they are grouped, and how often they run the first time. */

export type Group = 'compute' | 'paravirt' | 'hypervisor'

export interface Kernel {
  /** Its name on the guest's command line. */
  name: string
  group: Group
  /** What one count of it does. */
  what: string
  /** A count of some millions of instructions: for the first, comparing run. */
  probe: number
}

const compute = (name: string, probe: number, what: string): Kernel => ({ name, group: 'compute', what, probe })
const paravirt = (name: string, what: string): Kernel => ({ name, group: 'paravirt', what, probe: 4000 })
const hypervisor = (name: string, probe: number, what: string): Kernel => ({ name, group: 'hypervisor', what, probe })

export const KERNELS: readonly Kernel[] = [
  compute('sieve', 20, 'the primes below 32768'),
  compute('sha256', 20, 'SHA-256 of 4 KiB'),
  compute('crc32', 100, 'CRC-32 of 4 KiB, by a table'),
  compute('bits', 400, 'shifts, rotates, bit scans and counts, 256 rounds'),
  compute('divide', 200, '64 greatest common divisors, 20 digits of a 64-bit value'),
  compute('bignum', 300, '1024-bit product: MUL and ADC'),
  compute('sort', 10, '4096 words by quicksort'),
  compute('list', 300, '2048 nodes of a list'),
  compute('words', 20, '8 KiB of words into a hash table'),
  compute('lz', 8, '16 KiB compressed and expanded'),
  compute('vm_switch', 500, 'a bytecode machine by a switch, 2,300 bytecodes'),
  compute('vm_goto', 500, 'the same by computed jumps'),
  compute('fib', 20, 'recursion: 21,891 calls'),
  compute('call_direct', 4000, '256 direct calls'),
  compute('call_pointer', 4000, '256 calls through one pointer'),
  compute('call_virtual', 3000, '256 calls to four targets'),
  compute('rep_copy', 1000, 'REP MOVSD, 16 KiB, aligned'),
  compute('rep_copy_odd', 300, 'REP MOVSB, 16 KiB, at odd addresses'),
  compute('rep_fill', 1000, 'REP STOSD, 16 KiB'),
  compute('rep_short', 500, '64 REP MOVS of 4 to 67 bytes'),
  compute('rep_scan', 500, 'REPNE SCASB and REPE CMPSB, 1 KiB each'),
  compute('rep_copy_big', 3, 'REP MOVSD, 4 MiB'),
  compute('rep_fill_big', 4, 'REP STOSD, 4 MiB'),
  compute('loop_copy', 200, '16 KiB by a loop over words'),
  compute('loop_bytes', 50, '16 KiB by bytes and halfwords'),
  compute('loop_big', 2, '4 MiB read and written by a loop'),
  compute('alias', 100, '16 buffers at distances of 4 MiB'),
  compute('pages', 100, 'a word in each of 4096 pages'),
  compute('x87_nbody', 10, 'five bodies, 20 steps'),
  compute('x87_dot', 200, '256 products of 80-bit numbers'),
  compute('x87_mixed', 50, 'polynomials, compares, conversions'),
  compute('sse_nbody', 40, 'the five bodies by scalar doubles'),
  compute('sse_float', 60, 'Mandelbrot, four floats at a time'),
  compute('sse_double', 300, 'a * x + y over 512 doubles'),
  compute('sse_int', 300, '2 KiB of pixels blended'),

  paravirt('pv_irq_native', '64 times save flags, CLI, restore flags'),
  paravirt('pv_irq_patched', 'the same at patched call sites'),
  paravirt('pv_irq_direct', 'at call sites patched to direct calls'),
  paravirt('pv_irq_table', 'through the table, unpatched'),
  paravirt('pv_val_native', '64 page-table entries, nothing to do for each'),
  paravirt('pv_val_patched', 'the same at call sites patched to NOP'),
  paravirt('pv_val_direct', 'at call sites patched to direct calls'),
  paravirt('pv_val_table', 'through the table, unpatched'),

  hypervisor('smc_immediate', 10000, 'an immediate patched, 4 calls'),
  hypervisor('smc_beside', 30000, 'a function that writes beside itself'),
  hypervisor('smc_generate', 3000, 'a function made anew, 8 calls'),
  hypervisor('smc_label', 5000, 'a jump label switched, 32 calls'),
  hypervisor('io_out', 30000, 'OUT to a port'),
  hypervisor('io_in', 30000, 'IN from a port'),
  hypervisor('io_scratch', 20000, "OUT and IN of the UART's scratch register"),
  hypervisor('io_pic', 10000, 'an interrupt masked and unmasked'),
  hypervisor('rdmsr', 30000, 'RDMSR'),
  hypervisor('wrmsr', 30000, 'WRMSR'),
  hypervisor('cpuid', 30000, 'CPUID'),
  hypervisor('rdtsc', 50000, 'RDTSC'),
  hypervisor('cr0_ts', 10000, 'CR0.TS set and cleared'),
  hypervisor('segments', 20000, 'four segment registers loaded'),
  hypervisor('int_ring0', 10000, 'INT and IRET in ring 0'),
  hypervisor('int_ring3', 10000, 'a system call by INT 80h'),
  hypervisor('sysenter', 10000, 'a system call by SYSENTER'),
  hypervisor('trap_privileged', 10000, 'CLI in ring 3, made good by #GP'),
  hypervisor('irq', 3000, "the UART's interrupt, with EOI"),
  hypervisor('fault_map', 5000, 'a page fault that maps a page'),
  hypervisor('fault_write', 5000, 'a write fault that allows it'),
  hypervisor('fault_fixup', 5000, 'a page fault with a fixup'),
  hypervisor('fault_user', 5000, "ring 3's page fault"),
  hypervisor('invlpg', 20000, 'a page mapped elsewhere, INVLPG'),
  hypervisor('cr3_few', 5000, 'CR3 reloaded, 4 pages read'),
  hypervisor('cr3_many', 1000, 'CR3 reloaded, 64 pages read'),
  hypervisor('context_switch', 2000, 'two tasks, there and back'),
]
