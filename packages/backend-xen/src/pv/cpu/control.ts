/** Control registers as a guest reads and writes them (emul-priv-op.c, read_cr and write_cr; domain.c, pv_guest_cr4_fixup). */
import { setCr2 } from './traps.ts'
import type { Vcpu } from './vcpu.ts'

/** What came of an instruction: `again`: it goes on at the same EIP. `refused`: not Xen's to do. Else the exception. */
export type Outcome =
  | 'done'
  | 'again'
  | 'refused'
  | { readonly vector: number; readonly errorCode: number }
  | { readonly address: number; readonly errorCode: number }

export const CR0_TS = 8
const CR4_TSD = 4
const CR4_DE = 8
/** What a guest may choose, of what the processor has; and what it sees as the hypervisor has chosen it. */
const CR4_GUEST = CR4_TSD | CR4_DE
const CR4_VISIBLE = 0x620 | 0x40

export function readControl(vcpu: Vcpu, number: number): number | undefined {
  const { state, processor, mm } = vcpu
  switch (number) {
    case 0:
      return ((processor.readCr(0) & ~CR0_TS) | (state.taskSwitched ? CR0_TS : 0)) >>> 0
    case 2:
      return state.cr2
    case 3:
      return cr3Of(mm.baseptr)
    case 4:
      return guestCr4(vcpu)
    default:
      return undefined
  }
}

export function writeControl(vcpu: Vcpu, number: number, value: number): Outcome {
  const { state, processor, mm } = vcpu
  switch (number) {
    case 0: {
      if (((value ^ processor.readCr(0)) & ~CR0_TS) !== 0) return 'refused'
      taskSwitch(vcpu, (value & CR0_TS) !== 0)
      return 'done'
    }
    case 2:
      setCr2(vcpu, value)
      return 'done'
    case 3:
      return mm.newBaseptr(frameOfCr3(value)) === 0 ? 'done' : 'refused'
    case 4: {
      state.cr4 = value & CR4_GUEST
      processor.writeCr(4, ((processor.readCr(4) & ~CR4_GUEST) | state.cr4) >>> 0)
      return 'done'
    }
    default:
      return 'refused'
  }
}

/** CR4 as the guest sees it: its own choice, and the hypervisor's. */
function guestCr4({ state, processor }: Vcpu): number {
  return (state.cr4 | (processor.readCr(4) & CR4_VISIBLE)) >>> 0
}

/** fpu_taskswitch, CLTS, MOV CR0: the guest wants #NM at its next use of the FPU, or none. */
export function taskSwitch({ state, processor }: Vcpu, set: boolean): void {
  state.taskSwitched = set
  if (set) processor.writeCr(0, (processor.readCr(0) | CR0_TS) >>> 0)
  else processor.clts()
}

/** A 32-bit CR3 holds a frame number of 32 bits, folded (xen-x86_32.h, xen_pfn_to_cr3). */
export function cr3Of(mfn: number): number {
  return ((mfn << 12) | (mfn >>> 20)) >>> 0
}

export function frameOfCr3(cr3: number): number {
  return ((cr3 >>> 12) | (cr3 << 20)) >>> 0
}
