/**
 * The page of hypercalls: a slot per number with MOV EAX, number; the instruction that calls; RET. That is VMCALL or VMMCALL,
 * whichever the processor's maker has (xen/arch/x86/hvm/vmx/vmx.c, vmx_init_hypercall_page; svm.c likewise), and the slot that never
 * returns is #UD; in a paravirtual guest it is INT 82h, and that slot is jumped to with EAX pushed (pv/hypercall.c,
 * pv_ring1_init_hypercall_page).
 */
import type { HypercallInstruction } from '@paragraft/core/ports'
import { HYPERCALL_PAGE_SLOTS, HYPERCALL_SLOT_SIZE, HYPERVISOR_IRET } from './abi/hypercalls.ts'
import { PAGE_SIZE } from './abi/xen.ts'

const OPCODES: Readonly<Record<HypercallInstruction, readonly number[]>> = {
  vmcall: [0x0f, 0x01, 0xc1],
  vmmcall: [0x0f, 0x01, 0xd9],
}
const MOV_EAX = 0xb8
const RET = 0xc3
const UD2 = [0x0f, 0x0b]
const PUSH_EAX = 0x50
export const INT_82 = [0xcd, 0x82]
const INT3 = 0xcc
/** "Auth", the first letters of AMD's CPUID vendor string, as EBX has them; Hygon's processors count as AMD's. */
const AUTHENTIC_AMD = 0x68747541
const HYGON_GENUINE = 0x6f677948

/** The maker's instruction, by EBX of CPUID leaf 0. */
export function hypercallInstruction(vendorEbx: number): HypercallInstruction {
  return vendorEbx === AUTHENTIC_AMD || vendorEbx === HYGON_GENUINE ? 'vmmcall' : 'vmcall'
}

export function hypercallPage(instruction: HypercallInstruction): Uint8Array {
  return page(OPCODES[instruction], UD2)
}

export function pvHypercallPage(): Uint8Array {
  return page(INT_82, [PUSH_EAX, ...loadEax(HYPERVISOR_IRET), ...INT_82])
}

function loadEax(number: number): number[] {
  return [MOV_EAX, number, 0, 0, 0]
}

function page(call: readonly number[], iret: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(PAGE_SIZE).fill(INT3)
  for (let number = 0; number < HYPERCALL_PAGE_SLOTS; number++) {
    const code = number === HYPERVISOR_IRET ? iret : [...loadEax(number), ...call, RET]
    bytes.set(code, number * HYPERCALL_SLOT_SIZE)
  }
  return bytes
}
