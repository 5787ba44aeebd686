/**
 * Parameters of an HVM domain (xen/arch/x86/hvm/hvm.c, hvmop_set_param and hvmop_get_param: which of them a guest may set
 * and see itself).
 */
import type { Snapshotable } from '@paragraft/core/ports'
import { EINVAL, EPERM } from './abi/errno.ts'
import * as hvm from './abi/hvm.ts'

const SETTABLE = new Set([
  hvm.HVM_PARAM_CALLBACK_IRQ,
  hvm.HVM_PARAM_VM86_TSS,
  hvm.HVM_PARAM_VM86_TSS_SIZED,
  hvm.HVM_PARAM_ACPI_IOPORTS_LOCATION,
  hvm.HVM_PARAM_VM_GENERATION_ID_ADDR,
  hvm.HVM_PARAM_STORE_EVTCHN,
  hvm.HVM_PARAM_CONSOLE_EVTCHN,
  hvm.HVM_PARAM_X87_FIP_WIDTH,
])
const VISIBLE = new Set([
  hvm.HVM_PARAM_CALLBACK_IRQ,
  hvm.HVM_PARAM_VM86_TSS,
  hvm.HVM_PARAM_VM86_TSS_SIZED,
  hvm.HVM_PARAM_ACPI_IOPORTS_LOCATION,
  hvm.HVM_PARAM_VM_GENERATION_ID_ADDR,
  hvm.HVM_PARAM_STORE_PFN,
  hvm.HVM_PARAM_STORE_EVTCHN,
  hvm.HVM_PARAM_CONSOLE_PFN,
  hvm.HVM_PARAM_CONSOLE_EVTCHN,
  hvm.HVM_PARAM_X87_FIP_WIDTH,
])

/** A 64-bit parameter, in halves. */
export interface ParamValue {
  readonly low: number
  readonly high: number
}

export type HvmParamsState = [index: number, value: ParamValue][]

export class HvmParams implements Snapshotable<HvmParamsState> {
  readonly #values = new Map<number, ParamValue>()
  readonly #onSet: (index: number, value: ParamValue) => void

  /** `onSet`: the guest has set one. */
  constructor(onSet: (index: number, value: ParamValue) => void) {
    this.#onSet = onSet
  }

  /** The toolstack's: any. */
  define(index: number, low: number): void {
    this.#values.set(index, { low, high: 0 })
  }

  save(): HvmParamsState {
    return Array.from(this.#values, ([index, { low, high }]) => [index, { low, high }])
  }

  restore(values: HvmParamsState): void {
    this.#values.clear()
    for (const [index, value] of values) this.#values.set(index, value)
  }

  set(index: number, value: ParamValue): number {
    if (index >= hvm.HVM_NR_PARAMS) return -EINVAL
    if (!SETTABLE.has(index)) return -EPERM
    this.#values.set(index, value)
    this.#onSet(index, value)
    return 0
  }

  get(index: number): ParamValue | number {
    if (index >= hvm.HVM_NR_PARAMS) return -EINVAL
    if (!VISIBLE.has(index)) return -EPERM
    return this.#values.get(index) ?? { low: 0, high: 0 }
  }
}
