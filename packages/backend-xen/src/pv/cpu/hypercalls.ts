/**
 * Hypercalls on the virtual processor (xen/arch/x86/pv/callback.c, descriptor-tables.c, misc-hypercalls.c; arch/x86/physdev.c;
 * common/kernel.c, vm_assist), in the forms that a 32-bit guest uses.
 */
import { EFAULT, EINVAL, ENOSYS, EPERM } from '../../abi/errno.ts'
import { decode } from '../../abi/layout.ts'
import { FLAT_RING1_CS } from '../../abi/pv.ts'
import * as abi from '../../abi/pv-cpu.ts'
import { PAGE_SIZE } from '../../abi/xen.ts'
import { readStruct } from '../../domain.ts'
import type { Continuation } from '../../hypercall/preemption.ts'
import type { Hypercall, HypercallSet } from '../../hypercall/table.ts'
import { PGT_seg_desc_page } from '../mm/frame-table.ts'
import type { ParavirtualDomain } from '../ports.ts'
import { taskSwitch } from './control.ts'
import { getDebugRegister, setDebugRegister } from './debug.ts'
import { checkDescriptor, fixSelector } from './descriptors.ts'
import { iret } from './iret.ts'
import type { Entry } from './state.ts'
import { VEC_NMI } from './traps.ts'
import type { Vcpu } from './vcpu.ts'

/** A domain with its virtual processor. */
export interface PvGuest extends ParavirtualDomain {
  readonly cpu: Vcpu
}

/** The table ends with an entry whose address is 0; no table at all empties the guest's. */
function setTrapTable({ cpu, guest, preemption }: PvGuest, [table]: readonly number[]): number | Continuation {
  const { traps } = cpu.state
  if (table === 0) {
    for (const trap of traps) Object.assign(trap, { cs: 0, eip: 0, masks: false, dpl: 0 })
    return 0
  }
  for (let at = table!; ; at = (at + abi.TRAP_INFO.size) >>> 0) {
    const bytes = guest.copyFrom(at, abi.TRAP_INFO.size)
    if (bytes === undefined) return -EFAULT
    const { vector, flags, cs, address } = decode(abi.TRAP_INFO, bytes)
    if (address === 0) return 0
    Object.assign(traps[vector]!, {
      cs: fixSelector(cs),
      eip: address,
      masks: (flags & abi.TRAP_MASKS_EVENTS) !== 0,
      dpl: flags & abi.TRAP_DPL,
    })
    if (preemption.spend()) return { args: [at + abi.TRAP_INFO.size] }
  }
}

function setGdt(domain: PvGuest, [list, entries]: readonly number[]): number {
  const { cpu, guest, mm } = domain
  if (entries! > abi.FIRST_RESERVED_GDT_ENTRY) return -EINVAL
  const bytes = guest.copyFrom(list!, Math.ceil(entries! / 512) * 4)
  if (bytes === undefined) return -EFAULT
  const view = new DataView(bytes.buffer)
  const frames = Array.from({ length: bytes.length / 4 }, (_, n) => view.getUint32(n * 4, true))
  for (const [index, mfn] of frames.entries()) {
    if (mm.getDescriptors(mfn)) continue
    for (const taken of frames.slice(0, index)) mm.putDescriptors(taken)
    return -EINVAL
  }
  for (const mfn of cpu.state.gdtFrames) mm.putDescriptors(mfn)
  cpu.state.gdtFrames = frames
  cpu.state.gdtEntries = entries!
  return 0
}

function stackSwitch({ cpu }: PvGuest, [ss, esp]: readonly number[]): number {
  cpu.state.kernelSs = fixSelector(ss! & 0xffff)
  cpu.state.kernelSp = esp!
  return 0
}

function setCallbacks({ cpu }: PvGuest, [eventCs, eventEip, failsafeCs, failsafeEip]: readonly number[]): number {
  Object.assign(cpu.state.event, { cs: fixSelector(eventCs! & 0xffff), eip: eventEip! })
  Object.assign(cpu.state.failsafe, { cs: fixSelector(failsafeCs! & 0xffff), eip: failsafeEip!, masks: false })
  return 0
}

function callbackOp(domain: PvGuest, [command, address]: readonly number[]): number {
  const { state } = domain.cpu
  const entries: Readonly<Record<number, Entry>> = {
    [abi.CALLBACKTYPE_EVENT]: state.event,
    [abi.CALLBACKTYPE_FAILSAFE]: state.failsafe,
    [abi.CALLBACKTYPE_SYSENTER]: state.sysenter,
    [abi.CALLBACKTYPE_SYSCALL32]: state.syscall32,
  }
  if (command === abi.CALLBACKOP_REGISTER) {
    const values = readStruct(domain, address!, abi.CALLBACK_REGISTER)
    if (values === undefined) return -EFAULT
    if (values.type === abi.CALLBACKTYPE_NMI) return registerNmi(domain, values.eip)
    const entry = entries[values.type]
    if (entry === undefined) return -ENOSYS
    entry.cs = fixSelector(values.cs & 0xffff)
    entry.eip = values.eip
    // Events are masked while one is delivered, whatever was asked for.
    entry.masks = entry === state.event || (values.flags & abi.CALLBACKF_MASK_EVENTS) !== 0
    return 0
  }
  if (command === abi.CALLBACKOP_UNREGISTER) {
    const values = readStruct(domain, address!, abi.CALLBACK_UNREGISTER)
    if (values === undefined) return -EFAULT
    if (values.type === abi.CALLBACKTYPE_NMI) return unregisterNmi(domain)
    return entries[values.type] === undefined ? -ENOSYS : -EINVAL
  }
  return -EINVAL
}

function nmiOp(domain: PvGuest, [command, address]: readonly number[]): number {
  if (command === abi.XENNMI_UNREGISTER_CALLBACK) return unregisterNmi(domain)
  if (command !== abi.XENNMI_REGISTER_CALLBACK) return -ENOSYS
  const values = readStruct(domain, address!, abi.XENNMI_CALLBACK)
  return values === undefined ? -EFAULT : registerNmi(domain, values.handlerAddress)
}

function registerNmi({ cpu }: PvGuest, eip: number): number {
  Object.assign(cpu.state.traps[VEC_NMI]!, { cs: FLAT_RING1_CS, eip, masks: true, dpl: 0 })
  return 0
}

function unregisterNmi({ cpu }: PvGuest): number {
  Object.assign(cpu.state.traps[VEC_NMI]!, { cs: 0, eip: 0, masks: false, dpl: 0 })
  return 0
}

/** A descriptor into a page of descriptors, or into one that the guest may write. */
function updateDescriptor(domain: PvGuest, [addressLow, addressHigh, low, high]: readonly number[]): number {
  const { mm, memory } = domain
  const checked = checkDescriptor({ low: low!, high: high! })
  if (checked === undefined || addressLow! % 8 !== 0 || addressHigh !== 0) return -EINVAL
  const mfn = Math.floor(addressLow! / PAGE_SIZE)
  const asDescriptors = mm.table.type[mfn] === PGT_seg_desc_page
  if (asDescriptors ? !mm.getDescriptors(mfn) : !mm.frames.hold(mfn, true)) return -EINVAL
  memory.write32(addressLow!, checked.low)
  memory.write32(addressLow! + 4, checked.high)
  if (asDescriptors) mm.putDescriptors(mfn)
  else mm.frames.release(mfn, true)
  return 0
}

/** vm_assist: 4gb_segments is accepted and means nothing to 32-bit code on a 64-bit Xen. */
function vmAssist({ cpu, mm }: PvGuest, [command, type]: readonly number[]): number {
  if (type! > abi.VMASST_TYPE_RUNSTATE_UPDATE_FLAG) return -EINVAL
  if (command! > abi.VMASST_CMD_DISABLE) return -ENOSYS
  const on = command === abi.VMASST_CMD_ENABLE
  const bit = 1 << type!
  cpu.state.vmAssist = on ? cpu.state.vmAssist | bit : cpu.state.vmAssist & ~bit
  if (type === abi.VMASST_TYPE_WRITABLE_PAGETABLES) mm.writablePageTables = on
  return 0
}

function physdevOp(domain: PvGuest, [command, address]: readonly number[]): number {
  const { state } = domain.cpu
  switch (command) {
    case abi.PHYSDEVOP_SET_IOPL: {
      const values = readStruct(domain, address!, abi.PHYSDEV_SET_IOPL)
      if (values === undefined) return -EFAULT
      if (values.iopl > 3) return -EINVAL
      state.iopl = values.iopl
      return 0
    }
    case abi.PHYSDEVOP_SET_IOBITMAP: {
      const values = readStruct(domain, address!, abi.PHYSDEV_SET_IOBITMAP)
      if (values === undefined) return -EFAULT
      if (values.nrPorts > 65536) return -EINVAL
      state.ioBitmap = values.bitmap
      state.ioPorts = values.nrPorts
      return 0
    }
    case abi.PHYSDEVOP_EOI:
    case abi.PHYSDEVOP_IRQ_STATUS_QUERY:
      // There is no interrupt line that a guest could have bound.
      return -EINVAL
    default:
      domain.reporter.report(`physdev_op ${command}`, `the guest asked for device operation ${command}`)
      return -ENOSYS
  }
}

/** physdev_op_compat: one structure with the command at its beginning. */
function physdevOpCompat(domain: PvGuest, [address]: readonly number[]): number {
  const bytes = domain.guest.copyFrom(address!, 4)
  if (bytes === undefined) return -EFAULT
  const command = new DataView(bytes.buffer).getUint32(0, true)
  const known = [abi.PHYSDEVOP_IRQ_STATUS_QUERY, abi.PHYSDEVOP_SET_IOPL, abi.PHYSDEVOP_SET_IOBITMAP]
  return known.includes(command) ? physdevOp(domain, [command, (address! + abi.PHYSDEV_OP_ARGUMENT) >>> 0]) : -EINVAL
}

/** The control domain's: an ordinary domain may not (xsm/dummy.h). */
const privileged: Hypercall<PvGuest> = () => -EPERM

export const CPU_HYPERCALLS: HypercallSet<PvGuest> = {
  set_trap_table: setTrapTable,
  set_gdt: setGdt,
  stack_switch: stackSwitch,
  set_callbacks: setCallbacks,
  fpu_taskswitch: ({ cpu }, [set]) => {
    taskSwitch(cpu, set !== 0)
    return 0
  },
  set_debugreg: ({ cpu }, [register, value]) => setDebugRegister(cpu, register! | 0, value!),
  get_debugreg: ({ cpu }, [register]) => getDebugRegister(cpu, register! | 0) | 0,
  update_descriptor: updateDescriptor,
  vm_assist: vmAssist,
  iret: ({ cpu }) => iret(cpu),
  nmi_op: nmiOp,
  callback_op: callbackOp,
  physdev_op: physdevOp,
  physdev_op_compat: physdevOpCompat,
  platform_op: privileged,
}
