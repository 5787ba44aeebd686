/**
 * Where the processor keeps its state in linear memory. One truth for the interpreter (WebAssembly and JavaScript),
 * the system helpers and the tests. Byte offsets from the start of linear memory.
 *
 * Every register slot is 8 bytes wide, so that a 64-bit mode needs no new layout.
 */

/** General registers, in encoding order: slot n at `GPR + 8 n`. AH/CH/DH/BH are byte 1 of slots 0–3. */
export const GPR = 0x000
export const EAX = 0x00
export const ECX = 0x08
export const EDX = 0x10
export const EBX = 0x18
export const ESP = 0x20
export const EBP = 0x28
export const ESI = 0x30
export const EDI = 0x38

/** Always zero: stands in for an absent base or index register. */
export const ZERO = 0x80
/** Effective address computed by an address micro-record (16-bit addressing). */
export const TMP_EA = 0x88
/** Instruction pointer (offset in CS) of the next instruction; exact whenever a helper or the outside looks. */
export const EIP = 0x90

/**
 * Lazy flags, two words that between them hold the six arithmetic flags (after Bochs' scheme):
 * - ZF: `LF_RESULT == 0`
 * - SF: bit 31 of LF_RESULT, xor LF_AUX bit 0 (SD, "sign delta")
 * - PF: even parity of (LF_RESULT byte 0 xor LF_AUX byte 1 (PDB, "parity delta byte"))
 * - CF: LF_AUX bit 31 · OF: LF_AUX bit 31 xor bit 30 · AF: LF_AUX bit 3
 * Results of 8- and 16-bit operations are kept sign-extended.
 */
export const LF_RESULT = 0x98
export const LF_AUX = 0x9c
/** EFLAGS without CF PF AF ZF SF OF (those are lazy); bit 1 always set. Holds TF IF DF IOPL NT RF VM AC VIF VIP ID. */
export const EFLAGS_SYS = 0xa0

/** Current privilege level 0–3 (3 in virtual-8086 mode, 0 in real mode). */
export const CPL = 0xa8
/** Non-zero while a fault raised by a helper or slow path waits for delivery; see context.ts. */
export const FAULT = 0xac
/* What FAULT holds then. */
/** A GuestFault is pending. */
export const FAULT_GUEST = 1
/** The instruction must be run again alone, since it touches a device. */
export const FAULT_RESTART = 2
/** A #PF with the code and address that the words FAULT_CODE and FAULT_ADDRESS have. */
export const FAULT_PAGE = 3
/** Instruction budget that remains in the current slice (i32), exact whenever a helper or the outside looks. */
export const BUDGET = 0xb0
/** Pointer to the decoded record being executed, stored before every call that leaves generated code. */
export const CUR_RECORD = 0xb4
/** Interpreter: eip of the start of the current code page window (EIP = EIP_BASE + record.off). */
export const EIP_BASE = 0xb8
/** Non-zero when the run loop must look up (interrupts, mode change) before the next block. */
export const ATTENTION = 0xbc
/** Byte offset of the TLB tables for the current CPL: read table, write table. */
export const TLB_READ = 0xc0
export const TLB_WRITE = 0xc4
/**
 * Interrupt shadow after STI / MOV SS / POP SS: interrupts are not recognised before the next instruction retires. Holds
 * that instruction's EIP + 1, and means something only while EIP is there; 0 is none.
 */
export const SHADOW = 0xc8
/** Non-zero when somebody else answers for descriptors and events: what is in memory does not count then. */
export const MONITORED = 0xd8
/** Non-zero while NMIs wait for the next IRET. */
export const NMI_BLOCKED = 0xdc
/** Pointer to the current block's header. */
export const CUR_BLOCK = 0xcc
/** Non-zero while INTR or NMI is asserted: what lets interrupts in must then set ATTENTION. */
export const INTERRUPT_WAITING = 0xf8

/**
 * Segment registers: ES CS SS DS FS GS LDTR TR, 32 bytes each.
 * `READ_LIMIT` / `WRITE_LIMIT` are the inline check: an access at offset o of up to 16 bytes passes without a slow
 * check if `o <u limit word`. 0 = always slow. Flat: 0xffffffff.
 */
export const SEG = 0x100
export const SEG_SIZE = 32
export const SEG_BASE = 0
export const SEG_READ_LIMIT = 8
export const SEG_WRITE_LIMIT = 12
export const SEG_SELECTOR = 16
/** Limit in bytes, granularity applied (last valid offset). */
export const SEG_LIMIT = 20
/** Descriptor's high dword masked with 0x00f0ff00 (type, S, DPL, P, AVL, D/B, G); 0 P bit = unusable. */
export const SEG_ATTR = 24
export const SEG_ES = 0
export const SEG_CS = 1
export const SEG_SS = 2
export const SEG_DS = 3
export const SEG_FS = 4
export const SEG_GS = 5
export const SEG_LDTR = 6
export const SEG_TR = 7

export const GDTR_BASE = 0x200
export const GDTR_LIMIT = 0x208
export const IDTR_BASE = 0x210
export const IDTR_LIMIT = 0x218
export const CR0 = 0x220
export const CR2 = 0x228
export const CR3 = 0x230
export const CR4 = 0x238
/** DR0–DR7 at DR + 8 n. */
export const DR = 0x240
export const EFER = 0x280
/** PAE page-directory-pointer registers, loaded by MOV CR3 (SDM vol. 3A 4.4.1): 4 × 8 bytes. */
export const PDPTE = 0x288
/** Non-zero when the processor has SYSENTER and the MSRs that follow, which lie in the order of their numbers. */
export const HAS_SYSENTER = 0x2a8
export const MSR_SYSENTER_CS = 0x2b0
export const MSR_SYSENTER_ESP = 0x2b8
export const MSR_SYSENTER_EIP = 0x2c0
export const MSR_PAT = 0x2c8
export const MSR_MISC_ENABLE = 0x2d0
/** TSC offset added to virtual time (i64), as WRMSR(IA32_TIME_STAMP_COUNTER) leaves it. */
export const TSC_OFFSET = 0x2d8
export const MSR_TSC_AUX = 0x2e0
/** A20 gate: mask applied to physical addresses (0xffffffff open, 0xffefffff closed). */
export const A20_MASK = 0x2e8
/** Retired instructions since reset, up to the start of the current slice (f64). */
export const RETIRED = 0x2f0

/** x87/MMX: physical register n (not stack position) at `FPR + 16 n`: 64-bit significand, then 16 bits sign+exponent. */
export const FPR = 0x400
export const FPU_CW = 0x480
/** Status word without TOP (bits 11–13 are kept in FPU_TOP). */
export const FPU_SW = 0x484
export const FPU_TOP = 0x488
/** Tag word in full form, 2 bits per physical register (3 = empty). */
export const FPU_TW = 0x48c
export const FPU_OPCODE = 0x490
export const FPU_IP = 0x494
export const FPU_CS = 0x498
export const FPU_DP = 0x49c
export const FPU_DS = 0x4a0
/** XMM0–XMM7 (room for 16), 16 bytes each. */
export const XMM = 0x500
export const MXCSR = 0x600

/** Scratch bytes for helpers that pass wide values. */
export const SCRATCH = 0x700

/** End of the register state; what lock-step compares and a snapshot copies. */
export const STATE_SIZE = 0x800

/* ---- What is known from before; no part of the state ---- */

/** Cycles of the time-stamp counter that an instruction takes; 0 while CYCLES_END is not known. */
export const CYCLES_STEP = 0x800
/** Cycles when BUDGET will have been used up (i64), as long as nothing but instructions takes time. */
export const CYCLES_END = 0x808
/** What FAULT_PAGE announces. */
export const FAULT_CODE = 0x818
export const FAULT_ADDRESS = 0x81c
/** Pages that the lists of the TLB hold. */
export const TLB_LOCAL_COUNT = 0x820
export const TLB_GLOBAL_COUNT = 0x824
/** Bytes of RAM. */
export const RAM_SIZE = 0x828
/** Times an entry of TLB_SLOW was filled since all were last emptied, and entries of ITLB_LOCAL. */
export const TLB_SLOW_COUNT = 0x82c
export const ITLB_LOCAL_COUNT = 0x830
/** Blocks (interp/blocks.ts): where the next one goes, and entries after which one counts as hot. */
export const BLOCKS_NEXT = 0x834
export const BLOCKS_HEAT = 0x838
/** Handlers of the records of dropped blocks (u16): of the first, and of the others. */
export const STALE_ENTRY = 0x840
export const STALE = 0x842
/** CPUID instructions executed (i64). */
export const CPUID_COUNT = 0x810
/**
 * CPUID's answers that depend on nothing else, by the low bits of the leaf: non-zero when the entry is filled, leaf,
 * subleaf, and from 16 on EAX, EBX, ECX, EDX.
 */
export const CPUID_KNOWN = 0x900
export const CPUID_ENTRY = 32
export const CPUID_ENTRIES = 16

/* ---- Linear memory map (bytes) ---- */

/**
 * TLB: four direct tables of 2^20 words, one word per linear page: supervisor read, supervisor write, user read,
 * user write. An entry is `host page - linear page - 3` (mod 2^32), so its low 12 bits are 0xffd; 0 is invalid.
 * `(lin & 0xfff) + size - 4 <u (entry & 0xfff)` (size >= 4; for smaller sizes without the adjustment) says the entry
 * is valid and the access does not cross the page; the host address is then `lin + entry + 3`.
 */
export const TLB = 0x0080_0000
export const TLB_TABLE_SIZE = 0x0040_0000
export const TLB_SUPERVISOR_READ: number = TLB
export const TLB_SUPERVISOR_WRITE: number = TLB + TLB_TABLE_SIZE
export const TLB_USER_READ: number = TLB + 2 * TLB_TABLE_SIZE
export const TLB_USER_WRITE: number = TLB + 3 * TLB_TABLE_SIZE

/** Flags of RAM's pages, a byte each (mmu/physical.ts); for each page the word that tells who may write to it (mmu/tlb.ts). */
export const PAGE_FLAGS = 0x0180_0000
export const TLB_WRITERS = 0x0190_0000
/** Linear pages (numbers) that are in the TLB: those that are not global, and those that are. */
export const TLB_LOCAL = 0x01d0_0000
export const TLB_GLOBAL = 0x01d1_0000
/**
 * Translations that have no place in the TLB (mmu/tlb.ts): their keys, their physical pages (numbers), a byte each that says
 * whether they are global, and the slots filled since all were last emptied, u16 each.
 */
export const TLB_SLOW = 0x01d2_0000
export const TLB_SLOW_FRAMES = 0x01d2_1000
export const TLB_SLOW_GLOBAL = 0x01d2_2000
export const TLB_SLOW_USED = 0x01d2_2800
/** A byte each for 4 MB of linear addresses: non-zero when a large page was walked there. */
export const TLB_LARGE = 0x01d2_3000
/** Slots of the instruction TLB filled from pages that are not global (interp/itlb.ts), u16 each. */
export const ITLB_LOCAL = 0x01d2_4000

/**
 * Where indirect jumps find regions: entries of 16 bytes, by the low bits of EIP and those above (REGION_JUMP_BITS), with
 * the EIP, a key of everything else that a region is made for (translator.ts), and its slot.
 */
export const REGION_JUMPS = 0x01d4_0000
export const REGION_JUMP_ENTRIES = 4096
export const REGION_JUMP_BITS = 12

/** Key under which blocks are decoded: code and stack width, code segment limit, tracing (see interp/blocks.ts). */
export const MODE = 0xd0

/** Instruction TLB (interpreter): direct-mapped words {tag, physical page}. */
export const ITLB = 0x0000_4000
export const ITLB_ENTRIES = 1024
/** Counters of probes (i64 each). */
export const PROBES = 0x0000_8000
export const PROBES_SIZE = 0x8000
/** Words by which regions find one another: a slot of the interpreter's table each, or 0. */
export const REGION_LINKS = 0x0002_0000
export const REGION_LINKS_SIZE = 0x0008_0000
/** Block lookup table (interpreter), 4 MB. */
export const BLOCK_HASH = 0x0010_0000
/**
 * Decoded and translated code by physical page (interp/blocks.ts): 64 bits each, its 64-byte lines that hold some, and the
 * first of its blocks, 0 for none.
 */
export const CODE_LINES = 0x0200_0000
export const CODE_HEADS = 0x0280_0000
/** A word for each physical page, a bit for 128 bytes of it: something there is probed. */
export const PROBED = 0x02c0_0000
/** The decoder's tables as numbers (decode/tables.ts). */
export const DECODING = 0x0050_0000
/** Decoded records. */
export const RECORDS = 0x0300_0000
export const RECORDS_SIZE = 0x0200_0000
/** Guest RAM: physical address p is at RAM + p. */
export const RAM = 0x0500_0000

/* ---- EFLAGS bits ---- */
export const FLAG_CF = 0x1
export const FLAG_PF = 0x4
export const FLAG_AF = 0x10
export const FLAG_ZF = 0x40
export const FLAG_SF = 0x80
export const FLAG_TF = 0x100
export const FLAG_IF = 0x200
export const FLAG_DF = 0x400
export const FLAG_OF = 0x800
export const FLAG_IOPL = 0x3000
export const FLAG_NT = 0x4000
export const FLAG_RF = 0x10000
export const FLAG_VM = 0x20000
export const FLAG_AC = 0x40000
export const FLAG_VIF = 0x80000
export const FLAG_VIP = 0x100000
export const FLAG_ID = 0x200000
/** The six flags that live in LF_RESULT / LF_AUX. */
export const FLAGS_ARITH = 0x8d5

/* ---- CR0, CR4, EFER bits ---- */
export const CR0_PE = 0x1
export const CR0_MP = 0x2
export const CR0_EM = 0x4
export const CR0_TS = 0x8
export const CR0_ET = 0x10
export const CR0_NE = 0x20
export const CR0_WP = 0x10000
export const CR0_AM = 0x40000
export const CR0_NW = 0x20000000
export const CR0_CD = 0x40000000
export const CR0_PG = 0x80000000
export const CR4_VME = 0x1
export const CR4_PVI = 0x2
export const CR4_TSD = 0x4
export const CR4_DE = 0x8
export const CR4_PSE = 0x10
export const CR4_PAE = 0x20
export const CR4_MCE = 0x40
export const CR4_PGE = 0x80
export const CR4_PCE = 0x100
export const CR4_OSFXSR = 0x200
export const CR4_OSXMMEXCPT = 0x400
export const EFER_NXE = 0x800

/* ---- Exception vectors (SDM vol. 3A table 6-1) ---- */
export const VEC_DE = 0
export const VEC_DB = 1
export const VEC_NMI = 2
export const VEC_BP = 3
export const VEC_OF = 4
export const VEC_BR = 5
export const VEC_UD = 6
export const VEC_NM = 7
export const VEC_DF = 8
export const VEC_TS = 10
export const VEC_NP = 11
export const VEC_SS = 12
export const VEC_GP = 13
export const VEC_PF = 14
export const VEC_MF = 16
export const VEC_AC = 17
export const VEC_MC = 18
export const VEC_XM = 19
