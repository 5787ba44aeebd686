/** The virtual processor as its parts use it: what it is made of, and how to end the guest. */
import type { BackendProcessor, DeprivilegedPort } from '@paragraft/core/ops'
import type { GuestMemory, Reporter } from '@paragraft/core/ports'
import { FIRST_RESERVED_GDT_PAGE, VMASST_TYPE_ARCHITECTURAL_IOPL } from '../../abi/pv-cpu.ts'
import { PAGE_SIZE } from '../../abi/xen.ts'
import type { GuestPointers } from '../../ports.ts'
import type { VcpuInfo } from '../../vcpu-info.ts'
import type { PvMemory } from '../ports.ts'
import type { VcpuState } from './state.ts'

export interface Vcpu {
  readonly state: VcpuState
  readonly port: DeprivilegedPort
  readonly processor: BackendProcessor
  readonly info: VcpuInfo
  readonly guest: GuestPointers
  readonly memory: GuestMemory
  readonly mm: PvMemory
  readonly reporter: Reporter
  /** RAM address of the hypervisor's own page of descriptors. */
  readonly ownDescriptors: number
  /** Ends the guest, which did what no hypervisor lets it (domain_crash). */
  crash(why: string): void
}

/** The guest is in its kernel: in ring 1. */
export function inKernel({ port }: Vcpu): boolean {
  return port.cpl() === 1
}

/** The kernel may use I/O instructions and CLI and STI, as the level that the guest believes to be at and its IOPL say. */
export function ioplAllows(vcpu: Vcpu): boolean {
  const { state } = vcpu
  const architectural = ((state.vmAssist >> VMASST_TYPE_ARCHITECTURAL_IOPL) & 1) !== 0
  const level = inKernel(vcpu) ? (architectural ? 0 : 1) : 3
  return level <= state.iopl
}

/** A word by a guest pointer; undefined where it cannot be read. */
export function readWord({ guest }: Vcpu, address: number): number | undefined {
  const bytes = guest.copyFrom(address >>> 0, 4)
  return bytes === undefined ? undefined : new DataView(bytes.buffer).getUint32(0, true)
}

/** Where a page of the guest's descriptor tables is in RAM, for the processor (core's GuestMonitor.descriptors). */
export function descriptorPage(
  vcpu: Vcpu,
  table: 'gdt' | 'ldt',
  page: number,
): number | { pageFault: number } | undefined {
  const { state, mm } = vcpu
  if (table === 'gdt') {
    if (page === FIRST_RESERVED_GDT_PAGE) return vcpu.ownDescriptors
    const mfn = state.gdtFrames[page]
    return mfn === undefined ? undefined : mfn * PAGE_SIZE
  }
  const known = state.ldtFrames[page]!
  if (known !== 0) return known * PAGE_SIZE
  // pv_map_ldt_shadow_page: by the tables in use, as the guest would reach it, and never writable by the guest meanwhile.
  const address = (state.ldtBase + page * PAGE_SIZE) >>> 0
  const found = mm.translate(address)
  if (found === undefined || !mm.getDescriptors(found.mfn)) return { pageFault: address }
  state.ldtFrames[page] = found.mfn
  return found.mfn * PAGE_SIZE
}

/** Forgets the frames of the LDT (pv_destroy_ldt). */
export function dropLdt({ state, mm }: Vcpu): void {
  for (const [page, mfn] of state.ldtFrames.entries()) {
    if (mfn === 0) continue
    state.ldtFrames[page] = 0
    mm.putDescriptors(mfn)
  }
}

/** Base of the segment that a selector names, whatever it is; undefined where there is no descriptor. */
export function segmentBase(vcpu: Vcpu, selector: number): number | undefined {
  if ((selector & 0xfffc) === 0) return undefined
  const table = (selector & 4) === 0 ? 'gdt' : 'ldt'
  if (table === 'ldt' && selector >>> 3 >= vcpu.state.ldtEntries) return undefined
  const page = descriptorPage(vcpu, table, (selector & 0xfff8) >>> 12)
  if (typeof page !== 'number') return undefined
  const at = page + (selector & 0xff8)
  const low = vcpu.memory.read32(at)
  const high = vcpu.memory.read32(at + 4)
  return ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0
}
