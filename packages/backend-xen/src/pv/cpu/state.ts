/** What a paravirtual virtual processor has beside the processor's own registers (xen/include/asm-x86/domain.h, pv_vcpu). */

/** Where the guest takes an event. */
export interface Entry {
  cs: number
  eip: number
  /** Events are masked on the way in. */
  masks: boolean
}

/** An entry of the virtual IDT; `dpl` says from where INT n may use it. */
export interface Trap extends Entry {
  dpl: number
}

/** Plain data: numbers, booleans, arrays and records of them. */
export interface VcpuState {
  /** 256 of them; no handler where the selector is null. */
  traps: Trap[]
  event: Entry
  failsafe: Entry
  sysenter: Entry
  syscall32: Entry
  /** The stack for entries from user mode. */
  kernelSs: number
  kernelSp: number
  /** CR0.TS as the guest asked for it: #NM is its own. */
  taskSwitched: boolean
  cr2: number
  cr4: number
  /** 0–3: as the guest believes; the processor's is 0. */
  iopl: number
  /** Pointer to the guest's I/O permission bitmap, and ports in it. */
  ioBitmap: number
  ioPorts: number
  /** DR0–DR3. */
  breakpoints: number[]
  dr6: number
  dr7: number
  /** Enable bits of DR7 for I/O breakpoints, which are not the processor's. */
  dr7Io: number
  gdtEntries: number
  /** Machine frames of the GDT. */
  gdtFrames: number[]
  ldtBase: number
  ldtEntries: number
  /** Machine frames of the LDT, by page; 0 where it has not been used. */
  ldtFrames: number[]
  /** Bits by VMASST_TYPE. */
  vmAssist: number
  nmiPending: boolean
  /** An NMI is being handled, until the next iret hypercall. */
  nmiMasked: boolean
  /** Address that was last written to the PCI configuration port. */
  cf8: number
  cmosIndex: number
}

const LDT_PAGES = 16
/** DR6 and DR7 after reset (SDM vol. 3A table 9-1). */
export const DR6_DEFAULT = 0xffff_0ff0
export const DR7_DEFAULT = 0x400

export function initialState(): VcpuState {
  const nowhere = (): Entry => ({ cs: 0, eip: 0, masks: false })
  return {
    traps: Array.from({ length: 256 }, () => ({ ...nowhere(), dpl: 0 })),
    event: { ...nowhere(), masks: true },
    failsafe: nowhere(),
    sysenter: nowhere(),
    syscall32: nowhere(),
    kernelSs: 0,
    kernelSp: 0,
    taskSwitched: false,
    cr2: 0,
    cr4: 0,
    iopl: 0,
    ioBitmap: 0,
    ioPorts: 0,
    breakpoints: [0, 0, 0, 0],
    dr6: DR6_DEFAULT,
    dr7: DR7_DEFAULT,
    dr7Io: 0,
    gdtEntries: 0,
    gdtFrames: [],
    ldtBase: 0,
    ldtEntries: 0,
    ldtFrames: new Array<number>(LDT_PAGES).fill(0),
    vmAssist: 0,
    nmiPending: false,
    nmiMasked: false,
    cf8: 0,
    cmosIndex: 0,
  }
}

/** True when the guest has no such entry. */
export function isNowhere(entry: Entry): boolean {
  return (entry.cs & ~3) === 0
}
