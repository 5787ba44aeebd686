/** Frames over both rings (xen/include/public/io/netif.h). */
import { internetChecksum } from '@paragraft/devices'
import { beforeEach, expect, test } from 'vitest'
import { decode, encode } from '../abi/layout.ts'
import * as abi from '../abi/netif.ts'
import { TestMemory, TestNet } from '../testing.ts'
import type { Connection, FrontendView } from '../xenbus.ts'
import { fillChecksum } from './checksum.ts'
import { vifDriver } from './vif.ts'

const TX = 0x1000
const RX = 0x2000
const REQ_PROD = 0
const RSP_PROD = 8
const RSP_EVENT = 12

let memory: TestMemory
let net: TestNet
let rung: number
let reports: string[]

function connect(entries: Record<string, string> = {}): Connection<unknown> | undefined {
  const all: Record<string, string> = { 'tx-ring-ref': '1', 'rx-ring-ref': '2', 'request-rx-copy': '1', ...entries }
  const view: FrontendView = {
    read: key => all[key],
    number: key => (all[key] === undefined ? undefined : Number(all[key])),
    channel: { notify: () => rung++ },
  }
  const grants = { map: (ref: number) => (ref > 0 && ref < 16 ? ref * 0x1000 : undefined), unmap: () => {} }
  return vifDriver({ memory, net, grants, reporter: { report: key => reports.push(key) } }).connect(view)
}

beforeEach(() => {
  memory = new TestMemory(16 * 0x1000)
  for (const ring of [TX, RX]) memory.write32(ring + RSP_EVENT, 1)
  net = new TestNet()
  rung = 0
  reports = []
})

function send(values: Parameters<typeof encode<typeof abi.NETIF_TX_REQUEST.fields>>[1]): void {
  const index = memory.read32(TX + REQ_PROD)
  memory.write(TX + 64 + index * 12, encode(abi.NETIF_TX_REQUEST, values))
  memory.write32(TX + REQ_PROD, index + 1)
}
const sent = (): [id: number, status: number][] =>
  Array.from({ length: memory.read32(TX + RSP_PROD) }, (_, i) => {
    const { id, status } = decode(abi.NETIF_TX_RESPONSE, memory.read(TX + 64 + i * 12, 4))
    return [id, status]
  })
function offer(id: number, gref: number): void {
  const index = memory.read32(RX + REQ_PROD)
  memory.write(RX + 64 + index * 8, encode(abi.NETIF_RX_REQUEST, { id, gref }))
  memory.write32(RX + REQ_PROD, index + 1)
}
const received = () =>
  Array.from({ length: memory.read32(RX + RSP_PROD) }, (_, i) =>
    decode(abi.NETIF_RX_RESPONSE, memory.read(RX + 64 + i * 8, 8)),
  )

test('a frame in one piece, and one in three', () => {
  const vif = connect()!
  memory.fill(0x5010, 0xaa, 60)
  send({ gref: 5, offset: 0x10, id: 1, size: 60 })
  memory.fill(0x6000, 0xbb, 20)
  memory.fill(0x7ff6, 0xcc, 10)
  memory.fill(0x8000, 0xdd, 30)
  send({ gref: 6, id: 2, size: 60, flags: abi.NETTXF_MORE_DATA })
  send({ gref: 7, id: 3, offset: 0xff6, size: 10, flags: abi.NETTXF_MORE_DATA })
  send({ gref: 8, id: 4, size: 30 })
  vif.service()
  expect(net.sent.map(frame => frame.length)).toEqual([60, 60])
  expect([...new Set(net.sent[0])]).toEqual([0xaa])
  expect([net.sent[1]![19], net.sent[1]![20], net.sent[1]![29], net.sent[1]![30]]).toEqual([0xbb, 0xcc, 0xcc, 0xdd])
  expect(sent()).toEqual([
    [1, 0],
    [2, 0],
    [3, 0],
    [4, 0],
  ])
  expect(rung).toBe(1)
})

test('frames that are none are refused, each slot with an answer', () => {
  const vif = connect()!
  send({ gref: 99, id: 1, size: 60 })
  send({ gref: 5, id: 2, offset: 4090, size: 60 })
  send({ gref: 5, id: 3, size: 13 })
  // The fragment alone is longer than the whole says.
  send({ gref: 5, id: 4, size: 20, flags: abi.NETTXF_MORE_DATA })
  send({ gref: 5, id: 5, size: 30 })
  // More is announced than comes.
  send({ gref: 5, id: 6, size: 60, flags: abi.NETTXF_MORE_DATA })
  vif.service()
  expect(net.sent).toEqual([])
  expect(sent()).toEqual([1, 2, 3, 4, 5, 6].map(id => [id, abi.NETIF_RSP_ERROR]))
})

test('extra information that nobody offered to take spoils its packet alone', () => {
  const vif = connect()!
  send({ gref: 5, id: 1, size: 60, flags: abi.NETTXF_EXTRA_INFO })
  memory.write(TX + 64 + 12, encode(abi.NETIF_EXTRA_INFO, { type: 1, flags: 0 }))
  memory.write32(TX + REQ_PROD, 2)
  send({ gref: 5, id: 3, size: 60 })
  vif.service()
  expect(sent()).toEqual([
    [1, abi.NETIF_RSP_ERROR],
    [0, abi.NETIF_RSP_NULL],
    [3, abi.NETIF_RSP_OKAY],
  ])
})

test('frames for the guest wait until it has room', () => {
  const vif = connect()!
  const frame = new Uint8Array(100).fill(0x77)
  net.onReceive!(frame)
  expect(received()).toEqual([])
  offer(11, 9)
  vif.service()
  expect(received()).toEqual([{ id: 11, offset: 0, flags: 0, status: 100 }])
  expect(memory.read(0x9000, 101)).toEqual(Uint8Array.of(...frame, 0))
  offer(12, 99)
  net.onReceive!(frame)
  expect(received()[1]!.status).toBe(abi.NETIF_RSP_ERROR)
  net.onReceive!(new Uint8Array(4097))
  expect(reports).toEqual(['vif frame'])
  vif.close()
  expect(net.onReceive).toBeNull()
})

test('forged rings are dead, and what is not offered is not connected to', () => {
  const vif = connect()!
  memory.write32(TX + REQ_PROD, 257)
  memory.write32(RX + REQ_PROD, 0xffffffff)
  net.onReceive!(new Uint8Array(60))
  vif.service()
  expect([net.sent, sent(), received(), reports]).toEqual([[], [], [], ['vif ring']])
  expect(connect({ 'tx-ring-ref': '99' })).toBeUndefined()
  expect(connect({ 'request-rx-copy': '0' })).toBeUndefined()
})

test('a checksum that the guest left open is filled in (RFC 768, over the pseudo-header)', () => {
  const udp = [0x04, 0xd2, 0x00, 0x35, 0, 12, 0xff, 0xff, 1, 2, 3, 4]
  const ip = [0x45, 0, 0, 32, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1]
  const frame = Uint8Array.of(...new Array(12).fill(0), 8, 0, ...ip, ...udp)
  fillChecksum(frame)
  // A receiver's sum over pseudo-header and segment, the checksum included, is 0.
  const pseudo = Uint8Array.of(10, 0, 0, 2, 10, 0, 0, 1, 0, 17, 0, 12, ...frame.subarray(34))
  expect(internetChecksum(pseudo)).toBe(0)
  expect([...frame.subarray(34, 40)]).toEqual(udp.slice(0, 6))
  const arp = Uint8Array.of(...new Array(12).fill(0), 8, 6, ...new Array(28).fill(1))
  const copy = arp.slice()
  fillChecksum(copy)
  expect(copy).toEqual(arp)
})
