import { expect, test } from 'vitest'
import { internetChecksum } from './net-frame.ts'
import { GUEST_MAC, LoopbackNet, PEER_ADDRESS, PeerNet } from './net-peer.ts'
import { CapturedNet, pcapHeader, pcapRecord } from './pcap.ts'
import { TestClock } from './testing.ts'

const BROADCAST = [255, 255, 255, 255, 255, 255]
const GUEST_ADDRESS = [10, 0, 0, 2]

/** RFC 826: Ethernet, IPv4, lengths 6 and 4, request. */
const whoHas = (target: Iterable<number>): Uint8Array =>
  Uint8Array.of(
    ...BROADCAST,
    ...GUEST_MAC,
    8,
    6,
    0,
    1,
    8,
    0,
    6,
    4,
    0,
    1,
    ...GUEST_MAC,
    ...GUEST_ADDRESS,
    0,
    0,
    0,
    0,
    0,
    0,
    ...target,
  )

function echo(to: Uint8Array, data: number[]): Uint8Array {
  const icmp = Uint8Array.of(8, 0, 0, 0, 0x12, 0x34, 0, 1, ...data)
  icmp.set(sum(icmp), 2)
  const ip = Uint8Array.of(0x45, 0, 0, 20 + icmp.length, 0, 7, 0x40, 0, 64, 1, 0, 0, ...GUEST_ADDRESS, ...PEER_ADDRESS)
  ip.set(sum(ip), 10)
  return Uint8Array.of(...to, ...GUEST_MAC, 8, 0, ...ip, ...icmp)
}

function sum(bytes: Uint8Array): number[] {
  const value = internetChecksum(bytes)
  return [value >> 8, value & 0xff]
}

function peer(): { clock: TestClock; net: PeerNet; heard: Uint8Array[] } {
  const clock = new TestClock()
  const net = new PeerNet({ clock })
  const heard: Uint8Array[] = []
  net.onReceive = frame => heard.push(frame)
  return { clock, net, heard }
}

test('the checksum of RFC 1071, section 3', () => {
  expect(internetChecksum(Uint8Array.of(0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7))).toBe(~0xddf2 & 0xffff)
})

test('the peer says who has its address, later and not at once', () => {
  const { clock, net, heard } = peer()
  net.send(whoHas(PEER_ADDRESS))
  net.send(whoHas([10, 0, 0, 9]))
  expect(heard).toEqual([])
  clock.advance(1e6)
  expect(heard).toHaveLength(1)
  const answer = heard[0]!
  expect(answer).toHaveLength(60)
  expect([...answer.subarray(0, 6)]).toEqual([...GUEST_MAC])
  const own = [...answer.subarray(6, 12)]
  expect([...answer.subarray(12, 42)]).toEqual(
    [8, 6, 0, 1, 8, 0, 6, 4, 0, 2].concat(own, [...PEER_ADDRESS], [...GUEST_MAC], GUEST_ADDRESS),
  )
})

test('it answers an echo request with the same data and right checksums', () => {
  const { clock, net, heard } = peer()
  net.send(whoHas(PEER_ADDRESS))
  clock.advance(1e6)
  const mac = heard.pop()!.slice(6, 12)
  net.send(echo(mac, [1, 2, 3]))
  clock.advance(1e6)
  const ip = heard[0]!.subarray(14)
  expect(internetChecksum(ip.subarray(0, 20))).toBe(0)
  expect([...ip.subarray(12, 20)]).toEqual([...PEER_ADDRESS, ...GUEST_ADDRESS])
  const icmp = ip.subarray(20, (ip[2]! << 8) | ip[3]!)
  expect(internetChecksum(icmp)).toBe(0)
  expect([icmp[0], icmp[1], ...icmp.subarray(4)]).toEqual([0, 0, 0x12, 0x34, 0, 1, 1, 2, 3])
})

test('what is damaged, foreign or cut short gets no answer', () => {
  const { clock, net, heard } = peer()
  const good = echo(Uint8Array.from(BROADCAST), [1, 2, 3, 4])
  for (let length = 0; length < good.length; length++) net.send(good.subarray(0, length))
  // A bit of the IP header, of the ICMP message, of the destination address.
  for (const at of [14 + 8, 14 + 20 + 9, 5]) net.send(good.map((byte, index) => (index === at ? byte ^ 1 : byte)))
  clock.advance(1e6)
  expect(heard).toEqual([])
  net.send(good)
  clock.advance(1e6)
  expect(heard).toHaveLength(1)
})

test('a loopback gives a copy back', () => {
  const clock = new TestClock()
  const net = new LoopbackNet({ clock })
  const heard: number[][] = []
  net.onReceive = frame => heard.push([...frame])
  const frame = Uint8Array.of(1, 2, 3)
  net.send(frame)
  frame.fill(0)
  clock.advance(1e6)
  expect(heard).toEqual([[1, 2, 3]])
})

test('a capture has both directions in order, in the format of the draft', () => {
  const clock = new TestClock()
  const pieces: Uint8Array[] = []
  const net = new CapturedNet(new LoopbackNet({ clock }), clock, piece => pieces.push(piece))
  const heard: Uint8Array[] = []
  net.onReceive = frame => heard.push(frame)
  clock.advance(2_500_000_000)
  net.send(Uint8Array.of(9, 8, 7))
  clock.advance(1e6)
  expect(heard).toHaveLength(1)
  expect(pieces).toEqual([
    pcapHeader(),
    pcapRecord(2_500_000_000, Uint8Array.of(9, 8, 7)),
    pcapRecord(2_500_100_000, Uint8Array.of(9, 8, 7)),
  ])
  expect([...pieces[0]!.subarray(0, 8)]).toEqual([0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0])
  // 2 s, 500000 µs, 3 bytes kept of 3.
  expect([...pieces[1]!]).toEqual([2, 0, 0, 0, 0x20, 0xa1, 7, 0, 3, 0, 0, 0, 3, 0, 0, 0, 9, 8, 7])
})
