/**
 * The hypercall interface of example, version 1: what guest and hypervisor agree on, and nothing else.
 *
 * VMCALL at privilege level 0 with a call's number in EAX and its argument in EDX. The result comes back in EAX, a 64-bit one in
 * EDX:EAX; all other registers are kept. An unknown number is answered -ENOSYS. At any other privilege level VMCALL is #UD, as on hardware.
 */

/** The calls by name. guest/ops.S has the same numbers, from here. */
export const HYPERCALLS = {
  /** Nanoseconds since power-on, in EDX:EAX. */
  uptime: 1,
  /** Interrupts on, and no return before one has come. */
  idle: 2,
  /** Forget the translation of the page at this linear address. */
  flushPage: 3,
} as const

export type Hypercall = keyof typeof HYPERCALLS

/** Linux's number for a call that there is none of. */
export const ENOSYS = 38

/** Where guests look for a hypervisor (CPUID leaves 40000000h and up are nobody else's), and what they find in EBX, ECX, EDX. */
export const CPUID_SIGNATURE_LEAF = 0x4000_0000
export const SIGNATURE = 'Example'.padEnd(12).slice(0, 12)
/** Version of this interface, in EAX of the next leaf. */
export const ABI_VERSION = 1
