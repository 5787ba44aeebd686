/**
 * A guest: its parts put together, and what the machine asks of them while it runs. The guest's kernel executes in ring 1 and
 * its programs in ring 3, natively; whatever that comes to in the end comes here.
 */

import { isParagraftError } from '@paragraft/core/errors'
import type { StartOfDay } from '@paragraft/core/image'
import type {
  BackendCounts,
  BackendInstance,
  BackendPorts,
  GuestException,
  GuestMonitor,
  HypercallFrame,
  InterceptedEvent,
} from '@paragraft/core/ops'
import type { CpuidRegisters, IoBus, PowerPort, Snapshotable } from '@paragraft/core/ports'
import { type NamedStates, together } from '@paragraft/core/snapshot'
import { Uart16550 } from '@paragraft/devices'
import { IRQ_CLOCK, IRQ_SERIAL, KERNEL_CS, KERNEL_DS, KERNEL_RING } from './abi.ts'
import { ClockEvent } from './clock.ts'
import { Descriptors } from './descriptors.ts'
import { Hypercalls } from './hypercalls.ts'
import { emulate } from './instructions.ts'
import { Interrupts } from './interrupts.ts'
import { GuestKilled, GuestRam, HOST_BYTES, hostBase } from './memory.ts'
import { ShadowTables } from './shadow.ts'
import { SharedPage } from './shared.ts'

const PAGE = 4096
const COM1 = 0x3f8
const PM1A_CNT = 0x604
const PM1_SLP_EN = 0x2000
const VEC_GP = 13
const VEC_PF = 14

/** CPUID leaf 1, EDX: what a guest may know that it has (Intel SDM vol. 2): FPU, TSC, CX8, CMOV, MMX, FXSR, SSE, SSE2. */
const SHOWN = (1 << 0) | (1 << 4) | (1 << 8) | (1 << 15) | (1 << 23) | (1 << 24) | (1 << 25) | (1 << 26)
/** Leaves that are nobody else's say who is there. */
const CPUID_HYPERVISOR = 0x4000_0000

export class Guest implements BackendInstance, GuestMonitor, Snapshotable<NamedStates> {
  readonly #ports: BackendPorts
  readonly #ram: GuestRam
  readonly #shadow: ShadowTables
  readonly #tables: Descriptors
  readonly #interrupts: Interrupts
  readonly #hypercalls: Hypercalls
  /** All that has a state. */
  readonly #parts: Snapshotable<NamedStates>

  constructor(ports: BackendPorts) {
    const { memory, clock, epochSeconds, io, power, deprivileged } = ports
    const host = hostBase(memory.size)
    const ram = new GuestRam(memory)
    const page = new SharedPage(ram)
    const descriptors = new Descriptors(memory, deprivileged, host, host + PAGE)
    const shadow = new ShadowTables(ports, host + 2 * PAGE, HOST_BYTES - 2 * PAGE)
    const interrupts = new Interrupts(ports, descriptors, shadow, ram, page)
    const clockEvent = new ClockEvent(clock, epochSeconds, page, () => interrupts.raise(IRQ_CLOCK))
    const hypercalls = new Hypercalls({ ports, ram, page, shadow, descriptors, interrupts, clock: clockEvent })
    const irq = { set: (level: boolean) => level && interrupts.raise(IRQ_SERIAL) }
    const uart = new Uart16550({ bus: io, base: COM1, irq, console: ports.console, clock, name: 'COM1' })
    powerSwitch(io, power)
    this.#ports = ports
    this.#ram = ram
    this.#shadow = shadow
    this.#tables = descriptors
    this.#interrupts = interrupts
    this.#hypercalls = hypercalls
    this.#parts = together({ page, descriptors, shadow, interrupts, clock: clockEvent, hypercalls, uart })
  }

  /** The head has placed the guest, with tables of its own; the processor gets their shadow, and from here on all events. */
  start({ registers }: StartOfDay): void {
    this.#ports.deprivileged.begin(this)
    this.#tables.start(KERNEL_CS, KERNEL_DS)
    this.#shadow.load(registers.cr3!)
  }

  hypercall(frame: HypercallFrame): boolean {
    if (frame.instruction !== 'vmcall' || frame.cpl !== KERNEL_RING) return false
    this.#guarded(() => this.#hypercalls.serve(frame))
    return true
  }

  /** A page fault that is only the shadow's is over before anybody hears of it. */
  exception({ vector, errorCode, address }: GuestException): boolean {
    return vector === VEC_PF && (this.#guarded(() => this.#shadow.fix(address, errorCode)) ?? true)
  }

  acknowledgeInterrupt(): number {
    return this.#guarded(() => this.#interrupts.acknowledge()) ?? -1
  }

  /** Everything that the processor would have looked for in an IDT. */
  event({ source, vector, errorCode, address, returnEip }: InterceptedEvent): boolean {
    return (
      this.#guarded(() => {
        const { deprivileged: cpu, processor } = this.#ports
        const mayDoIo = cpu.cpl() <= Math.max(KERNEL_RING, this.#hypercalls.iopl)
        if (source === 'exception' && vector === VEC_GP && mayDoIo) {
          if (emulate({ cpu, processor, shadow: this.#shadow, ram: this.#ram })) return true
        }
        if (source === 'exception' && vector === VEC_PF) this.#interrupts.faultAddress = address
        this.#interrupts.deliver({ vector, errorCode, returnEip, software: source === 'int' })
        return false
      }) ?? false
    )
  }

  descriptors(table: 'gdt' | 'ldt', page: number): number | undefined {
    return page === 0 ? this.#tables[table] : undefined
  }

  /** What a guest may know that it has: no APIC, no large or global pages, no MSRs, none of which there is here. */
  cpuid(leaf: number, _subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined {
    if (leaf === 1) return [own[0], own[1], own[2], own[3] & SHOWN]
    if (leaf !== CPUID_HYPERVISOR) return undefined
    const name = new DataView(new TextEncoder().encode('lguest'.repeat(2)).buffer)
    return [CPUID_HYPERVISOR, name.getUint32(0, true), name.getUint32(4, true), name.getUint32(8, true)]
  }

  counts(): BackendCounts {
    return { hypercalls: this.#hypercalls.counts }
  }

  save(): NamedStates {
    return this.#parts.save()
  }

  restore(states: NamedStates): void {
    this.#parts.restore(states)
  }

  /** A guest that cannot go on, or wants of the processor what it refuses, ends; the host goes on. Undefined when it did. */
  #guarded<T>(action: () => T): T | undefined {
    try {
      return action()
    } catch (error) {
      if (!(error instanceof GuestKilled || isParagraftError(error))) throw error
      this.#ports.power.reset(`lguest ended it: ${error.message}`)
      return undefined
    }
  }
}

/** ACPI S5 by the port that a PIIX4 has it at, as QEMU's `pc` sets it up: PM1a_CNT, SLP_EN with SLP_TYP 0. */
function powerSwitch(io: IoBus, power: PowerPort): void {
  const handler = {
    ioRead: () => 0,
    ioWrite: (_port: number, _size: number, value: number) => {
      if ((value & PM1_SLP_EN) !== 0) power.powerOff()
    },
  }
  io.claim(PM1A_CNT, 2, handler, 'power')
}
