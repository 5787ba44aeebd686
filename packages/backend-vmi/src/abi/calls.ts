/**
 * The calls of VMI API 3.0: number, prototype, where arguments and results are, what a call may change. The one truth:
 * ROMs, the machine behind them, tests and the guests' header (`abi/vmi-abi.h`) are made from this table.
 *
 * Numbers: Linux 2.6.21–2.6.36, asm/vmi.h and asm/vmi_time.h. Semantics and clobbers: "Paravirtualization API Version
 * 2.0" (March 2006), appendices A and B; where Linux calls differently, Linux is followed and the entry says so.
 * Prototypes are gcc's regparm(3): EAX, EDX, ECX, then the stack, which the caller pops.
 */
import { type CallingConvention, conventionFor, type Signature, signature } from '@paragraft/core/ops'

/** General registers that a call may change beside its result. Flags may always change. */
export type Clobbers =
  /** A C function's: EAX, ECX, EDX. */
  | 'standard'
  /** None: every register but the result's keeps its value. */
  | 'flags'
  /** EAX, EBX, ECX and EDX are results. */
  | 'cpuid'

export interface CallEntry {
  readonly number: number
  /** As in `VMI_CALL_…`. */
  readonly name: string
  /** C prototype with regparm(3); for calls that are no C functions the nearest thing, with `abi` saying what holds. */
  readonly prototype: string
  readonly clobbers: Clobbers
  /**
   * `c`: a function. `cpuid`: EAX and ECX in; EAX, EBX, ECX, EDX out. `iret`: entered by a jump or a call with an interrupt
   * frame on the stack, never returns. `sysexit`: EDX new EIP, ECX new ESP, never returns.
   */
  readonly abi: 'c' | 'cpuid' | 'iret' | 'sysexit'
  /** `flat`: CS, SS, DS and ES are flat. `cs-ss`: only CS and SS are; data is reached through SS. */
  readonly segments: 'flat' | 'cs-ss'
  /** What it does, with the answers to wrong arguments. */
  readonly says: string
}

type Row = [number: number, name: string, prototype: string, says: string, more?: Partial<CallEntry>]

const FLAGS_ONLY = { clobbers: 'flags', segments: 'cs-ss' } as const

const ROWS: readonly Row[] = [
  [
    0,
    'CPUID',
    'void (u32 leaf, u32 unused, u32 subleaf)',
    'the CPUID instruction',
    { abi: 'cpuid', clobbers: 'cpuid' },
  ],
  [1, 'WRMSR', 'void (u64 value, u32 index)', 'WRMSR; #GP(0) for an MSR that is not there'],
  [2, 'RDMSR', 'u64 (u64 unused, u32 index)', 'RDMSR; #GP(0) for an MSR that is not there'],
  [3, 'SetGDT', 'void (VMI_DTR *dtr)', 'loads GDTR from limit (u16) and base (u32)'],
  [4, 'SetLDT', 'void (u32 selector)', 'LLDT; #GP or #NP as LLDT raises'],
  [5, 'SetIDT', 'void (VMI_DTR *dtr)', 'loads IDTR from limit (u16) and base (u32)'],
  [6, 'SetTR', 'void (u32 selector)', 'LTR; #GP or #NP as LTR raises'],
  [7, 'GetGDT', 'void (VMI_DTR *dtr)', 'SGDT'],
  [8, 'GetLDT', 'u32 (void)', 'SLDT, zero-extended'],
  [9, 'GetIDT', 'void (VMI_DTR *dtr)', 'SIDT'],
  [10, 'GetTR', 'u32 (void)', 'STR, zero-extended'],
  [11, 'WriteGDTEntry', 'void (void *gdt, u32 entry, u32 low, u32 high)', 'stores a descriptor at gdt + 8 * entry'],
  [12, 'WriteLDTEntry', 'void (void *ldt, u32 entry, u32 low, u32 high)', 'stores a descriptor at ldt + 8 * entry'],
  [13, 'WriteIDTEntry', 'void (void *idt, u32 entry, u32 low, u32 high)', 'stores a gate at idt + 8 * entry'],
  // The specification passes the TSS's address; Linux (vmi_load_esp0, vmi_load_sp0) the stack's selector.
  [14, 'UpdateKernelStack', 'void (u32 selector, u32 esp0)', 'tells the stack that the current TSS already holds'],
  [15, 'SetCR0', 'void (u32 value)', 'MOV CR0; #GP(0) as MOV raises'],
  [16, 'SetCR2', 'void (u32 value)', 'MOV CR2'],
  [17, 'SetCR3', 'void (u32 value)', 'MOV CR3: also drops non-global translations'],
  [18, 'SetCR4', 'void (u32 value)', 'MOV CR4; #GP(0) as MOV raises'],
  [19, 'GetCR0', 'u32 (void)', 'MOV from CR0'],
  [20, 'GetCR2', 'u32 (void)', 'MOV from CR2'],
  [21, 'GetCR3', 'u32 (void)', 'MOV from CR3'],
  [22, 'GetCR4', 'u32 (void)', 'MOV from CR4'],
  [23, 'WBINVD', 'void (void)', 'WBINVD'],
  [24, 'SetDR', 'void (u32 number, u32 value)', 'MOV DRn; #UD for 8 and above'],
  [25, 'GetDR', 'u32 (u32 number)', 'MOV from DRn; #UD for 8 and above'],
  [26, 'RDPMC', 'u64 (u64 unused, u32 counter)', 'RDPMC; #GP(0) for a counter that is not there'],
  [27, 'RDTSC', 'u64 (void)', 'RDTSC'],
  [28, 'CLTS', 'void (void)', 'CLTS'],
  [29, 'EnableInterrupts', 'void (void)', 'IF := 1; what is pending is delivered before the call is over', FLAGS_ONLY],
  [30, 'DisableInterrupts', 'void (void)', 'IF := 0', FLAGS_ONLY],
  [31, 'GetInterruptMask', 'u32 (void)', '0x200 when interrupts are enabled, else 0', FLAGS_ONLY],
  [32, 'SetInterruptMask', 'void (u32 mask)', 'IF := bit 0x200 of the mask; other bits are ignored', FLAGS_ONLY],
  [33, 'IRET', 'void (void)', 'IRET of the frame on the stack, IOPL excepted', { ...FLAGS_ONLY, abi: 'iret' }],
  [
    34,
    'SYSEXIT',
    'void (u32 unused, u32 eip, u32 esp)',
    'enables interrupts and leaves by SYSEXIT, in one',
    { ...FLAGS_ONLY, abi: 'sysexit' },
  ],
  [35, 'Halt', 'void (void)', 'enables interrupts and halts until one has been served'],
  [36, 'Reboot', 'void (int how)', 'VMI_REBOOT_SOFT or VMI_REBOOT_HARD; anything else is taken as hard'],
  [37, 'Shutdown', 'void (void)', 'switches the power off'],
  [38, 'SetPxE', 'void (u32 value, u32 *entry, u32 flags)', 'stores a page-table entry of 4 bytes'],
  [
    39,
    'SetPxELong',
    'void (u64 value, u64 *entry, u32 flags)',
    'stores a page-table entry of 8 bytes, high half first',
  ],
  [40, 'UpdatePxE', 'void (u32 *entry, u32 flags)', 'tells that the guest has changed an entry of 4 bytes itself'],
  [41, 'UpdatePxELong', 'void (u64 *entry, u32 flags)', 'tells that the guest has changed an entry of 8 bytes itself'],
  [42, 'MachineToPhysical', 'u32 (u32 frame)', 'the guest frame of a machine frame; the same here'],
  [43, 'PhysicalToMachine', 'u32 (u32 frame)', 'the machine frame of a guest frame; the same here'],
  [
    44,
    'AllocatePage',
    'void (u32 frame, u32 flags, u32 source, u32 start, u32 count)',
    'the frame is a page table from now on; with VMI_PAGE_CLONE, count entries from start are those of the frame source',
  ],
  [45, 'ReleasePage', 'void (u32 frame, u32 flags)', 'the frame is no page table any more'],
  [46, 'InvalPage', 'void (u32 va)', 'INVLPG; what was deferred takes effect'],
  [
    47,
    'FlushTLB',
    'void (int how)',
    'VMI_FLUSH_TLB, with VMI_FLUSH_GLOBAL global ones too; what was deferred takes effect',
  ],
  [48, 'SetLinearMapping', 'void (int slot, void *va, u32 pages, u32 frame)', 'tells where physical memory is mapped'],
  [61, 'SetIOPLMask', 'void (u32 mask)', 'EFLAGS.IOPL := bits 0x3000 of the mask'],
  [62, 'SetInitialAPState', 'void (VMI_AP_STATE *state, u32 apicId)', 'where that processor starts when it is started'],
  [63, 'APICWrite', 'void (void *reg, u32 value)', 'stores to a register of the local APIC at its mapping'],
  [64, 'APICRead', 'u32 (void *reg)', 'loads a register of the local APIC from its mapping'],
  [65, 'IODelay', 'void (void)', 'as long as a bus access takes'],
  [66, 'GetCycleFrequency', 'u64 (void)', 'cycles a second of the counters'],
  [67, 'GetCycleCounter', 'u64 (u32 counter)', 'VMI_CYCLES_…; 0 for any other'],
  [
    68,
    'SetAlarm',
    'void (u32 flags, u64 expiry, u64 period)',
    'arms the alarm of the counter in the low byte; nothing for VMI_CYCLES_STOLEN and unknown counters',
  ],
  [69, 'CancelAlarm', 'u32 (u32 flags)', '1 when the alarm was armed, else 0'],
  [70, 'GetWallclockTime', 'u64 (void)', 'nanoseconds since 1970-01-01 UTC'],
  [
    71,
    'WallclockUpdated',
    'u32 (void)',
    '1 when the wall clock has moved against the real counter since the last question',
  ],
  [73, 'SetLazyMode', 'void (u32 mode)', 'VMI_LAZY_…; what was deferred under a mode that ends takes effect'],
]

/** Every call that has a number, in order. */
export const CALLS: readonly CallEntry[] = ROWS.map(([number, name, prototype, says, more]) => ({
  number,
  name,
  prototype,
  clobbers: 'standard',
  abi: 'c',
  segments: 'flat',
  says,
  ...more,
}))

/** Numbers from 0 up to here, excluded, are answered by `get_reloc`; those without a call, and all above, by none. */
export const CALL_LIMIT = 74

/**
 * Calls that only tell something, or whose effect nothing depends on here: the ones that a ROM may answer with nop. A guest erases
 * a call that is answered so, and keeps no native code in its place.
 */
export const HINTS: ReadonlySet<string> = new Set([
  'UpdateKernelStack',
  'WBINVD',
  'UpdatePxE',
  'UpdatePxELong',
  'AllocatePage',
  'ReleasePage',
  'SetLinearMapping',
  'SetInitialAPState',
  'IODelay',
  'SetLazyMode',
])

const BY_NAME = new Map(CALLS.map(call => [call.name, call]))

/** A call by name; undefined for a name that is none. */
export function findCall(name: string): CallEntry | undefined {
  return BY_NAME.get(name)
}

/** How a call's arguments and result travel, as core's `readArguments` and `writeResult` take it. */
export interface CallShape {
  readonly signature: Signature
  readonly convention: CallingConvention
}

const SHAPES = new Map<string, CallShape>()

/** The places of a call's arguments and result. */
export function callShape(call: CallEntry): CallShape {
  let shape = SHAPES.get(call.name)
  if (shape === undefined) {
    const sig = signature(call.prototype)
    const entered = call.abi === 'iret' || call.abi === 'sysexit' ? 'jump' : 'call'
    shape = { signature: sig, convention: conventionFor(sig, 'i386', false, entered) }
    SHAPES.set(call.name, shape)
  }
  return shape
}

/** General registers that a call may have changed when it is over, results included. */
export function changedRegisters(call: CallEntry): readonly string[] {
  if (call.clobbers === 'cpuid') return ['EAX', 'EBX', 'ECX', 'EDX']
  if (call.clobbers === 'flags') return callShape(call).convention.result
  return ['EAX', 'ECX', 'EDX']
}
