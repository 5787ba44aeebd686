/**
 * How a PVH guest is interrupted: its local APIC, and before it the upcall of event channels, a vector that is injected
 * while `upcallPending` is set and needs no EOI (xen/arch/x86/hvm/irq.c, hvm_vcpu_has_pending_irq).
 */
import type { Line, Snapshotable } from '@paragraft/core/ports'
import { DELIVERY_FIXED, type LocalApic } from '@paragraft/devices'
import type { VcpuInfo } from './vcpu-info.ts'

export interface PvhInterruptsState {
  vector: number
  apicVector: number
}

export class PvhInterrupts implements Snapshotable<PvhInterruptsState> {
  readonly #vcpu: VcpuInfo
  readonly #intr: Line
  /** What the local APIC asks for. */
  readonly apicLine: Line = {
    set: level => {
      this.#apicLevel = level
      this.update()
    },
  }
  #apic: LocalApic | null = null
  #apicLevel = false
  #vector = 0
  #apicVector = 0

  constructor(vcpu: VcpuInfo, intr: Line) {
    this.#vcpu = vcpu
    this.#intr = intr
  }

  attach(apic: LocalApic): void {
    this.#apic = apic
  }

  /** The guest's vector for upcalls; 0 for none. */
  set vector(vector: number) {
    this.#vector = vector
    this.update()
  }

  /** The guest's vector for upcalls through the local APIC, in place of the other way; 0 for none. */
  set apicVector(vector: number) {
    this.#apicVector = vector
    if (this.#vcpu.upcallPending) this.raise()
  }

  save(): PvhInterruptsState {
    return { vector: this.#vector, apicVector: this.#apicVector }
  }

  /** INTR is the engine's to restore: what the guest has lowered unseen is still to be found out. */
  restore({ vector, apicVector }: PvhInterruptsState): void {
    this.#vector = vector
    this.#apicVector = apicVector
  }

  /** `upcallPending` went up. */
  raise(): void {
    const vector = this.#apicVector
    if (vector === 0) this.update()
    else this.#apic?.deliver({ mode: DELIVERY_FIXED, vector, level: false, destination: 0, logical: false })
  }

  /** Something changed that INTR depends on. The guest lowers `upcallPending` unseen; {@link acknowledge} finds out. */
  update(): void {
    this.#intr.set(this.#apicLevel || this.#upcall())
  }

  /** The vector to deliver, or -1: the guest has seen to its upcall meanwhile. */
  acknowledge(): number {
    if (this.#upcall()) return this.#vector
    if (this.#apicLevel && this.#apic !== null) return this.#apic.acknowledge()
    this.#intr.set(false)
    return -1
  }

  #upcall(): boolean {
    return this.#vector !== 0 && this.#apicVector === 0 && this.#vcpu.upcallPending
  }
}
