/**
 * A PVH domain put together: its memory, its virtual processor, its interrupts and power registers, and the services behind
 * its hypercalls. It has no PC board; what it has is what Xen gives such a domain.
 */
import type {
  BackendCounts,
  BackendInstance,
  BackendPorts,
  CpuidRegisters,
  HypercallFrame,
  StartOfDay,
} from '@paragraft/core'
import type { ConsolePort, IoHandler } from '@paragraft/core/ports'
import { type NamedStates, together } from '@paragraft/core/snapshot'
import { AcpiPm, LocalApic } from '@paragraft/devices'
import { EPERM } from './abi/errno.ts'
import * as hvm from './abi/hvm.ts'
import * as version from './abi/version.ts'
import { PAGE_SIZE, VIRQ_TIMER } from './abi/xen.ts'
import { cpuidLeaf } from './cpuid.ts'
import type { TranslatedDomain } from './domain.ts'
import { domainStates } from './domain-state.ts'
import { EventChannels } from './event-channels.ts'
import { GrantTable } from './grant-table.ts'
import { HvmParams } from './hvm-params.ts'
import { Preemption } from './hypercall/preemption.ts'
import { HypercallTable, TRANSLATED_HYPERCALLS } from './hypercall/table.ts'
import { hypercallInstruction, hypercallPage } from './hypercall-page.ts'
import { PvhInterrupts } from './interrupts.ts'
import { PhysMap } from './physmap.ts'
import { guestPointers } from './pointers.ts'
import { Waiting } from './poll.ts'
import { Runstate } from './runstate.ts'
import { type Services, startServices } from './services.ts'
import { SharedPage } from './shared-page.ts'
import { specialPages } from './special-pages.ts'
import { VcpuClock, VcpuTimers, writeWallclock } from './time.ts'
import { VcpuInfo } from './vcpu-info.ts'

/** What such a domain is told that it can rely on. */
const FEATURES =
  (1 << version.XENFEAT_WRITABLE_PAGE_TABLES) |
  (1 << version.XENFEAT_AUTO_TRANSLATED_PHYSMAP) |
  (1 << version.XENFEAT_HVM_CALLBACK_VECTOR) |
  (1 << version.XENFEAT_HVM_SAFE_PVCLOCK) |
  (1 << version.XENFEAT_MEMORY_OP_VNODE_SUPPORTED) |
  (1 << version.XENFEAT_NOT_DIRECT_MAPPED)

/** What is written here goes to the hypervisor's console (xen/arch/x86/hvm/hvm.c, hvm_print_line). */
const DEBUG_PORT = 0xe9
const ARGUMENTS = ['EBX', 'ECX', 'EDX', 'ESI', 'EDI', 'EBP'] as const

export class PvhDomain implements Omit<BackendInstance, 'start'> {
  readonly #ports: BackendPorts
  readonly #domain: TranslatedDomain
  readonly #events: EventChannels
  readonly #calls: HypercallTable<TranslatedDomain>
  readonly #interrupts: PvhInterrupts
  readonly #apic: LocalApic
  readonly #memoryMap: StartOfDay['memoryMap'] = []
  readonly #waiting: Waiting

  readonly save: () => unknown
  readonly restore: (states: unknown) => void

  /** The head has placed the guest. */
  constructor(ports: BackendPorts, start: StartOfDay) {
    this.#ports = ports
    const { memory, clock, processor, reporter } = ports
    const shared = new SharedPage(memory)
    const vcpu = new VcpuInfo(memory, shared)
    this.#interrupts = new PvhInterrupts(vcpu, ports.intr)
    this.#events = new EventChannels({
      shared,
      vcpu,
      onUpcall: () => this.#interrupts.raise(),
      onPending: port => this.#waiting.pending(port),
    })
    this.#apic = new LocalApic({
      mmioBus: ports.mmio,
      clock,
      intr: this.#interrupts.apicLine,
      nmi: ports.nmi,
      extInt: { pending: () => false, acknowledge: () => -1 },
      reporter,
    })
    this.#interrupts.attach(this.#apic)
    ports.io.claim(DEBUG_PORT, 1, debugPort(ports.console), 'debug console')
    // The SCI has no interrupt to come by: there is no I/O APIC.
    const acpi = new AcpiPm({ bus: ports.io, clock, sci: { set: () => {} }, power: ports.power, reporter })
    const time = new VcpuClock(clock, () => processor.readTsc(), vcpu)
    const guest = guestPointers(ports.virtual)
    const runstate = new Runstate(
      () => clock.now(),
      (address, bytes) => guest.copyTo(address, bytes),
    )
    this.#waiting = new Waiting(processor, clock, runstate)
    const { hole, base } = specialPages(memory.size)
    const physmap = new PhysMap(memory, { base: hole, end: base })
    this.#domain = {
      memory,
      frames: physmap,
      physmap,
      features: FEATURES,
      memoryMap: this.#memoryMap,
      guest,
      shared,
      vcpu,
      events: this.#events,
      time,
      timers: new VcpuTimers(clock, () => this.#events.raiseVirq(VIRQ_TIMER)),
      runstate,
      grants: new GrantTable(memory, physmap),
      preemption: new Preemption(),
      setUpcallVector: vector => {
        this.#interrupts.apicVector = vector
      },
      params: new HvmParams((index, value) => this.#paramSet(index, value.low, value.high)),
      processor,
      power: ports.power,
      reporter,
      emergency: ports.console,
      sendNmi: () => ports.nmi.set(true),
      poll: (waited, until) => this.#waiting.poll(waited, until),
    }
    this.#calls = new HypercallTable(this.#domain, TRANSLATED_HYPERCALLS)
    const services = this.#begin(start)
    const { grants, params } = this.#domain
    const { counts: calls } = this.#calls
    const state = together({
      ...domainStates({ domain: this.#domain, waiting: this.#waiting, services, calls }),
      physmap: {
        save: () => physmap.save(),
        restore: (empty: number[]) => {
          physmap.restore(empty)
          for (const page of [shared, ...grants.pages]) physmap.adopt(page)
        },
      },
      params,
      acpi,
      interrupts: this.#interrupts,
      apic: this.#apic,
    })
    this.save = state.save
    this.restore = states => state.restore(states as NamedStates)
  }

  /** What the toolstack does before the guest runs. */
  #begin(start: StartOfDay): Services['kept'] {
    const { memory, epochSeconds } = this.#ports
    const { params, grants, shared, time } = this.#domain
    this.#memoryMap.push(...start.memoryMap)
    writeWallclock(shared, epochSeconds)
    time.refresh(true)
    const pages = specialPages(memory.size)

    const { storePort, consolePort, kept } = startServices({
      ports: this.#ports,
      events: this.#events,
      grants,
      console: pages.console / PAGE_SIZE,
      store: pages.store / PAGE_SIZE,
      memorySize: memory.size,
    })
    params.define(hvm.HVM_PARAM_CONSOLE_PFN, pages.console / PAGE_SIZE)
    params.define(hvm.HVM_PARAM_CONSOLE_EVTCHN, consolePort)
    params.define(hvm.HVM_PARAM_STORE_PFN, pages.store / PAGE_SIZE)
    params.define(hvm.HVM_PARAM_STORE_EVTCHN, storePort)
    return kept
  }

  acknowledgeInterrupt(): number {
    const vector = this.#interrupts.acknowledge()
    if (vector >= 0) this.#waiting.running()
    return vector
  }

  hypercall(frame: HypercallFrame): boolean | 'again' {
    this.#waiting.running()
    const number = frame.getRegister('EAX')
    const result =
      frame.cpl === 0
        ? this.#calls.call(
            number,
            ARGUMENTS.map(name => frame.getRegister(name)),
          )
        : -EPERM
    this.#domain.time.refresh()
    if (typeof result !== 'number') {
      for (const [index, value] of result.args.entries()) frame.setRegister(ARGUMENTS[index]!, value >>> 0)
      return 'again'
    }
    frame.setRegister('EAX', result >>> 0)
    return true
  }

  /** A guest that polls waits for its ports, with interrupts off too. */
  wakes(): boolean {
    return this.#waiting.polls
  }

  readMsr(index: number): bigint | undefined {
    if (index === hvm.HYPERCALL_MSR) return 0n
    return this.#apic.readMsr(index)
  }

  /** The low 12 bits of the hypercall MSR number the page to be had; there is one (xen/arch/x86/traps.c, wrmsr_hypervisor_regs). */
  writeMsr(index: number, value: bigint): boolean {
    if (index !== hvm.HYPERCALL_MSR) return this.#apic.writeMsr(index, value)
    const page = this.#domain.physmap.address(Number(value >> 12n))
    if ((value & 0xfffn) !== 0n || page === undefined) return false
    this.#ports.memory.write(page, hypercallPage(hypercallInstruction(this.#ports.processor.cpuid(0, 0).ebx)))
    return true
  }

  cpuid(leaf: number, subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined {
    return cpuidLeaf(leaf, subleaf, own)
  }

  counts(): BackendCounts {
    return { hypercalls: { ...this.#calls.counts }, events: { ...this.#events.counts } }
  }

  #paramSet(index: number, low: number, high: number): void {
    if (index !== hvm.HVM_PARAM_CALLBACK_IRQ) return
    const byVector = high >>> 24 === hvm.CALLBACK_TYPE_VECTOR
    if (!byVector && (low !== 0 || high !== 0)) {
      this.#ports.reporter.report('callback', 'the guest wants upcalls by an interrupt line, which it does not have')
    }
    this.#interrupts.vector = byVector ? low & 0xff : 0
  }
}

function debugPort(console: ConsolePort): IoHandler {
  return {
    ioWidth: 1,
    ioRead: () => 0xff,
    ioWrite: (_port, _size, value) => console.write(Uint8Array.of(value & 0xff)),
  }
}
