/**
 * Exceptions and software interrupts of the guest: what Xen sees to itself, and what the guest's trap table is for
 * (xen/arch/x86/traps.c; pv/traps.c, pv_inject_event).
 */
import type { InterceptedEvent } from '@paragraft/core/ops'
import { VCPU_ARCH_CR2 } from '../../abi/xen.ts'
import { bounce, contextOf } from './bounce.ts'
import { noteDebugException } from './debug.ts'
import { emulateForced, emulatePrivileged } from './emulate.ts'
import type { Vcpu } from './vcpu.ts'
import { inKernel, readWord } from './vcpu.ts'

export const VEC_DB = 1
export const VEC_NMI = 2
const VEC_BP = 3
const VEC_OF = 4
const VEC_UD = 6
const VEC_NM = 7
export const VEC_GP = 13
export const VEC_PF = 14
/** Error code of a #GP that a gate of the IDT is the cause of: its vector, above this bit. */
const EC_IDT = 2
const EC_USER = 4
const EC_WRITE = 2

const INT80 = 0x80
export const HYPERCALL_VECTOR = 0x82
const SYSENTER = 0x340f
/** Xen's own data segment for programs, which SYSENTER's frame has for a stack. */
const FLAT_RING3_DS = 0xe033
const FLAG_TF = 0x100
const DR6_BS = 0x4000

/** Sends the guest to its handler of an exception. */
export function inject(vcpu: Vcpu, vector: number, errorCode?: number): void {
  const entry = vcpu.state.traps[vector]!
  if ((entry.cs & ~3) === 0) {
    const code = errorCode === undefined ? '' : `, error code 0x${errorCode.toString(16)}`
    const at = vector === VEC_PF ? `, address 0x${vcpu.state.cr2.toString(16)}` : ''
    vcpu.crash(`exception ${vector}${code}${at}, for which it has no handler`)
    return
  }
  bounce(vcpu, { entry, ...(errorCode === undefined ? {} : { errorCode }) })
}

/** #PF: the address goes where the guest finds it. */
export function injectPageFault(vcpu: Vcpu, address: number, errorCode: number): void {
  setCr2(vcpu, address)
  inject(vcpu, VEC_PF, (errorCode & ~EC_USER) | (inKernel(vcpu) ? 0 : EC_USER))
}

export function setCr2({ state, info }: Vcpu, address: number): void {
  state.cr2 = address
  info.write32(VCPU_ARCH_CR2, address)
}

/** An exception of an instruction. True: Xen has executed the instruction, which counts as retired. */
export function exception(vcpu: Vcpu, { vector, errorCode, address }: InterceptedEvent): boolean {
  const { state, processor, mm } = vcpu
  const code = errorCode < 0 ? undefined : errorCode
  switch (vector) {
    case VEC_DB:
      noteDebugException(vcpu)
      inject(vcpu, VEC_DB)
      return false
    case VEC_UD:
      if (emulateForced(vcpu)) return true
      break
    case VEC_NM:
      // The registers are the guest's own always; the flag is kept for it alone, and lowered as #NM is delivered.
      processor.clts()
      if (!state.taskSwitched) return false
      state.taskSwitched = false
      break
    case VEC_GP:
      return generalProtection(vcpu, errorCode)
    case VEC_PF: {
      const eip = vcpu.port.get('EIP')
      const single = (vcpu.port.get('EFLAGS') & FLAG_TF) !== 0
      if (mm.pageFault(address, errorCode) === 'guest') injectPageFault(vcpu, address, errorCode)
      else if (single && (errorCode & EC_WRITE) !== 0 && vcpu.port.get('EIP') !== eip) singleStep(vcpu)
      return false
    }
    default:
  }
  inject(vcpu, vector, code)
  return false
}

function generalProtection(vcpu: Vcpu, errorCode: number): boolean {
  if (errorCode === 0) {
    if (emulatePrivileged(vcpu)) return true
    if (sysenter(vcpu)) return false
  }
  inject(vcpu, VEC_GP, errorCode)
  return false
}

/** INT n and its like, hypercalls excepted. EIP is the instruction's. */
export function softwareInterrupt(vcpu: Vcpu, { vector, returnEip }: InterceptedEvent): void {
  const { port, state } = vcpu
  if (vector === VEC_BP || vector === VEC_OF) {
    port.set('EIP', returnEip)
    inject(vcpu, vector)
    return
  }
  const trap = state.traps[vector]!
  const known = (trap.cs & ~3) !== 0
  // Vector 0x80 has a gate of its own; the others reach the guest by the #GP that Xen's IDT answers with.
  const allowed = vector === INT80 ? known : trap.dpl >= (inKernel(vcpu) ? 1 : 3)
  if (!allowed) {
    inject(vcpu, VEC_GP, vector * 8 + EC_IDT)
    return
  }
  port.set('EIP', returnEip)
  inject(vcpu, vector)
}

/** An emulated instruction has retired with TF set. */
export function singleStep(vcpu: Vcpu): void {
  vcpu.state.dr6 = (vcpu.state.dr6 | DR6_BS) >>> 0
  inject(vcpu, VEC_DB)
}

/**
 * SYSENTER of a program, which a 64-bit Xen takes first (compat_sysenter): the guest's callback gets a frame without a place to return
 * to. False: it is not that instruction, or the guest has no callback, and then #GP is what it gets.
 */
function sysenter(vcpu: Vcpu): boolean {
  const { port, state } = vcpu
  const entry = state.sysenter
  if ((entry.cs & ~3) === 0 || inKernel(vcpu)) return false
  const code = readWord(vcpu, port.segment('CS').base + port.get('EIP'))
  if (code === undefined || (code & 0xffff) !== SYSENTER) return false
  bounce(vcpu, { entry, context: { ...contextOf(vcpu), cs: 3, eip: 0, ss: FLAT_RING3_DS, esp: 0 } })
  return true
}
