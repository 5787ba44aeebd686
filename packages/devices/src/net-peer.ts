/**
 * The other end of a network interface, when nobody else is: a host that answers ARP for its address and ICMP echo, and a
 * loopback that gives every frame back. Answers come a fixed virtual time later, so that a run stays the same run.
 */
import type { Clock, NetPort, SavedTimer, Snapshotable, Timer } from '@paragraft/core/ports'
import {
  ARP_LENGTH,
  ARP_REPLY,
  ARP_REQUEST,
  ETHERNET_HEADER,
  ETHERTYPE_ARP,
  ETHERTYPE_IPV4,
  ICMP_ECHO,
  ICMP_ECHO_REPLY,
  IPPROTO_ICMP,
  internetChecksum,
  sameBytes,
  u16,
} from './net-frame.ts'

/** Addresses of the two ends: locally administered, of no vendor. Xen's guests have their own prefix, 00:16:3E. */
export const GUEST_MAC: Uint8Array = Uint8Array.of(0x00, 0x16, 0x3e, 0x50, 0x47, 0x01)
const PEER_MAC = Uint8Array.of(0x02, 0x50, 0x47, 0x52, 0x46, 0x54)
/** 10.0.0.1, of the private block 10/8 (RFC 1918). */
export const PEER_ADDRESS: Uint8Array = Uint8Array.of(10, 0, 0, 1)
/** A frame's way there, and an answer's way back. */
const LATENCY_NS = 100_000

export interface PeerOptions {
  clock: Clock
  /** Address of the guest's interface, default {@link GUEST_MAC}. */
  mac?: Uint8Array
}

/** A frame on its way to the guest. */
export interface FrameUnderway {
  frame: Uint8Array
  timer: SavedTimer
}

/** What both have: frames arrive at the guest some time after they were given. */
abstract class LocalNet implements NetPort, Snapshotable<FrameUnderway[]> {
  readonly mac: Uint8Array
  onReceive: ((frame: Uint8Array) => void) | null = null
  readonly #clock: Clock
  readonly #underway = new Map<Timer, Uint8Array>()

  constructor(options: PeerOptions) {
    this.mac = options.mac ?? GUEST_MAC
    this.#clock = options.clock
  }

  abstract send(frame: Uint8Array): void

  protected deliver(frame: Uint8Array): void {
    this.#await(frame, arrive => this.#clock.schedule(this.#clock.now() + LATENCY_NS, arrive))
  }

  save(): FrameUnderway[] {
    return Array.from(this.#underway, ([timer, frame]) => ({ frame, timer: timer.save() }))
  }

  restore(state: FrameUnderway[]): void {
    for (const { frame, timer } of state) this.#await(frame, arrive => this.#clock.resume(timer, arrive))
  }

  #await(frame: Uint8Array, schedule: (arrive: () => void) => Timer): void {
    const timer = schedule(() => {
      this.#underway.delete(timer)
      this.onReceive?.(frame)
    })
    this.#underway.set(timer, frame)
  }
}

/** Every frame comes back. */
export class LoopbackNet extends LocalNet {
  send(frame: Uint8Array): void {
    this.deliver(frame.slice())
  }
}

/** A host at {@link PEER_ADDRESS} that answers who-has and echo requests, and nothing else. */
export class PeerNet extends LocalNet {
  send(frame: Uint8Array): void {
    const answer = answerTo(frame)
    if (answer !== null) this.deliver(answer)
  }
}

/** The peer's answer to a frame, or null. */
export function answerTo(frame: Uint8Array): Uint8Array | null {
  if (frame.length < ETHERNET_HEADER) return null
  const broadcast = frame.subarray(0, 6).every(byte => byte === 0xff)
  if (!broadcast && !sameBytes(frame.subarray(0, 6), PEER_MAC)) return null
  switch (u16(frame, 12)) {
    case ETHERTYPE_ARP:
      return answerArp(frame)
    case ETHERTYPE_IPV4:
      return answerEcho(frame)
    default:
      return null
  }
}

/** A frame of the peer to whoever sent `to`, with room for so much payload; short ones are padded to 60 bytes. */
function reply(to: Uint8Array, type: number, payload: number): Uint8Array {
  const frame = new Uint8Array(Math.max(60, ETHERNET_HEADER + payload))
  frame.set(to.subarray(6, 12), 0)
  frame.set(PEER_MAC, 6)
  frame[12] = type >> 8
  frame[13] = type & 0xff
  return frame
}

/** RFC 826: hardware type, protocol type, lengths, operation, then sender's and target's two addresses. */
function answerArp(frame: Uint8Array): Uint8Array | null {
  const arp = frame.subarray(ETHERNET_HEADER)
  if (arp.length < ARP_LENGTH || u16(arp, 0) !== 1 || u16(arp, 2) !== ETHERTYPE_IPV4) return null
  if (u16(arp, 4) !== 0x0604 || u16(arp, 6) !== ARP_REQUEST || !sameBytes(arp.subarray(24, 28), PEER_ADDRESS))
    return null
  const answer = reply(frame, ETHERTYPE_ARP, ARP_LENGTH)
  const out = answer.subarray(ETHERNET_HEADER)
  out.set(arp.subarray(0, 6), 0)
  out[7] = ARP_REPLY
  out.set(PEER_MAC, 8)
  out.set(PEER_ADDRESS, 14)
  out.set(arp.subarray(8, 18), 18)
  return answer
}

/** RFC 791 and 792: an unfragmented echo request whose sums are right comes back as an echo reply. */
function answerEcho(frame: Uint8Array): Uint8Array | null {
  const ip = frame.subarray(ETHERNET_HEADER)
  const headerLength = ((ip[0] ?? 0) & 15) * 4
  if ((ip[0] ?? 0) >> 4 !== 4 || headerLength < 20 || ip.length < headerLength + 8) return null
  const length = u16(ip, 2)
  const fragment = u16(ip, 6) & 0x3fff
  if (length < headerLength + 8 || length > ip.length || fragment !== 0 || ip[9] !== IPPROTO_ICMP) return null
  if (!sameBytes(ip.subarray(16, 20), PEER_ADDRESS) || internetChecksum(ip.subarray(0, headerLength)) !== 0) return null
  const icmp = ip.subarray(headerLength, length)
  if (icmp[0] !== ICMP_ECHO || icmp[1] !== 0 || internetChecksum(icmp) !== 0) return null

  const answer = reply(frame, ETHERTYPE_IPV4, 20 + icmp.length)
  const out = answer.subarray(ETHERNET_HEADER)
  out[0] = 0x45
  out.set([(20 + icmp.length) >> 8, (20 + icmp.length) & 0xff], 2)
  out[8] = 64
  out[9] = IPPROTO_ICMP
  out.set(PEER_ADDRESS, 12)
  out.set(ip.subarray(12, 16), 16)
  put(out, 10, internetChecksum(out.subarray(0, 20)))
  const message = out.subarray(20, 20 + icmp.length)
  message.set(icmp)
  message[0] = ICMP_ECHO_REPLY
  put(message, 2, 0)
  put(message, 2, internetChecksum(message))
  return answer
}

function put(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >> 8
  bytes[at + 1] = value & 0xff
}
