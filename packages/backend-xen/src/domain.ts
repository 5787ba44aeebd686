/**
 * What a domain is to its hypercalls: its memory, its one virtual processor, and the services that they stand for. Every kind of
 * domain has {@link Domain}.
 */
import type { BackendProcessor, ConsolePort, GuestMemory, MemoryRange, PowerPort, Reporter } from '@paragraft/core'
import { decode, encode, type Field, type Layout, type Values } from './abi/layout.ts'
import type { EventChannels } from './event-channels.ts'
import type { GrantTable } from './grant-table.ts'
import type { HvmParams } from './hvm-params.ts'
import type { Preemption } from './hypercall/preemption.ts'
import type { PhysMap } from './physmap.ts'
import type { Frames, GuestPointers } from './ports.ts'
import type { Runstate } from './runstate.ts'
import type { SharedPage } from './shared-page.ts'
import type { VcpuClock, VcpuTimers } from './time.ts'
import type { VcpuInfo } from './vcpu-info.ts'

export interface Domain {
  readonly memory: GuestMemory
  /** The frames that the guest names in grants and calls. */
  readonly frames: Frames
  readonly guest: GuestPointers
  /** XENFEAT bits that it is told of. */
  readonly features: number
  readonly shared: SharedPage
  readonly vcpu: VcpuInfo
  readonly events: EventChannels
  readonly time: VcpuClock
  readonly timers: VcpuTimers
  readonly runstate: Runstate
  readonly grants: GrantTable
  readonly preemption: Preemption
  readonly processor: BackendProcessor
  readonly power: PowerPort
  readonly reporter: Reporter
  /** Where the hypervisor's own console would be: what the guest says by console_io. */
  readonly emergency: ConsolePort
  /** An NMI for the virtual processor. */
  sendNmi(): void
  /** The virtual processor waits for one of these ports, or until a system time; it is resumed then. */
  poll(ports: readonly number[], until: number | null): void
}

/** A domain whose physical address space the hypervisor keeps: HVM and PVH. */
export interface TranslatedDomain extends Domain {
  readonly physmap: PhysMap
  /** RAM's map as the domain was given it. */
  readonly memoryMap: MemoryRange[]
  readonly params: HvmParams
  /** Upcalls come by the local APIC from now on, with this vector. */
  setUpcallVector(vector: number): void
}

/** A structure that the guest points to; undefined for a bad pointer. */
export function readStruct<Fields extends Readonly<Record<string, Field>>>(
  domain: Domain,
  address: number,
  layout: Layout<Fields>,
): Values<Layout<Fields>> | undefined {
  const bytes = domain.guest.copyFrom(address, layout.size)
  return bytes === undefined ? undefined : decode(layout, bytes)
}

/** Writes a structure where the guest points; false for a bad pointer. */
export function writeStruct<Fields extends Readonly<Record<string, Field>>>(
  domain: Domain,
  address: number,
  layout: Layout<Fields>,
  values: Partial<Record<keyof Fields, number>>,
): boolean {
  return domain.guest.copyTo(address, encode(layout, values))
}

/** A word that the guest points to. */
export function readWord(domain: Domain, address: number): number | undefined {
  const bytes = domain.guest.copyFrom(address, 4)
  return bytes === undefined ? undefined : new DataView(bytes.buffer).getUint32(0, true)
}

export function writeWord(domain: Domain, address: number, value: number): boolean {
  const bytes = new Uint8Array(4)
  new DataView(bytes.buffer).setUint32(0, value, true)
  return domain.guest.copyTo(address, bytes)
}
