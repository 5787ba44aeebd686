/**
 * Sending the guest to a handler of its own, with a frame on its stack as an interrupt gate would leave it
 * (xen/arch/x86/x86_64/compat/entry.S, compat_create_bounce_frame).
 */
import type { GuestContext } from '@paragraft/core/ops'
import { VMASST_TYPE_ARCHITECTURAL_IOPL } from '../../abi/pv-cpu.ts'
import { type Entry, isNowhere } from './state.ts'
import { segmentBase, type Vcpu } from './vcpu.ts'

const EFLAGS_IF = 0x200
const EFLAGS_IOPL = 0x3000
/** TF, NT, RF, VM: cleared on the way into a handler. */
const EFLAGS_CLEARED = 0x3_4100
/** IOPL, NT, VM: never set while the guest runs (compat_restore_all_guest). */
const EFLAGS_FORBIDDEN = 0x2_7000

/** The handler, and the exception's error code where it has one. `context`: where the guest was; it is there now by default. */
export interface Bounce {
  readonly entry: Entry
  readonly errorCode?: number
  /** The data segments are pushed too: the failsafe callback. */
  readonly failsafe?: boolean
  readonly context?: GuestContext
}

export function contextOf({ port }: Vcpu): GuestContext {
  return {
    cs: port.segment('CS').selector,
    eip: port.get('EIP'),
    eflags: port.get('EFLAGS'),
    ss: port.segment('SS').selector,
    esp: port.get('ESP'),
  }
}

/** Continues the guest at the handler. What cannot be done ends the guest. */
export function bounce(vcpu: Vcpu, { entry, errorCode, failsafe, context = contextOf(vcpu) }: Bounce): void {
  const { port, state, info } = vcpu
  if (isNowhere(entry)) {
    vcpu.crash(`it has no handler: the code selector of the one for this event is ${hex(entry.cs)}`)
    return
  }
  const mask = info.upcallMask
  const words: number[] = []
  if (failsafe === true) for (const name of ['DS', 'ES', 'FS', 'GS'] as const) words.push(port.segment(name).selector)
  if (errorCode !== undefined) words.push(errorCode)
  words.push(context.eip, context.cs | (mask << 16), frameFlags(vcpu, context.eflags, mask))
  const fromUser = (context.cs & 2) !== 0
  if (fromUser) words.push(context.esp, context.ss)
  const ss = fromUser ? state.kernelSs : context.ss
  const esp = ((fromUser ? state.kernelSp : context.esp) - words.length * 4) >>> 0
  const base = segmentBase(vcpu, ss)
  if (base === undefined || !vcpu.guest.copyTo((base + esp) >>> 0, bytesOf(words))) {
    vcpu.crash(`the frame of an event does not fit on its stack, ${hex(ss)}:${hex(esp)}`)
    return
  }
  if (entry.masks) info.upcallMask = mask | 1
  resume(vcpu, { cs: entry.cs, eip: entry.eip, eflags: context.eflags & ~EFLAGS_CLEARED, ss, esp }, failsafe === true)
}

/**
 * Continues the guest. Where the processor refuses, its failsafe callback is told, with what was refused as the context; refused that
 * too, the guest ends.
 */
export function resume(vcpu: Vcpu, context: GuestContext, last = false): void {
  if (vcpu.port.enter({ ...context, eflags: (context.eflags & ~EFLAGS_FORBIDDEN) | EFLAGS_IF })) return
  if (last) vcpu.crash(`it cannot be continued at ${hex(context.cs)}:${hex(context.eip)}`)
  else bounce(vcpu, { entry: vcpu.state.failsafe, failsafe: true, context })
}

/** EFLAGS as the guest knows them: IF says that events are not masked, IOPL is its own if it asked for that. */
function frameFlags({ state }: Vcpu, eflags: number, mask: number): number {
  const architectural = ((state.vmAssist >> VMASST_TYPE_ARCHITECTURAL_IOPL) & 1) !== 0
  const iopl = architectural ? state.iopl << 12 : 0
  return (eflags & ~(EFLAGS_IF | EFLAGS_IOPL)) | iopl | (mask === 0 ? EFLAGS_IF : 0)
}

function bytesOf(words: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(words.length * 4)
  const view = new DataView(bytes.buffer)
  for (const [index, word] of words.entries()) view.setUint32(index * 4, word, true)
  return bytes
}

const hex = (value: number): string => `0x${(value >>> 0).toString(16)}`
