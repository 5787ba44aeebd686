/**
 * Network back end (`vif`): frames of a front end's two rings, on a network port. Frames for the guest are copied into pages
 * that it granted for them (`feature-rx-copy`); while it has none ready, some wait.
 */
import type { GuestMemory, NetPort, Reporter } from '@paragraft/core/ports'
import { decode } from '../abi/layout.ts'
import * as abi from '../abi/netif.ts'
import { PAGE_SIZE } from '../abi/xen.ts'
import { BackRing, type BackRingState } from '../back-ring.ts'
import type { BackendGrants } from '../ports.ts'
import type { BackendDriver, Connection, FrontendView } from '../xenbus.ts'
import { fillChecksum } from './checksum.ts'

/** Frames that wait for the guest to have room; more are lost, as on any wire. */
const QUEUE_LIMIT = 256
/** Longest frame of the wire format. */
const FRAME_MAX = 0xffff

export interface VifOptions {
  memory: GuestMemory
  grants: BackendGrants
  net: NetPort
  reporter: Reporter
}

/** A connection: both rings by the grants of them, and frames that wait. */
export interface VifState {
  refs: RingPair<number>
  tx: BackRingState
  rx: BackRingState
  queue: Uint8Array[]
}

/** For the ring of either direction. */
type RingPair<T> = readonly [tx: T, rx: T]

export function vifDriver(options: VifOptions): BackendDriver<VifState> {
  const { grants } = options
  return {
    features: {
      'feature-rx-copy': '1',
      'feature-rx-flip': '0',
      'feature-sg': '0',
      'feature-gso-tcpv4': '0',
      'feature-split-event-channels': '0',
    },
    details: {},
    connect(frontend) {
      const [txRef, rxRef] = [frontend.number('tx-ring-ref'), frontend.number('rx-ring-ref')]
      if (txRef === undefined || rxRef === undefined || frontend.read('request-rx-copy') !== '1') return undefined
      const [tx, rx] = [grants.map(txRef, true), grants.map(rxRef, true)]
      if (tx !== undefined && rx !== undefined) return new Vif(options, frontend, [txRef, rxRef], [tx, rx])
      if (tx !== undefined) grants.unmap(txRef, true)
      if (rx !== undefined) grants.unmap(rxRef, true)
      return undefined
    },
    resume(state, frontend) {
      const vif = new Vif(options, frontend, state.refs, [state.tx.page, state.rx.page])
      vif.restore(state)
      return vif
    },
  }
}

class Vif implements Connection<VifState> {
  readonly #options: VifOptions
  readonly #tx: BackRing
  readonly #rx: BackRing
  readonly #frontend: FrontendView
  readonly #refs: RingPair<number>
  readonly #queue: Uint8Array[] = []

  /** `pages`: the rings' RAM addresses. */
  constructor(options: VifOptions, frontend: FrontendView, refs: RingPair<number>, pages: RingPair<number>) {
    const { memory } = options
    this.#options = options
    this.#frontend = frontend
    this.#refs = refs
    this.#tx = new BackRing(memory, pages[0], abi.NETIF_TX_REQUEST.size)
    this.#rx = new BackRing(memory, pages[1], abi.NETIF_RX_REQUEST.size)
    options.net.onReceive = frame => this.#receive(frame)
  }

  close(): void {
    this.#options.net.onReceive = null
    this.#queue.length = 0
    for (const ref of this.#refs) this.#options.grants.unmap(ref, true)
  }

  save(): VifState {
    const [tx, rx] = this.#refs
    return {
      refs: [tx, rx],
      tx: this.#tx.save(),
      rx: this.#rx.save(),
      queue: this.#queue.map(frame => frame.slice()),
    }
  }

  restore({ tx, rx, queue }: VifState): void {
    this.#tx.restore(tx)
    this.#rx.restore(rx)
    this.#queue.push(...queue)
  }

  service(): void {
    const sent = this.#transmit()
    const received = this.#deliver()
    if (this.#tx.broken || this.#rx.broken) {
      this.#options.reporter.report('vif ring', 'a network ring claims more requests than it holds')
    }
    if (sent || received) this.#frontend.channel.notify()
  }

  /* ---- from the guest ---- */

  #transmit(): boolean {
    const ring = this.#tx
    let served = false
    // A packet of several slots is there as a whole, or its rest is not waited for.
    for (let waiting = ring.waiting; waiting > 0; ) {
      waiting -= this.#packet(waiting)
      served = true
    }
    ring.rearm()
    return served && ring.push()
  }

  /** One packet of at most so many slots; returns how many it took. */
  #packet(limit: number): number {
    const ring = this.#tx
    const first = ring.takeAs(abi.NETIF_TX_REQUEST)
    let slots = 1
    let bad = false
    // Extra information stands between the first fragment and the others: of what it can say, nothing was offered.
    const extras: number[] = []
    for (let more = (first.flags & abi.NETTXF_EXTRA_INFO) !== 0; more; ) {
      if (slots === limit) {
        bad = true
        break
      }
      const extra = decode(abi.NETIF_EXTRA_INFO, ring.take())
      extras.push(slots++)
      more = (extra.flags & abi.XEN_NETIF_EXTRA_FLAG_MORE) !== 0
      bad = true
    }
    const fragments = [{ ...first }]
    for (let more = (first.flags & abi.NETTXF_MORE_DATA) !== 0; more; ) {
      if (slots === limit) {
        bad = true
        break
      }
      const fragment = ring.takeAs(abi.NETIF_TX_REQUEST)
      fragments.push(fragment)
      slots++
      more = (fragment.flags & abi.NETTXF_MORE_DATA) !== 0
    }
    // The first one's size is the whole packet's.
    fragments[0]!.size -= fragments.slice(1).reduce((sum, { size }) => sum + size, 0)
    bad ||= fragments.length > abi.XEN_NETIF_NR_SLOTS_MIN
    const frame = bad ? undefined : this.#gather(fragments)
    const status = frame === undefined ? abi.NETIF_RSP_ERROR : abi.NETIF_RSP_OKAY
    ring.put(abi.NETIF_TX_RESPONSE, { id: first.id, status })
    for (const _ of extras) ring.put(abi.NETIF_TX_RESPONSE, { status: abi.NETIF_RSP_NULL })
    for (const { id } of fragments.slice(1)) ring.put(abi.NETIF_TX_RESPONSE, { id, status })
    if (frame !== undefined) {
      if ((first.flags & abi.NETTXF_CSUM_BLANK) !== 0) fillChecksum(frame)
      this.#options.net.send(frame)
    }
    return slots
  }

  /** The frame out of its pieces; undefined when any is not what it must be. */
  #gather(fragments: readonly { gref: number; offset: number; size: number }[]): Uint8Array | undefined {
    const total = fragments.reduce((sum, { size }) => sum + size, 0)
    if (fragments.some(({ size, offset }) => size < 0 || offset + size > PAGE_SIZE)) return undefined
    if (total < 14 || total > FRAME_MAX) return undefined
    const { memory, grants } = this.#options
    const frame = new Uint8Array(total)
    let at = 0
    for (const { gref, offset, size } of fragments) {
      const page = grants.map(gref, false)
      if (page === undefined) return undefined
      frame.set(memory.read(page + offset, size), at)
      grants.unmap(gref, false)
      at += size
    }
    return frame
  }

  /* ---- to the guest ---- */

  #receive(frame: Uint8Array): void {
    if (frame.length > PAGE_SIZE) {
      this.#options.reporter.report('vif frame', `a frame of ${frame.length} bytes for the guest is longer than a page`)
      return
    }
    if (this.#queue.length >= QUEUE_LIMIT) return
    this.#queue.push(frame)
    if (this.#deliver()) this.#frontend.channel.notify()
  }

  #deliver(): boolean {
    const ring = this.#rx
    const { memory, grants } = this.#options
    let served = false
    for (let waiting = ring.waiting; waiting > 0 && this.#queue.length > 0; waiting--) {
      const { id, gref } = ring.takeAs(abi.NETIF_RX_REQUEST)
      const page = grants.map(gref, true)
      const frame = this.#queue.shift()!
      if (page !== undefined) {
        memory.write(page, frame)
        grants.unmap(gref, true)
      }
      const status = page === undefined ? abi.NETIF_RSP_ERROR : frame.length
      ring.put(abi.NETIF_RX_RESPONSE, { id, status })
      served = true
    }
    ring.rearm()
    return served && ring.push()
  }
}
