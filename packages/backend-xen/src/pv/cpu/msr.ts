/** Model-specific registers of a paravirtual guest (emul-priv-op.c, read_msr and write_msr; msr.c, guest_rdmsr). */
import { HYPERCALL_MSR } from '../../abi/hvm.ts'
import { PAGE_SIZE } from '../../abi/xen.ts'
import { pvHypercallPage } from '../../hypercall-page.ts'
import type { Vcpu } from './vcpu.ts'

const IA32_TSC = 0x10
const IA32_APIC_BASE = 0x1b
const IA32_UCODE_REV = 0x8b
const IA32_MCG_CAP = 0x179
const IA32_MCG_STATUS = 0x17a
const IA32_MISC_ENABLE = 0x1a0
const IA32_PERF_CAPABILITIES = 0x345
const EFER = 0xc000_0080
/** APIC_BASE of processor 0: enabled, at the usual place. */
const APIC_BASE = 0xfee0_0900n
/** MISC_ENABLE: what a guest does not see, and what it is told is not there (performance monitoring, MONITOR; BTS, PEBS, xTPR). */
const MISC_HIDDEN = 0x4_0080n
const MISC_ABSENT = 0x80_1800n
/** LME, LMA, LMSLE. */
const EFER_LONG_MODE = 0x2500n

/** Undefined: the guest gets #GP. */
export function readMsr(vcpu: Vcpu, index: number): bigint | undefined {
  const { processor, reporter } = vcpu
  switch (index) {
    case IA32_TSC:
      return processor.readTsc()
    case IA32_APIC_BASE:
      return APIC_BASE
    case IA32_MCG_CAP:
    case IA32_MCG_STATUS:
    case IA32_UCODE_REV:
    case IA32_PERF_CAPABILITIES:
    case HYPERCALL_MSR:
      return 0n
    case IA32_MISC_ENABLE:
      return guestMiscEnable(vcpu)
    case EFER:
      return (processor.readMsr(EFER) ?? 0n) & ~EFER_LONG_MODE
    default:
      reporter.report(
        `rdmsr ${index.toString(16)}`,
        `the guest read MSR 0x${index.toString(16)}, which it does not have`,
      )
      return undefined
  }
}

/** False: the guest gets #GP. */
export function writeMsr(vcpu: Vcpu, index: number, value: bigint): boolean {
  const { reporter } = vcpu
  switch (index) {
    case IA32_UCODE_REV:
    case IA32_MCG_STATUS:
      return true
    case IA32_MISC_ENABLE:
      // Another value is not taken, and nobody is told but the administrator.
      return true
    case HYPERCALL_MSR:
      return placeHypercalls(vcpu, value)
    default:
      reporter.report(
        `wrmsr ${index.toString(16)}`,
        `the guest wrote MSR 0x${index.toString(16)}, which it does not have`,
      )
      return false
  }
}

function guestMiscEnable({ processor }: Vcpu): bigint {
  return ((processor.readMsr(IA32_MISC_ENABLE) ?? 0n) & ~MISC_HIDDEN) | MISC_ABSENT
}

/** The page of hypercalls is written where the guest says (traps.c, wrmsr_hypervisor_regs); the low bits number the page. */
function placeHypercalls({ mm, memory }: Vcpu, value: bigint): boolean {
  const mfn = Number(value >> 12n)
  if ((value & 0xfffn) !== 0n || !mm.frames.hold(mfn, true)) return false
  memory.write(mfn * PAGE_SIZE, pvHypercallPage())
  mm.frames.release(mfn, true)
  return true
}
