/**
 * A paravirtual domain put together: its virtual processor, whose every event comes here, its page tables, and the services behind its
 * hypercalls. It has no board at all: nothing but events tells it of the world.
 */
import type {
  BackendCounts,
  BackendInstance,
  BackendPorts,
  CpuidRegisters,
  InterceptedEvent,
  StartOfDay,
} from '@paragraft/core'
import type { SavedTimer, Timer } from '@paragraft/core/ports'
import { type NamedStates, together } from '@paragraft/core/snapshot'
import { START_INFO } from '../abi/pv.ts'
import { LAST_RESERVED_GDT_BYTE, VMASST_TYPE_PAE_EXTENDED_CR3 } from '../abi/pv-cpu.ts'
import * as version from '../abi/version.ts'
import { PAGE_SIZE, VIRQ_TIMER } from '../abi/xen.ts'
import { pvCpuidLeaf } from '../cpuid.ts'
import { domainStates } from '../domain-state.ts'
import { EventChannels } from '../event-channels.ts'
import { GrantTable } from '../grant-table.ts'
import { Preemption } from '../hypercall/preemption.ts'
import { HypercallTable } from '../hypercall/table.ts'
import { INT_82 } from '../hypercall-page.ts'
import { guestPointers } from '../pointers.ts'
import { Waiting } from '../poll.ts'
import { Runstate } from '../runstate.ts'
import { type Services, startServices } from '../services.ts'
import { SharedPage } from '../shared-page.ts'
import { VcpuClock, VcpuTimers, writeWallclock } from '../time.ts'
import { VcpuInfo } from '../vcpu-info.ts'
import { bounce } from './cpu/bounce.ts'
import { checkDescriptorPage, ownDescriptors } from './cpu/descriptors.ts'
import { pvPointers } from './cpu/pointers.ts'
import { initialState, isNowhere, type VcpuState } from './cpu/state.ts'
import { exception, HYPERCALL_VECTOR, inject, softwareInterrupt, VEC_DB, VEC_NMI } from './cpu/traps.ts'
import { descriptorPage, dropLdt, inKernel, type Vcpu } from './cpu/vcpu.ts'
import { PARAVIRTUAL_HYPERCALLS, type PvGuest } from './hypercalls.ts'
import { DomainMemory } from './mm/domain-memory.ts'
import type { VcpuMemory } from './ports.ts'

/** What such a domain is told that it can rely on (xen/common/kernel.c, XENVER_get_features). */
const FEATURES =
  (1 << version.XENFEAT_MMU_PT_UPDATE_PRESERVE_AD) |
  (1 << version.XENFEAT_HIGHMEM_ASSIST) |
  (1 << version.XENFEAT_GNTTAB_MAP_AVAIL_BITS) |
  (1 << version.XENFEAT_MEMORY_OP_VNODE_SUPPORTED) |
  (1 << version.XENFEAT_NOT_DIRECT_MAPPED)

const ARGUMENTS = ['EBX', 'ECX', 'EDX', 'ESI', 'EDI', 'EBP'] as const
const EFER = 0xc000_0080
const EFER_NXE = 0x800n
/** How often Xen runs by itself, and finds what a guest has unmasked unseen (sched/credit.c, a tick). */
const TICK_NS = 10_000_000

export class PvDomain implements Omit<BackendInstance, 'start'> {
  readonly #ports: BackendPorts
  readonly #guest: PvGuest
  readonly #cpu: Vcpu
  readonly #events: EventChannels
  readonly #calls: HypercallTable<PvGuest>
  readonly #waiting: Waiting
  #tick: Timer | null = null
  #crashed = false

  /** A guest that has crashed has ended, and is not saved. */
  readonly save: () => unknown
  readonly restore: (states: unknown) => void

  /** The head has placed the guest. Its processor is taken over, its tables are validated, and what serves it begins. */
  constructor(ports: BackendPorts, start: StartOfDay) {
    this.#ports = ports
    const { memory, clock, processor, deprivileged, reporter } = ports
    const state = initialState()
    const mm = new DomainMemory(memory, this.#vcpuMemory())
    mm.writableDirectories = ports.options['writable-directories'] === true
    const { layout } = mm
    const frame = (mfn: number): number => mfn * PAGE_SIZE
    const shared = new SharedPage(memory)
    shared.moveTo(frame(layout.sharedInfo))
    const info = new VcpuInfo(memory, shared)
    info.upcallMask = 1
    this.#events = new EventChannels({
      shared,
      vcpu: info,
      onUpcall: () => this.#upcall(),
      onPending: port => this.#waiting.pending(port),
    })
    const guest = pvPointers(guestPointers(ports.virtual))
    memory.write(frame(layout.descriptors), ownDescriptors())
    this.#cpu = {
      state,
      port: deprivileged,
      processor,
      info,
      guest,
      memory,
      mm,
      reporter,
      ownDescriptors: frame(layout.descriptors),
      crash: why => this.#crash(why),
    }
    const runstate = new Runstate(
      () => clock.now(),
      (address, bytes) => guest.copyTo(address, bytes),
    )
    this.#waiting = new Waiting(processor, clock, runstate)
    const grants = new GrantTable(memory, mm.frames, index => mm.grantFrame(index))
    this.#guest = {
      memory,
      frames: mm.frames,
      mm,
      cpu: this.#cpu,
      memoryMap: [...start.memoryMap],
      get features() {
        const extended = (state.vmAssist >> VMASST_TYPE_PAE_EXTENDED_CR3) & 1
        return FEATURES | (extended << version.XENFEAT_PAE_PGDIR_ABOVE_4GB)
      },
      guest,
      shared,
      vcpu: info,
      events: this.#events,
      time: new VcpuClock(clock, () => processor.readTsc(), info),
      timers: new VcpuTimers(clock, () => this.#events.raiseVirq(VIRQ_TIMER)),
      runstate,
      grants,
      preemption: new Preemption(),
      processor,
      power: ports.power,
      reporter,
      emergency: ports.console,
      sendNmi: () => {
        state.nmiPending = true
      },
      poll: (waited, until) => this.#waiting.poll(waited, until),
    }
    this.#calls = new HypercallTable(this.#guest, PARAVIRTUAL_HYPERCALLS)

    deprivileged.begin({
      event: event => this.#event(event),
      descriptors: (table, page) => descriptorPage(this.#cpu, table, page),
    })
    deprivileged.setTables(LAST_RESERVED_GDT_BYTE, -1)
    processor.writeMsr(EFER, EFER_NXE)
    mm.start(start.registers.cr3! / PAGE_SIZE)
    writeWallclock(shared, ports.epochSeconds)
    this.#guest.time.refresh(true)
    const services = this.#serve(start)
    const { counts: calls } = this.#calls
    const kept = together({
      ...domainStates({ domain: this.#guest, waiting: this.#waiting, services, calls }),
      cpu: {
        save: () => structuredClone(state),
        restore: (saved: VcpuState) => void Object.assign(state, structuredClone(saved)),
      },
      mm,
      tick: {
        save: () => this.#tick?.save() ?? null,
        restore: (saved: SavedTimer | null) => {
          if (saved !== null) this.#tick = clock.resume(saved, () => this.#lookAgain())
        },
      },
    })
    this.save = kept.save
    this.restore = states => kept.restore(states as NamedStates)
  }

  /** Console, xenstore and devices, at the frames that start_info names. */
  #serve(start: StartOfDay): Services['kept'] {
    const { mm, guest, grants } = this.#guest
    const word = (offset: number): number => {
      const bytes = guest.copyFrom((start.registers.esi ?? 0) + offset, 4)!
      return new DataView(bytes.buffer).getUint32(0, true)
    }
    const { kept } = startServices({
      ports: this.#ports,
      events: this.#events,
      grants,
      console: word(START_INFO.fields.consoleMfn[0]),
      store: word(START_INFO.fields.storeMfn[0]),
      memorySize: mm.layout.p2m.length * PAGE_SIZE,
    })
    return kept
  }

  acknowledgeInterrupt(): number {
    // The vector of an upcall is nobody's: what is to be delivered is found out at the event.
    this.#ports.intr.set(false)
    return this.#deliverable() ? 0 : -1
  }

  /** A guest that polls waits for its ports, with events masked too. */
  wakes(): boolean {
    return this.#waiting.polls
  }

  cpuid(leaf: number, subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined {
    return pvCpuidLeaf(leaf, subleaf, own)
  }

  counts(): BackendCounts {
    return { hypercalls: { ...this.#calls.counts }, events: { ...this.#events.counts } }
  }

  /** The processor has come out of the guest; it goes back when all that waits for the guest has been sent to it. */
  #event(event: InterceptedEvent): boolean {
    this.#waiting.running()
    let executed = false
    switch (event.source) {
      case 'exception':
        executed = exception(this.#cpu, event)
        break
      case 'int':
        if (event.vector === HYPERCALL_VECTOR && inKernel(this.#cpu)) this.#hypercall(event.returnEip)
        else softwareInterrupt(this.#cpu, event)
        break
      case 'int1':
        this.#cpu.port.set('EIP', event.returnEip)
        inject(this.#cpu, VEC_DB)
        break
      default:
    }
    this.#sendWaiting()
    return executed
  }

  #hypercall(returnEip: number): void {
    const { port } = this.#cpu
    // It may be set by the call: iret.
    port.set('EIP', returnEip)
    const result = this.#calls.call(
      port.get('EAX'),
      ARGUMENTS.map(name => port.get(name)),
    )
    if (typeof result === 'number') port.set('EAX', result >>> 0)
    else {
      for (const [index, value] of result.args.entries()) port.set(ARGUMENTS[index]!, value >>> 0)
      port.set('EIP', (returnEip - INT_82.length) >>> 0)
    }
    this.#guest.time.refresh()
  }

  /** compat_test_all_events: an NMI first, then events. */
  #sendWaiting(): void {
    const { state, info } = this.#cpu
    if (this.#crashed) return
    if (state.nmiPending && !state.nmiMasked) {
      state.nmiPending = false
      const handler = state.traps[VEC_NMI]!
      if (!isNowhere(handler)) {
        state.nmiMasked = true
        bounce(this.#cpu, { entry: handler })
      }
    }
    if (this.#deliverable()) bounce(this.#cpu, { entry: state.event })
    else if (info.upcallPending) this.#watchMask()
  }

  #deliverable(): boolean {
    const { info } = this.#cpu
    return info.upcallPending && info.upcallMask === 0
  }

  /** An event has come while the guest runs, or waits. */
  #upcall(): void {
    if (this.#deliverable()) this.#ports.intr.set(true)
    else this.#watchMask()
  }

  /** The guest unmasks events in memory, and tells nobody: Xen finds out when it next runs. */
  #watchMask(): void {
    const { clock } = this.#ports
    // One that waits for good does not run.
    if (this.#waiting.forever) return
    this.#tick ??= clock.schedule(clock.now() + TICK_NS, () => this.#lookAgain())
  }

  #lookAgain(): void {
    this.#tick = null
    if (this.#cpu.info.upcallPending) this.#upcall()
  }

  #crash(why: string): void {
    if (this.#crashed) return
    this.#crashed = true
    this.#ports.crash('PG_XEN_CRASH', `Xen ends the guest: ${why}`)
  }

  #vcpuMemory(): VcpuMemory {
    const { processor, deprivileged, memory } = this.#ports
    return {
      loadBaseptr: mfn => deprivileged.setPageTables(mfn * PAGE_SIZE),
      flushTlb: () => processor.flushTlbGlobal(),
      invlpg: address => processor.invlpg(address),
      step: accept => deprivileged.step(accept),
      setLdt: (base, entries) => {
        const { state } = this.#cpu
        dropLdt(this.#cpu)
        Object.assign(state, { ldtBase: base, ldtEntries: entries })
        deprivileged.setTables(LAST_RESERVED_GDT_BYTE, entries * 8 - 1)
      },
      dropLdt: () => dropLdt(this.#cpu),
      checkDescriptors: mfn => checkDescriptorPage(memory, mfn * PAGE_SIZE),
    }
  }
}
