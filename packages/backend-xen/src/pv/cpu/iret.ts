/**
 * The iret hypercall (xen/arch/x86/pv/iret.c, compat_iret): a return from a handler that brings the event mask back too. On the stack:
 * EAX, EIP, CS, EFLAGS, and ESP, SS where CS is of ring 2 or 3.
 */
import { VMASST_TYPE_ARCHITECTURAL_IOPL } from '../../abi/pv-cpu.ts'
import { resume } from './bounce.ts'
import { readWord, type Vcpu } from './vcpu.ts'

const EFLAGS_IF = 0x200
const EFLAGS_VM = 0x2_0000
/** TF, NT, RF, VM. */
const EFLAGS_CLEARED = 0x3_4100
const VECTOR_GP = 13
/** The words of a return to virtual-8086 mode behind EAX: EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS. */
const VM86_WORDS = 9

/** The value that EAX is to have. */
export function iret(vcpu: Vcpu): number {
  const { port, state, info } = vcpu
  const sp = port.get('ESP')
  const words = [0, 1, 2, 3].map(n => readWord(vcpu, sp + n * 4))
  const [eax, eip, csWord, eflags] = words as [number, number, number, number]
  if (words.includes(undefined)) return crash(vcpu, 'its stack cannot be read')
  const cs = csWord & 0xffff
  if (((state.vmAssist >> VMASST_TYPE_ARCHITECTURAL_IOPL) & 1) !== 0) state.iopl = (eflags >>> 12) & 3
  if ((eflags & EFLAGS_VM) !== 0) return refuseVm86(vcpu, sp, eax, eflags)
  if ((cs & 3) === 0) return crash(vcpu, 'ring 0 is not its')
  let esp = (sp + 16) >>> 0
  let { selector: ss } = port.segment('SS')
  if ((cs & 3) !== 1) {
    const outerEsp = readWord(vcpu, sp + 16)
    const outerSs = readWord(vcpu, sp + 20)
    if (outerEsp === undefined || outerSs === undefined) return crash(vcpu, 'its stack cannot be read')
    esp = outerEsp
    ss = outerSs & 0xffff
  }
  info.upcallMask = (eflags & EFLAGS_IF) === 0 ? 1 : 0
  state.nmiMasked = false
  port.set('EAX', eax)
  resume(vcpu, { cs, eip, eflags, ss, esp })
  return port.get('EAX')
}

/**
 * Virtual-8086 mode is not to be had: the guest's #GP handler is told, as if the first instruction there had faulted, with the frame
 * that a return would have used.
 */
function refuseVm86(vcpu: Vcpu, sp: number, eax: number, eflags: number): number {
  const { port, state, guest, info } = vcpu
  const ksp = (state.kernelSp - 40) >>> 0
  const frame = guest.copyFrom((sp + 4) >>> 0, VM86_WORDS * 4)
  if (frame === undefined || !guest.copyTo((ksp + 4) >>> 0, frame) || !guest.copyTo(ksp, new Uint8Array(4))) {
    return crash(vcpu, 'its stack cannot be used')
  }
  const handler = state.traps[VECTOR_GP]!
  const masked = handler.masks || (eflags & EFLAGS_IF) === 0
  info.upcallMask = masked ? 1 : 0
  state.nmiMasked = false
  port.set('EAX', eax)
  resume(vcpu, { cs: handler.cs, eip: handler.eip, eflags: eflags & ~EFLAGS_CLEARED, ss: state.kernelSs, esp: ksp })
  return port.get('EAX')
}

function crash(vcpu: Vcpu, why: string): number {
  vcpu.crash(`iret: ${why}`)
  return 0
}
