/**
 * Guest pointers of a paravirtual guest: by its tables, at its kernel's rights, and never into the hypervisor's part of the address
 * space (asm-x86/x86_64/uaccess.h, compat_access_ok).
 */
import { HYPERVISOR_VIRT_START } from '../../abi/pv.ts'
import type { GuestPointers } from '../../ports.ts'

export function pvPointers(pointers: GuestPointers): GuestPointers {
  const inside = (address: number, length: number): boolean => address >= 0 && address + length <= HYPERVISOR_VIRT_START
  return {
    copyFrom: (address, length) => (inside(address, length) ? pointers.copyFrom(address, length) : undefined),
    copyTo: (address, bytes) => inside(address, bytes.length) && pointers.copyTo(address, bytes),
  }
}
