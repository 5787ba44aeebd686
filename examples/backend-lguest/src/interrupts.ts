/**
 * Interrupts and exceptions: which may come in, and how the guest's kernel is entered for them. The processor never finds an
 * IDT; it tells the host of every event, and the host does by hand what the processor would have done.
 */
import type { DeprivilegedPort } from '@paragraft/core/ops'
import type { Line, Snapshotable } from '@paragraft/core/ports'
import { DATA, FIRST_VECTOR, IRQS, KERNEL_DS } from './abi.ts'
import type { Descriptors, Gate } from './descriptors.ts'
import { GuestKilled, type GuestRam, hex } from './memory.ts'
import type { ShadowTables } from './shadow.ts'
import type { SharedPage } from './shared.ts'

const EFLAGS_TF = 0x100
const EFLAGS_IF = 0x200
const EFLAGS_IOPL = 0x3000
const EFLAGS_NT = 0x4000
const EFLAGS_RF = 0x1_0000
const VEC_GP = 13
/** Error code of a #GP about a gate: its vector, and that it is one of the IDT's (SDM vol. 3A 6.13). */
const ERROR_IDT = 2

const PROGRAM_RING = 3

/** What an entry needs to be told. */
export interface Entry {
  readonly vector: number
  /** -1: there is none. */
  readonly errorCode: number
  readonly returnEip: number
  /** INT n: the gate says who may. */
  readonly software: boolean
}

export interface InterruptsPorts {
  readonly intr: Line
  readonly deprivileged: DeprivilegedPort
}

export interface InterruptsState {
  pending: number
  stack: { ss: number; esp: number }
}

export class Interrupts implements Snapshotable<InterruptsState> {
  readonly #ports: InterruptsPorts
  readonly #descriptors: Descriptors
  readonly #shadow: ShadowTables
  readonly #ram: GuestRam
  readonly #page: SharedPage
  #pending = 0
  /** Where a program's exceptions arrive. */
  #stack = { ss: KERNEL_DS, esp: 0 }

  constructor(ports: InterruptsPorts, descriptors: Descriptors, shadow: ShadowTables, ram: GuestRam, page: SharedPage) {
    this.#ports = ports
    this.#descriptors = descriptors
    this.#shadow = shadow
    this.#ram = ram
    this.#page = page
  }

  set stack(stack: { ss: number; esp: number }) {
    this.#stack = stack
  }

  /** Where the guest will find the address of the page fault that is about to be delivered. */
  set faultAddress(address: number) {
    this.#page.set(DATA.cr2, address)
  }

  /** A device wants attention. */
  raise(irq: number): void {
    this.#pending |= 1 << irq
    this.poke()
  }

  /** True while one is waiting that the guest would take. */
  get due(): boolean {
    return this.enabled && this.#unmasked() !== 0
  }

  get enabled(): boolean {
    return this.#page.get(DATA.irqEnabled) !== 0
  }

  /**
   * Makes the processor come for the next interrupt, if the guest takes one; else leaves a note, so that the guest calls when it
   * would. To be called whenever something may have changed.
   */
  poke(): void {
    this.#ports.intr.set(this.due)
    this.#page.set(DATA.irqPending, this.#pending)
  }

  /** The processor has come: the vector, or -1 when the guest has changed its mind meanwhile. */
  acknowledge(): number {
    const due = this.due ? this.#unmasked() : 0
    const irq = 31 - Math.clz32(due & -due)
    this.#pending &= ~(due & -due)
    this.poke()
    return due === 0 ? -1 : FIRST_VECTOR + irq
  }

  /** Enters the guest's kernel as an IDT would have it. Throws {@link GuestKilled} when that cannot be. */
  deliver({ vector, errorCode, returnEip, software }: Entry): void {
    const gate = this.#descriptors.gate(vector)
    const cpu = this.#ports.deprivileged
    if (software && (gate === undefined || gate.dpl < cpu.cpl())) {
      this.deliver({ vector: VEC_GP, errorCode: vector * 8 + ERROR_IDT, returnEip: cpu.get('EIP'), software: false })
      return
    }
    if (gate === undefined) throw new GuestKilled(`there is no gate for vector ${vector}, at ${hex(cpu.get('EIP'))}`)
    const flags = cpu.get('EFLAGS')
    const { ss, esp } = this.#push(returnEip, (flags & ~EFLAGS_IF) | this.#page.get(DATA.irqEnabled), errorCode)
    const clear = EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_IOPL
    this.#enter(gate, (flags & ~clear) | EFLAGS_IF, ss, esp)
    if (gate.disables) this.#page.set(DATA.irqEnabled, 0)
    this.poke()
  }

  save(): InterruptsState {
    return { pending: this.#pending, stack: { ...this.#stack } }
  }

  restore({ pending, stack }: InterruptsState): void {
    this.#pending = pending
    this.#stack = { ...stack }
  }

  #enter(gate: Gate, eflags: number, ss: number, esp: number): void {
    const entered = this.#ports.deprivileged.enter({ cs: gate.selector, eip: gate.handler, eflags, ss, esp })
    if (!entered) throw new GuestKilled(`a gate leads to ${hex(gate.selector)}:${hex(gate.handler)}`)
  }

  /** The frame, onto the kernel's stack: this one if it was the kernel that was interrupted, else the one that it has named. */
  #push(eip: number, eflags: number, errorCode: number): { ss: number; esp: number } {
    const cpu = this.#ports.deprivileged
    const interrupted = { ss: cpu.segment('SS').selector, esp: cpu.get('ESP') }
    const fromProgram = cpu.cpl() === PROGRAM_RING
    const words = [...(fromProgram ? [interrupted.ss, interrupted.esp] : []), eflags, cpu.segment('CS').selector, eip]
    if (errorCode >= 0) words.push(errorCode)
    let { ss, esp } = fromProgram ? this.#stack : interrupted
    for (const word of words) {
      esp = (esp - 4) >>> 0
      const pa = this.#shadow.translate(esp, true)
      if (pa === undefined) throw new GuestKilled(`its kernel's stack at ${hex(esp)} cannot be written`)
      this.#ram.write32(pa, word >>> 0)
    }
    return { ss, esp }
  }

  #unmasked(): number {
    return this.#pending & ~this.#page.get(DATA.blockedInterrupts) & ((1 << IRQS) - 1)
  }
}
