/**
 * Privileged instructions of a guest kernel that Xen executes for it (xen/arch/x86/pv/emul-priv-op.c; emul-inv-op.c). They are
 * few: HLT, INVLPG, LGDT, LMSW and their like are not among them, and are #GP to the guest as everything else is.
 */

import { type Outcome, readControl, writeControl } from './control.ts'
import { getDebugRegister, setDebugRegister } from './debug.ts'
import { CODE_LENGTH, type Decoded, decodePrivileged } from './decode.ts'
import { portInstruction } from './io.ts'
import { readMsr, writeMsr } from './msr.ts'
import { inject, injectPageFault, singleStep, VEC_GP } from './traps.ts'
import { inKernel, ioplAllows, type Vcpu } from './vcpu.ts'

const FLAG_TF = 0x100
const FLAG_RF = 0x1_0000
/** UD2, "xen", CPUID (xen.h, XEN_CPUID). */
const FORCED_CPUID = [0x0f, 0x0b, 0x78, 0x65, 0x6e, 0x0f, 0xa2]
const GPR = ['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI'] as const

/**
 * Executes the instruction at CS:EIP, if it is one that Xen does, and moves EIP behind it, or sends the guest to a handler of the
 * exception that comes of it. False: it is not, and its #GP is the guest's.
 */
export function emulatePrivileged(vcpu: Vcpu): boolean {
  const { port } = vcpu
  const code = fetch(vcpu)
  const decoded =
    code === undefined ? undefined : decodePrivileged(code, (port.segment('CS').attributes & 0x400000) !== 0)
  if (decoded === undefined) return false
  const outcome = execute(vcpu, decoded)
  if (outcome === 'refused') return false
  if (typeof outcome === 'object') {
    if ('address' in outcome) injectPageFault(vcpu, outcome.address, outcome.errorCode)
    else inject(vcpu, outcome.vector, outcome.errorCode)
    return true
  }
  if (outcome === 'again') return true
  finish(vcpu, decoded.length)
  return true
}

/** The forced-emulation prefix before CPUID, by which a guest asks Xen and not the processor. */
export function emulateForced(vcpu: Vcpu): boolean {
  const code = fetch(vcpu)
  if (code === undefined || !FORCED_CPUID.every((byte, n) => code[n] === byte)) return false
  cpuid(vcpu)
  finish(vcpu, FORCED_CPUID.length)
  return true
}

/** Bytes at CS:EIP, as far as they can be read. */
function fetch({ port, guest }: Vcpu): Uint8Array | undefined {
  const at = (port.segment('CS').base + port.get('EIP')) >>> 0
  const all = guest.copyFrom(at, CODE_LENGTH)
  if (all !== undefined) return all
  return guest.copyFrom(at, Math.min(CODE_LENGTH, 0x1000 - (at & 0xfff)))
}

/** EIP behind the instruction, RF clear; a single-stepped guest gets its #DB. */
function finish(vcpu: Vcpu, length: number): void {
  const { port } = vcpu
  const flags = port.get('EFLAGS')
  port.set('EIP', (port.get('EIP') + length) >>> 0)
  if ((flags & FLAG_RF) !== 0) port.set('EFLAGS', flags & ~FLAG_RF)
  if ((flags & FLAG_TF) !== 0) singleStep(vcpu)
}

function execute(vcpu: Vcpu, decoded: Decoded): Outcome {
  const { port, processor, state } = vcpu
  if (decoded.kind === 'port') return portInstruction(vcpu, decoded)
  if (decoded.kind === 'cli') return ioplAllows(vcpu) ? 'done' : 'refused'
  if (decoded.kind === 'cpuid') {
    cpuid(vcpu)
    return 'done'
  }
  if (decoded.kind === 'rdtsc') {
    const tsc = processor.readTsc()
    port.set('EAX', Number(tsc & 0xffff_ffffn))
    port.set('EDX', Number(tsc >> 32n))
    return 'done'
  }
  // The others are for the kernel, whatever ring it is in.
  if (!inKernel(vcpu)) return { vector: VEC_GP, errorCode: 0 }
  const register = GPR[decoded.register]!
  switch (decoded.kind) {
    case 'clts':
      state.taskSwitched = false
      processor.clts()
      return 'done'
    case 'wbinvd':
      return 'done'
    case 'readCr': {
      const value = readControl(vcpu, decoded.number)
      if (value === undefined) return 'refused'
      port.set(register, value)
      return 'done'
    }
    case 'writeCr':
      return writeControl(vcpu, decoded.number, port.get(register))
    case 'readDr': {
      const value = getDebugRegister(vcpu, decoded.number)
      if (value < 0) return 'refused'
      port.set(register, value)
      return 'done'
    }
    case 'writeDr':
      return setDebugRegister(vcpu, decoded.number, port.get(register)) === 0 ? 'done' : 'refused'
    case 'rdmsr': {
      const value = readMsr(vcpu, port.get('ECX'))
      if (value === undefined) return 'refused'
      port.set('EAX', Number(value & 0xffff_ffffn))
      port.set('EDX', Number(value >> 32n))
      return 'done'
    }
    case 'wrmsr': {
      const value = (BigInt(port.get('EDX')) << 32n) | BigInt(port.get('EAX'))
      return writeMsr(vcpu, port.get('ECX'), value) ? 'done' : 'refused'
    }
  }
}

function cpuid({ port, processor }: Vcpu): void {
  const { eax, ebx, ecx, edx } = processor.cpuid(port.get('EAX'), port.get('ECX'))
  port.set('EAX', eax)
  port.set('EBX', ebx)
  port.set('ECX', ecx)
  port.set('EDX', edx)
}
