/** CPUID as a domain sees it: the hypervisor's own leaves (arch-x86/cpuid.h), and the bit that says there is one. */
import type { CpuidRegisters } from '@paragraft/core/ports'
import * as hvm from './abi/hvm.ts'
import { XEN_MAJOR, XEN_MINOR } from './abi/version.ts'
import { GUEST_DOMID } from './abi/xen.ts'

/** "XenV", "MMXe", "nVMM". */
const SIGNATURE = [0x566e6558, 0x65584d4d, 0x4d4d566e] as const
const TSC_KHZ = 1_000_000

/** Features that a paravirtual guest does not have (x86/cpuid.c, pv_max_featuremask): VME, PSE, MTRR, PGE, PSE-36. */
const NOT_PARAVIRTUAL = (1 << 1) | (1 << 3) | (1 << 12) | (1 << 13) | (1 << 17)
/** Leaf 2, ECX: MMU_PT_UPDATE_PRESERVE_AD is known. */
const FEAT1_MMU_PT_UPDATE_PRESERVE_AD = 1
/** Bits of the machine's addresses. */
const MACHINE_ADDRESS_WIDTH = 32

/** The leaf as a paravirtual guest sees it. */
export function pvCpuidLeaf(leaf: number, subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined {
  const common = cpuidLeaf(leaf, subleaf, own)
  if (leaf === 1) return [common![0], common![1], common![2], (own[3] & ~NOT_PARAVIRTUAL) >>> 0]
  switch (leaf - hvm.XEN_CPUID_FIRST_LEAF) {
    case 2:
      return [1, hvm.HYPERCALL_MSR, FEAT1_MMU_PT_UPDATE_PRESERVE_AD, 0]
    case 4:
      return [0, 0, 0, 0]
    case 5:
      return [0, subleaf === 0 ? MACHINE_ADDRESS_WIDTH : 0, 0, 0]
    default:
      return common
  }
}

/** The leaf as it is to be seen; undefined where the processor's own answer stands. */
export function cpuidLeaf(leaf: number, subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined {
  if (leaf === 1) return [own[0], own[1], (own[2] | hvm.CPUID_HYPERVISOR) >>> 0, own[3]]
  if (leaf < hvm.XEN_CPUID_FIRST_LEAF || leaf > hvm.XEN_CPUID_MAX_LEAF) return undefined
  switch (leaf - hvm.XEN_CPUID_FIRST_LEAF) {
    case 0:
      return [hvm.XEN_CPUID_MAX_LEAF, ...SIGNATURE]
    case 1:
      return [(XEN_MAJOR << 16) | XEN_MINOR, 0, 0, 0]
    case 2:
      // One page of hypercalls, by this MSR.
      return [1, hvm.HYPERCALL_MSR, 0, 0]
    case 3:
      // Time: sub-leaf 0 has the mode (0: default) and the counter's frequency, 1 the scale, 2 the host's frequency.
      if (subleaf === 0) return [0, 0, TSC_KHZ, 0]
      if (subleaf === 1) return [0, 0, 0x8000_0000, 1]
      return subleaf === 2 ? [TSC_KHZ, 0, 0, 0] : [0, 0, 0, 0]
    case 4:
      return [hvm.XEN_HVM_CPUID_VCPU_ID_PRESENT | hvm.XEN_HVM_CPUID_DOMID_PRESENT, 0, GUEST_DOMID, 0]
    default:
      // Leaf 5 is for PV guests.
      return [0, 0, 0, 0]
  }
}
