/**
 * A virtual processor's struct vcpu_info, wherever it is: in shared_info, or where the guest has put it
 * (VCPUOP_register_vcpu_info).
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { VCPU_INFO_SIZE, VCPU_PENDING_SEL, VCPU_UPCALL_MASK, VCPU_UPCALL_PENDING } from './abi/xen.ts'
import type { SharedPage } from './shared-page.ts'

export class VcpuInfo implements Snapshotable<number | null> {
  readonly #memory: GuestMemory
  readonly #shared: SharedPage
  /** RAM address of the guest's own; null while shared_info's is used. */
  #at: number | null = null

  constructor(memory: GuestMemory, shared: SharedPage) {
    this.#memory = memory
    this.#shared = shared
  }

  /** True once the guest has placed its own. */
  get placed(): boolean {
    return this.#at !== null
  }

  /** From now on at a RAM address, with the contents that it has; unread events are announced again there. */
  place(address: number): void {
    this.#memory.write(address, this.#shared.read(0, VCPU_INFO_SIZE))
    this.#at = address
  }

  save(): number | null {
    return this.#at
  }

  restore(at: number | null): void {
    this.#at = at
  }

  get upcallPending(): boolean {
    return this.#read8(VCPU_UPCALL_PENDING) !== 0
  }

  set upcallPending(pending: boolean) {
    this.#write8(VCPU_UPCALL_PENDING, pending ? 1 : 0)
  }

  get upcallMask(): number {
    return this.#read8(VCPU_UPCALL_MASK)
  }

  set upcallMask(mask: number) {
    this.#write8(VCPU_UPCALL_MASK, mask)
  }

  /** Sets a bit of evtchn_pending_sel; returns whether it was set. */
  testAndSetSel(bit: number): boolean {
    const before = this.read32(VCPU_PENDING_SEL)
    this.write32(VCPU_PENDING_SEL, (before | (1 << bit)) >>> 0)
    return (before & (1 << bit)) !== 0
  }

  /** All words of evtchn_pending_sel set: the guest looks everywhere. */
  selectAll(): void {
    this.write32(VCPU_PENDING_SEL, 0xffff_ffff)
  }

  read32(offset: number): number {
    return this.#at === null ? this.#shared.read32(offset) : this.#memory.read32(this.#at + offset)
  }

  write32(offset: number, value: number): void {
    if (this.#at === null) this.#shared.write32(offset, value)
    else this.#memory.write32(this.#at + offset, value)
  }

  #read8(offset: number): number {
    return this.#at === null ? this.#shared.read8(offset) : this.#memory.read8(this.#at + offset)
  }

  #write8(offset: number, value: number): void {
    if (this.#at === null) this.#shared.write8(offset, value)
    else this.#memory.write8(this.#at + offset, value)
  }
}
