/**
 * Event channels of one domain with one virtual processor, two-level ABI (xen/common/event_channel.c for the rules and
 * errors, event_2l.c for the bits). Port 0 is never used. The far end of an interdomain channel is either another port of
 * the guest's own or a backend's callback.
 */

import type { Snapshotable } from '@paragraft/core/ports'
import { EEXIST, EINVAL, ENOENT, ENOSPC, ESRCH } from './abi/errno.ts'
import {
  EVTCHNSTAT_CLOSED,
  EVTCHNSTAT_INTERDOMAIN,
  EVTCHNSTAT_IPI,
  EVTCHNSTAT_UNBOUND,
  EVTCHNSTAT_VIRQ,
} from './abi/event-channel.ts'
import {
  BACKEND_DOMID,
  DOMID_SELF,
  EVTCHN_2L_NR_CHANNELS,
  GUEST_DOMID,
  NR_VIRQS,
  SHARED_EVTCHN_MASK,
  SHARED_EVTCHN_PENDING,
  VIRQ_ARCH_0,
  VIRQ_DEBUG,
  VIRQ_TIMER,
  VIRQ_XENOPROF,
} from './abi/xen.ts'
import type { BackendChannel, BackendEvents } from './ports.ts'
import type { SharedPage } from './shared-page.ts'
import type { VcpuInfo } from './vcpu-info.ts'

type Channel =
  | { state: 'free' | 'reserved' | 'ipi' }
  | { state: 'unbound'; remote: number }
  | { state: 'virq'; virq: number }
  | { state: 'interdomain'; remote: number; peer: number; onEvent: (() => void) | null }

const FREE: Channel = { state: 'free' }
/** The back end of a channel from a snapshot, until it {@link EventChannels.resume}s. */
const NOT_YET = (): void => {}
/** A channel that the guest has closed. */
const CLOSED: BackendChannel = { notify() {}, close() {} }

/** What EVTCHNOP_status tells. */
export interface ChannelStatus {
  status: number
  remoteDom?: number
  remotePort?: number
  virq?: number
}

export interface EventChannelOptions {
  shared: SharedPage
  vcpu: VcpuInfo
  /** `upcallPending` of the virtual processor went up: it is to be interrupted. */
  onUpcall: () => void
  /** A port became pending: a virtual processor that polls may have waited for it. */
  onPending: (port: number) => void
}

/** A channel as a snapshot keeps it; `backend`: its far end is a back end's, by the label that it has. */
type SavedChannel = { state: Channel['state']; remote?: number; virq?: number; peer?: number; backend?: boolean }

export interface EventChannelsState {
  /** By port, without those that are free. */
  channels: [port: number, channel: SavedChannel][]
  labels: [port: number, label: string][]
  counts: Record<string, number>
}

export class EventChannels implements BackendEvents, Snapshotable<EventChannelsState> {
  readonly #options: EventChannelOptions
  readonly #channels: Channel[] = Array.from({ length: EVTCHN_2L_NR_CHANNELS }, () => FREE)
  readonly #virqs = new Map<number, number>()
  /** Times that each port became pending, by what it is for. */
  readonly counts: Record<string, number> = {}
  readonly #labels = new Map<number, string>()

  constructor(options: EventChannelOptions) {
    this.#options = options
    this.#channels[0] = { state: 'reserved' }
  }

  /* ---- the guest's operations: a port or 0, or a negated error ---- */

  allocUnbound(dom: number, remote: number): number {
    if (!isGuest(dom)) return -ESRCH
    const port = this.#freePort()
    if (port < 0) return port
    this.#channels[port] = { state: 'unbound', remote: remote === DOMID_SELF ? GUEST_DOMID : remote }
    return port
  }

  /** Only channels of the guest with itself: no other domain offers any. */
  bindInterdomain(remote: number, remotePort: number): number {
    if (!isGuest(remote) && remote !== BACKEND_DOMID) return -ESRCH
    const port = this.#freePort()
    if (port < 0) return port
    const far = isGuest(remote) ? this.#channels[remotePort] : undefined
    if (far?.state !== 'unbound' || far.remote !== GUEST_DOMID) return -EINVAL
    this.#channels[port] = { state: 'interdomain', remote: GUEST_DOMID, peer: remotePort, onEvent: null }
    this.#channels[remotePort] = { state: 'interdomain', remote: GUEST_DOMID, peer: port, onEvent: null }
    // A notification of the unbound port may have been lost: the new end gets one to be safe.
    this.#setPending(port)
    return port
  }

  bindVirq(virq: number, vcpu: number): number {
    if (virq >= NR_VIRQS) return -EINVAL
    if (isGlobal(virq) && vcpu !== 0) return -EINVAL
    if (vcpu !== 0) return -ENOENT
    if (this.#virqs.has(virq)) return -EEXIST
    const port = this.#freePort()
    if (port < 0) return port
    this.#channels[port] = { state: 'virq', virq }
    this.#virqs.set(virq, port)
    return port
  }

  bindIpi(vcpu: number): number {
    if (vcpu !== 0) return -ENOENT
    const port = this.#freePort()
    if (port >= 0) this.#channels[port] = { state: 'ipi' }
    return port
  }

  close(port: number): number {
    const channel = this.#channels[port]
    if (channel === undefined || channel.state === 'free' || channel.state === 'reserved') return -EINVAL
    if (channel.state === 'virq') this.#virqs.delete(channel.virq)
    if (channel.state === 'interdomain' && channel.onEvent === null && channel.peer !== port) {
      this.#channels[channel.peer] = { state: 'unbound', remote: GUEST_DOMID }
    }
    this.#channels[port] = FREE
    this.#labels.delete(port)
    this.#setBit(SHARED_EVTCHN_PENDING, port, false)
    return 0
  }

  send(port: number): number {
    const channel = this.#channels[port]
    switch (channel?.state) {
      case 'interdomain':
        if (channel.onEvent !== null) channel.onEvent()
        else this.#setPending(channel.peer)
        return 0
      case 'ipi':
        this.#setPending(port)
        return 0
      case 'unbound':
        // Silently dropped, as the header says.
        return 0
      default:
        return -EINVAL
    }
  }

  status(dom: number, port: number): ChannelStatus | number {
    if (!isGuest(dom)) return -ESRCH
    const channel = this.#channels[port]
    switch (channel?.state) {
      case undefined:
        return -EINVAL
      case 'unbound':
        return { status: EVTCHNSTAT_UNBOUND, remoteDom: channel.remote }
      case 'interdomain':
        return { status: EVTCHNSTAT_INTERDOMAIN, remoteDom: channel.remote, remotePort: channel.peer }
      case 'virq':
        return { status: EVTCHNSTAT_VIRQ, virq: channel.virq }
      case 'ipi':
        return { status: EVTCHNSTAT_IPI }
      default:
        return { status: EVTCHNSTAT_CLOSED }
    }
  }

  bindVcpu(port: number, vcpu: number): number {
    if (vcpu !== 0) return -ENOENT
    const channel = this.#channels[port]
    if (channel === undefined) return -EINVAL
    if (channel.state === 'virq') return isGlobal(channel.virq) ? 0 : -EINVAL
    return channel.state === 'unbound' || channel.state === 'interdomain' ? 0 : -EINVAL
  }

  unmask(port: number): number {
    if (this.#channels[port] === undefined) return -EINVAL
    if (!this.#setBit(SHARED_EVTCHN_MASK, port, false)) return 0
    if (this.#bit(SHARED_EVTCHN_PENDING, port) && !this.#options.vcpu.testAndSetSel(port >> 5)) this.#announce()
    return 0
  }

  /** Closes every port of the guest's. */
  reset(dom: number): number {
    if (!isGuest(dom)) return -ESRCH
    for (let port = 1; port < this.#channels.length; port++) this.close(port)
    return 0
  }

  save(): EventChannelsState {
    const channels: EventChannelsState['channels'] = []
    for (const [port, channel] of this.#channels.entries()) {
      if (channel.state === 'free') continue
      if (channel.state !== 'interdomain') channels.push([port, { ...channel }])
      else {
        const { state, remote, peer, onEvent } = channel
        channels.push([port, { state, remote, peer, backend: onEvent !== null }])
      }
    }
    return { channels, labels: [...this.#labels], counts: { ...this.counts } }
  }

  /** Back ends that the toolstack has connected already keep their ends, where the guest has not closed them since; others resume theirs. */
  restore({ channels, labels, counts }: EventChannelsState): void {
    const before = [...this.#channels]
    const known = new Map(this.#labels)
    const named = new Map(labels)
    this.#channels.fill(FREE)
    this.#virqs.clear()
    for (const [port, { backend, ...saved }] of channels) {
      const end = before[port]
      if (backend && end?.state === 'interdomain' && known.get(port) === named.get(port)) {
        this.#channels[port] = end
      } else if (saved.state === 'interdomain') {
        const onEvent = backend ? NOT_YET : null
        this.#channels[port] = { state: 'interdomain', remote: saved.remote!, peer: saved.peer!, onEvent }
      } else this.#channels[port] = saved as Channel
      if (saved.virq !== undefined) this.#virqs.set(saved.virq, port)
    }
    this.#labels.clear()
    for (const [port, label] of labels) this.#labels.set(port, label)
    for (const name of Object.keys(this.counts)) delete this.counts[name]
    Object.assign(this.counts, counts)
  }

  /* ---- the hypervisor's and the backends' side ---- */

  /** A channel that the toolstack made before the guest began, to the backend domain. */
  openTo(label: string, onEvent: () => void): { port: number; channel: BackendChannel } {
    const port = this.#freePort()
    this.#channels[port] = { state: 'unbound', remote: BACKEND_DOMID }
    const channel = this.connect(port, onEvent, label)!
    return { port, channel }
  }

  connect(port: number, onEvent: () => void, label?: string): BackendChannel | undefined {
    const channel = this.#channels[port]
    if (channel?.state !== 'unbound' || channel.remote !== BACKEND_DOMID) return undefined
    if (label !== undefined) this.#labels.set(port, label)
    return this.#backEnd(port, onEvent)
  }

  resume(port: number, onEvent: () => void, label: string): BackendChannel {
    const channel = this.#channels[port]
    const mine = channel?.state === 'interdomain' && channel.onEvent === NOT_YET && this.#labels.get(port) === label
    return mine ? this.#backEnd(port, onEvent) : CLOSED
  }

  #backEnd(port: number, onEvent: () => void): BackendChannel {
    const mine: Channel = { state: 'interdomain', remote: BACKEND_DOMID, peer: port, onEvent }
    this.#channels[port] = mine
    return {
      notify: () => {
        if (this.#channels[port] === mine) this.#setPending(port)
      },
      close: () => {
        if (this.#channels[port] === mine) this.#channels[port] = { state: 'unbound', remote: BACKEND_DOMID }
      },
    }
  }

  /** A virtual interrupt; nothing happens while the guest has not bound it. */
  raiseVirq(virq: number): void {
    const port = this.#virqs.get(virq)
    if (port !== undefined) this.#setPending(port)
  }

  /** True when the port exists and is pending. */
  isPending(port: number): boolean {
    return this.#channels[port] !== undefined && this.#bit(SHARED_EVTCHN_PENDING, port)
  }

  isPort(port: number): boolean {
    return this.#channels[port] !== undefined
  }

  /** Announces again what is pending: the virtual processor's words have moved. */
  announceAll(): void {
    this.#options.vcpu.selectAll()
    this.#announce()
  }

  #freePort(): number {
    const port = this.#channels.findIndex(({ state }) => state === 'free')
    return port < 0 ? -ENOSPC : port
  }

  #setPending(port: number): void {
    const name = this.#name(port)
    this.counts[name] = (this.counts[name] ?? 0) + 1
    if (!this.#setBit(SHARED_EVTCHN_PENDING, port, true)) {
      if (!this.#bit(SHARED_EVTCHN_MASK, port) && !this.#options.vcpu.testAndSetSel(port >> 5)) this.#announce()
    }
    this.#options.onPending(port)
  }

  #announce(): void {
    if (this.#options.vcpu.upcallPending) return
    this.#options.vcpu.upcallPending = true
    this.#options.onUpcall()
  }

  /** `5 virq 0`, `2 console`: the port, and what it is for. */
  #name(port: number): string {
    const channel = this.#channels[port]!
    if (channel.state === 'virq') return `${port} virq ${channel.virq}`
    return `${port} ${this.#labels.get(port) ?? channel.state}`
  }

  #bit(base: number, port: number): boolean {
    return (this.#options.shared.read32(base + (port >> 5) * 4) & (1 << (port & 31))) !== 0
  }

  /** Writes a bit; returns what it was. */
  #setBit(base: number, port: number, value: boolean): boolean {
    const at = base + (port >> 5) * 4
    const bit = 1 << (port & 31)
    const before = this.#options.shared.read32(at)
    this.#options.shared.write32(at, (value ? before | bit : before & ~bit) >>> 0)
    return (before & bit) !== 0
  }
}

function isGuest(domid: number): boolean {
  return domid === DOMID_SELF || domid === GUEST_DOMID
}

/** Per-processor ones are timer, debug and oprofile; of the architecture's, none is used on x86 but by the machine check. */
function isGlobal(virq: number): boolean {
  return virq !== VIRQ_TIMER && virq !== VIRQ_DEBUG && virq !== VIRQ_XENOPROF && virq < VIRQ_ARCH_0 + 8
}
