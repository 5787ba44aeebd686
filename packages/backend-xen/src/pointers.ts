/**
 * Guest pointers by the guest's own page tables, at kernel privilege: how a hypercall of an HVM guest reads its arguments
 * (xen/arch/x86/hvm/hvm.c, copy_from_user_hvm: linear addresses through the tables in use).
 */
import { isParagraftError } from '@paragraft/core/errors'
import type { VirtualMemory } from '@paragraft/core/ops'
import type { GuestPointers } from './ports.ts'

export function guestPointers(virtual: VirtualMemory): GuestPointers {
  return {
    copyFrom(address, length) {
      const bytes = new Uint8Array(length)
      const view = new DataView(bytes.buffer)
      const ok = attempt(() => {
        let at = 0
        for (; at + 4 <= length; at += 4) view.setUint32(at, virtual.readVirtual32((address + at) >>> 0), true)
        for (; at < length; at++) bytes[at] = virtual.readVirtual8((address + at) >>> 0)
      })
      return ok ? bytes : undefined
    },
    copyTo(address, bytes) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      return attempt(() => {
        let at = 0
        for (; at + 4 <= bytes.length; at += 4) virtual.writeVirtual32((address + at) >>> 0, view.getUint32(at, true))
        for (; at < bytes.length; at++) virtual.writeVirtual8((address + at) >>> 0, bytes[at]!)
      })
    },
  }
}

/** False when the guest's tables do not map what was asked for. */
function attempt(action: () => void): boolean {
  try {
    action()
    return true
  } catch (error) {
    if (isParagraftError(error) && error.code === 'PG_HOST_MEMORY') return false
    throw error
  }
}
