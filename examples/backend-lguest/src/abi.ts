/**
 * What host and guest agree on, and nothing else: the calls, the page that both can see, and how a guest begins.
 *
 * A call is VMCALL in ring 1 with its number in EAX and its arguments in EBX, ECX and EDX. The result is in EAX; all other
 * registers are kept. A call that is none, or that makes no sense, ends the guest: it is the guest's own kernel that made it.
 *
 * The ideas are lguest's (Linux 2.6.23, drivers/lguest), and so are most names. The numbers are not.
 */

/** The calls, by number. */
export const HYPERCALLS = [
  /** Nothing; but like every call it first does all that waits in the ring. */
  'flushAsync',
  /** (data, kernel): physical address of struct lguest_data; the linear address at which the kernel's half begins. */
  'lguestInit',
  /** (directory): use these page tables; physical address of the directory. */
  'newPageTable',
  /** (directory): they are about to be taken down. */
  'dropPageTable',
  /** (kernel too): page-table entries have changed, nobody says which: of the current tables, or in anyone's kernel half. */
  'flushTlb',
  /** (directory, address): the entry that maps this address there has changed. */
  'setPte',
  /** (directory, index): a directory's entry has changed. */
  'setPgd',
  /** (table, entries): a new GDT, IDT or LDT; linear address. What is in it now counts. */
  'loadGdt',
  'loadIdt',
  'setLdt',
  /** (number, low, high): one entry of them. */
  'loadGdtEntry',
  'loadIdtEntry',
  'loadLdtEntry',
  /** (selector, pointer): the stack on which a program's exceptions arrive. */
  'setStack',
  /** (on): the next floating-point instruction shall be #NM, or not. */
  'ts',
  /** (level): I/O privilege of the program that runs now. */
  'setIopl',
  /** (number) and (number, value): the debug registers. */
  'getDebug',
  'setDebug',
  /** (nanoseconds): an interrupt on line 0 so often; 0: no more. */
  'setClockEvent',
  /** Sleep until an interrupt; with interrupts off for ever. */
  'halt',
  /** Interrupts have been enabled, and some were waiting. */
  'sendInterrupts',
  /** (text, bytes): onto the console. */
  'notify',
] as const

export type HypercallName = (typeof HYPERCALLS)[number]

/** Calls that wait in the ring at most. */
export const RING_SIZE = 64
/** What a ring place's status byte says when the place is free; the guest writes 0 when it has filled it. */
export const RING_FREE = 0xff

/** Offsets in struct lguest_data, which lies in the guest's memory, and which both sides read and write. Words of 32 bits. */
export const DATA = {
  /** EFLAGS.IF as the guest would have it: 200h or 0. The real flag is always set. */
  irqEnabled: 0,
  /** A bit for each line that waits. Whoever enables interrupts or unmasks a line looks here, and calls `sendInterrupts`. */
  irqPending: 4,
  /** A bit for each line that is masked. */
  blockedInterrupts: 8,
  /** Where the last page fault was. */
  cr2: 12,
  /** Time of day: seconds since 1970, and nanoseconds beyond; as of the last time that the host was here. */
  timeSeconds: 16,
  timeNanoseconds: 20,
  /** Of the time-stamp counter. */
  tscKhz: 24,
  /** A status byte for each place of the ring. */
  ringStatus: 32,
  /** The ring: EAX, EBX, ECX and EDX of each call. */
  ring: 96,
} as const
export const DATA_BYTES: number = DATA.ring + RING_SIZE * 16

/** Interrupt lines, and the vector of the first. */
export const IRQS = 16
export const FIRST_VECTOR = 0x20
export const IRQ_CLOCK = 0
export const IRQ_SERIAL = 4

/** Selectors at the first instruction, Linux's own (asm-i386/segment.h of 2.6.23), at the kernel's ring. */
export const KERNEL_RING = 1
export const KERNEL_CS: number = (12 << 3) | KERNEL_RING
export const KERNEL_DS: number = (13 << 3) | KERNEL_RING
/** The kernel's linear map of physical memory begins here. */
export const PAGE_OFFSET = 0xc000_0000
/** EAX at the first instruction: EBX is a Multiboot information structure (Multiboot 0.6.96, 3.2). */
export const MULTIBOOT_MAGIC = 0x2bad_b002
