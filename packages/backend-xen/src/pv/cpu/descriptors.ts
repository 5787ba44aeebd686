/**
 * Segment descriptors of a paravirtual guest (xen/arch/x86/pv/descriptor-tables.c, check_descriptor; asm/desc.h): what it may have in its tables, and
 * Xen's own flat ones. No descriptor of a guest's gives privilege level 0.
 */
import type { GuestMemory } from '@paragraft/core/ports'
import { FLAT_RING1_CS, FLAT_RING3_CS, HYPERVISOR_VIRT_START } from '../../abi/pv.ts'
import { FIRST_RESERVED_GDT_ENTRY } from '../../abi/pv-cpu.ts'
import { PAGE_SIZE } from '../../abi/xen.ts'

const SEGMENT_S = 1 << 12
const SEGMENT_P = 1 << 15
const SEGMENT_DPL = 3 << 13
const SEGMENT_L = 1 << 21
const SEGMENT_G = 1 << 23
/** S and type. */
const TYPE_MASK = 0x1f00
const CALL_GATE = 0xc00
/** Bits that a call gate keeps 0. */
const GATE_RESERVED = 0xe0

/** A descriptor's two words. */
export interface DescriptorWords {
  readonly low: number
  readonly high: number
}

/** The descriptor as it may stand in a guest's table; undefined: not at all. */
export function checkDescriptor({ low, high }: DescriptorWords): DescriptorWords | undefined {
  // It always faults.
  if ((high & SEGMENT_P) === 0) return { low, high }
  const dpl = Math.max((high >>> 13) & 3, 1)
  const raised = ((high & ~SEGMENT_DPL) | (dpl << 13)) >>> 0
  if ((high & SEGMENT_S) !== 0) {
    return (high & SEGMENT_L) === 0 ? reachingTables(low, raised) : undefined
  }
  // The second half of a gate looks like this.
  if ((high & TYPE_MASK) === 0) return { low, high: raised }
  if ((high & TYPE_MASK) !== CALL_GATE || (high & GATE_RESERVED) !== 0) return undefined
  const cs = low >>> 16
  if (!isGateTarget(cs)) return undefined
  // With DPL 0 a call through it faults; its own DPL waits in the selector.
  return { low: ((low & 0xffff) | (((cs & ~3) | dpl) << 16)) >>> 0, high: (high & ~SEGMENT_DPL) >>> 0 }
}

/** Flat segments that end in the hypervisor's hole, as old kernels cut them, reach its end: the M2P table may lie further up. */
function reachingTables(low: number, high: number): DescriptorWords {
  const base = ((high & 0xff00_0000) | ((high & 0xff) << 16) | (low >>> 16)) >>> 0
  const size = ((high & 0xf_0000) | (low & 0xffff)) + 1
  const bytes = (high & SEGMENT_G) === 0 ? size : size * PAGE_SIZE
  if (base !== 0 || bytes <= HYPERVISOR_VIRT_START) return { low, high }
  return { low: (low | 0xffff) >>> 0, high: (high | 0xf_0000) >>> 0 }
}

/** Code that a gate may lead to (guest_gate_selector_okay): the guest's own, and what Xen has for it. */
function isGateTarget(selector: number): boolean {
  return (
    selector === 0 ||
    (selector & 4) !== 0 ||
    selector >>> 3 < FIRST_RESERVED_GDT_ENTRY ||
    selector === FLAT_RING1_CS ||
    selector === FLAT_RING3_CS
  )
}

/** Checks all descriptors of a page, and mends in place those that are mended; false: one is refused, and nothing was written. */
export function checkDescriptorPage(memory: GuestMemory, at: number): boolean {
  const bytes = memory.read(at, PAGE_SIZE)
  const view = new DataView(bytes.buffer)
  let mended = false
  for (let offset = 0; offset < PAGE_SIZE; offset += 8) {
    const words = { low: view.getUint32(offset, true), high: view.getUint32(offset + 4, true) }
    const checked = checkDescriptor(words)
    if (checked === undefined) return false
    if (checked.low === words.low && checked.high === words.high) continue
    view.setUint32(offset, checked.low, true)
    view.setUint32(offset + 4, checked.high, true)
    mended = true
  }
  if (mended) memory.write(at, bytes)
  return true
}

/** A code selector that the guest gives for an entry: never privilege level 0 (fixup_guest_code_selector). */
export function fixSelector(selector: number): number {
  return (selector & 3) === 0 ? selector | 1 : selector
}

/** Xen's descriptors, from selector 0xE000 (boot/x86_64.S, boot_compat_gdt). */
const OWN: readonly (readonly [low: number, high: number])[] = [
  [0, 0],
  // E008, E010: Xen's own code and data. E019, E021: the guest's kernel. E02B, E033: its programs. E038: Xen's 32-bit code.
  [0x0000_ffff, 0x00af_9b00],
  [0x0000_ffff, 0x00cf_9300],
  [0x0000_ffff, 0x00cf_bb00],
  [0x0000_ffff, 0x00cf_b300],
  [0x0000_ffff, 0x00cf_fb00],
  [0x0000_ffff, 0x00cf_f300],
  [0x0000_ffff, 0x00cf_9b00],
]

/** The page of them. */
export function ownDescriptors(): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE)
  const view = new DataView(page.buffer)
  for (const [index, [low, high]] of OWN.entries()) {
    view.setUint32(index * 8, low, true)
    view.setUint32(index * 8 + 4, high, true)
  }
  return page
}
