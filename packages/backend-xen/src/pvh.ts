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
import type { ConsolePort, IoHandler, Timer } from '@paragraft/core/ports'
import { AcpiPm, LocalApic } from '@paragraft/devices'
import { EPERM } from './abi/errno.ts'
import { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE } from './abi/grant-table.ts'
import * as hvm from './abi/hvm.ts'
import * as version from './abi/version.ts'
import { GUEST_DOMID, PAGE_SIZE, VIRQ_TIMER } from './abi/xen.ts'
import { attachDevices } from './attach.ts'
import { XenConsole } from './console.ts'
import { cpuidLeaf } from './cpuid.ts'
import type { TranslatedDomain } from './domain.ts'
import { EventChannels } from './event-channels.ts'
import { GrantTable } from './grant-table.ts'
import { HvmParams } from './hvm-params.ts'
import { HypercallTable, TRANSLATED_HYPERCALLS } from './hypercall/table.ts'
import { hypercallInstruction, hypercallPage } from './hypercall-page.ts'
import { PvhInterrupts } from './interrupts.ts'
import { PhysMap } from './physmap.ts'
import { guestPointers } from './pointers.ts'
import { Runstate } from './runstate.ts'
import { SharedPage } from './shared-page.ts'
import { specialPages } from './special-pages.ts'
import { VcpuClock, VcpuTimers, writeWallclock } from './time.ts'
import { createDomain } from './toolstack.ts'
import { VcpuInfo } from './vcpu-info.ts'
import { StoreServer } from './xenstore/server.ts'
import { Store } from './xenstore/store.ts'

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

export class PvhDomain implements BackendInstance {
  readonly #ports: BackendPorts
  readonly #domain: TranslatedDomain
  readonly #events: EventChannels
  readonly #calls: HypercallTable<TranslatedDomain>
  readonly #interrupts: PvhInterrupts
  readonly #apic: LocalApic
  readonly #memoryMap: StartOfDay['memoryMap'] = []
  #polling: { ports: readonly number[]; timer: Timer | null } | null = null

  constructor(ports: BackendPorts) {
    this.#ports = ports
    const { memory, clock, processor, reporter } = ports
    const shared = new SharedPage(memory)
    const vcpu = new VcpuInfo(memory, shared)
    this.#interrupts = new PvhInterrupts(vcpu, ports.intr)
    this.#events = new EventChannels({
      shared,
      vcpu,
      onUpcall: () => this.#interrupts.raise(),
      onPending: port => this.#woken(port),
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
    new AcpiPm({ bus: ports.io, clock, sci: { set: () => {} }, power: ports.power, reporter })
    const time = new VcpuClock(clock, () => processor.readTsc(), vcpu)
    const guest = guestPointers(ports.virtual)
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
      runstate: new Runstate(
        () => clock.now(),
        (address, bytes) => guest.copyTo(address, bytes),
      ),
      grants: new GrantTable(memory, physmap),
      setUpcallVector: vector => {
        this.#interrupts.apicVector = vector
      },
      params: new HvmParams((index, value) => this.#paramSet(index, value.low, value.high)),
      processor,
      power: ports.power,
      reporter,
      emergency: ports.console,
      poll: (waited, until) => this.#poll(waited, until),
    }
    this.#calls = new HypercallTable(this.#domain, TRANSLATED_HYPERCALLS)
  }

  /** The head has placed the guest: what the toolstack does before it runs. */
  start(start: StartOfDay): void {
    const { memory, console, epochSeconds } = this.#ports
    const { params, grants, shared, time } = this.#domain
    this.#memoryMap.push(...start.memoryMap)
    writeWallclock(shared, epochSeconds)
    time.refresh(true)
    const pages = specialPages(memory.size)

    const xenConsole = new XenConsole(memory, console, pages.console)
    const consoleEnd = this.#events.openTo('console', () => xenConsole.service())
    xenConsole.connect(consoleEnd.channel)
    params.define(hvm.HVM_PARAM_CONSOLE_PFN, pages.console / PAGE_SIZE)
    params.define(hvm.HVM_PARAM_CONSOLE_EVTCHN, consoleEnd.port)
    grants.grant(GNTTAB_RESERVED_CONSOLE, pages.console / PAGE_SIZE)

    const store = new Store()
    const server = new StoreServer(store, GUEST_DOMID, memory, pages.store)
    const storeEnd = this.#events.openTo('xenstore', () => server.service())
    server.connect(storeEnd.channel)
    params.define(hvm.HVM_PARAM_STORE_PFN, pages.store / PAGE_SIZE)
    params.define(hvm.HVM_PARAM_STORE_EVTCHN, storeEnd.port)
    grants.grant(GNTTAB_RESERVED_XENSTORE, pages.store / PAGE_SIZE)

    createDomain(store, {
      name: 'paragraft',
      domid: `${GUEST_DOMID}`,
      'memory/target': `${memory.size / 1024}`,
      'memory/static-max': `${memory.size / 1024}`,
      'cpu/0/availability': 'online',
      'console/type': 'xenconsoled',
      'console/ring-ref': `${pages.console / PAGE_SIZE}`,
      'console/port': `${consoleEnd.port}`,
      'store/ring-ref': `${pages.store / PAGE_SIZE}`,
      'store/port': `${storeEnd.port}`,
    })
    attachDevices(store, { ...this.#ports, events: this.#events, grants })
  }

  acknowledgeInterrupt(): number {
    const vector = this.#interrupts.acknowledge()
    if (vector >= 0) this.#running()
    return vector
  }

  hypercall(frame: HypercallFrame): boolean {
    this.#running()
    const number = frame.getRegister('EAX')
    const result =
      frame.cpl === 0
        ? this.#calls.call(
            number,
            ARGUMENTS.map(name => frame.getRegister(name)),
          )
        : -EPERM
    frame.setRegister('EAX', result >>> 0)
    this.#domain.time.refresh()
    return true
  }

  /** A guest that polls waits for its ports, with interrupts off too. */
  wakes(): boolean {
    return this.#polling !== null
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

  #poll(ports: readonly number[], until: number | null): void {
    const { processor, clock } = this.#ports
    const timer = until === null ? null : clock.schedule(until, () => this.#wake())
    this.#polling = { ports, timer }
    this.#domain.runstate.block()
    processor.halt()
  }

  #woken(port: number): void {
    if (this.#polling?.ports.includes(port)) this.#wake()
  }

  /** What the guest polled for has come. */
  #wake(): void {
    this.#running()
    this.#ports.processor.resume()
  }

  /** The processor is seen to run: whatever it waited for in a hypercall is over, if only by an interrupt. */
  #running(): void {
    this.#polling?.timer?.cancel()
    this.#polling = null
    this.#domain.runstate.run()
  }
}

function debugPort(console: ConsolePort): IoHandler {
  return {
    ioWidth: 1,
    ioRead: () => 0xff,
    ioWrite: (_port, _size, value) => console.write(Uint8Array.of(value & 0xff)),
  }
}
