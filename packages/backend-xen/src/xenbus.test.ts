/** A device's life (xen/include/public/io/xenbus.h), with the store, the channels and the grants of a domain. */
import { beforeEach, expect, test } from 'vitest'
import { encode } from './abi/layout.ts'
import { NETIF_TX_REQUEST } from './abi/netif.ts'
import { DOMID_SELF } from './abi/xen.ts'
import { TestDomain } from './testing.ts'
import { StoreRing } from './testing-store.ts'
import * as wire from './xenstore/wire.ts'

const ARG = 0x8000
const FRONTEND = 'device/vif/0'
const BACKEND = '/local/domain/0/backend/vif/1/0'
const TABLE = 0x10
const [TX, RX, DATA] = [0x20, 0x21, 0x22]
let domain: TestDomain

const words = (...values: number[]): number => {
  for (const [i, value] of values.entries()) domain.memory.write32(ARG + 4 * i, value >>> 0)
  return ARG
}
const send = (port: number): number => domain.call(32, 4, words(port))

/** One request to the store by its ring, and the answer. */
const store = (type: number, ...strings: string[]): string =>
  new StoreRing(domain.memory, domain.memory.size - 4096, () => send(1)).request(type, ...strings)
const read = (path: string): string => store(wire.XS_READ, path)
const write = (key: string, value: string | number): string => store(wire.XS_WRITE, `${FRONTEND}/${key}`, `${value}`)

function grant(ref: number, gfn: number): void {
  domain.memory.write32(TABLE * 4096 + ref * 8 + 4, gfn)
  domain.memory.write32(TABLE * 4096 + ref * 8, 1)
}
const flags = (ref: number): number => domain.memory.read16(TABLE * 4096 + ref * 8)

/** A front end's particulars; returns its port. */
function offer(): number {
  domain.call(32, 6, words(DOMID_SELF, 0))
  const port = domain.memory.read32(ARG + 4)
  grant(100, TX)
  grant(101, RX)
  grant(102, DATA)
  for (const page of [TX, RX]) domain.memory.fill(page * 4096, 0, 4096)
  for (const [key, value] of Object.entries({
    'tx-ring-ref': 100,
    'rx-ring-ref': 101,
    'event-channel': port,
    'request-rx-copy': 1,
  })) {
    write(key, value)
  }
  return port
}

function transmit(port: number): void {
  const index = domain.memory.read32(TX * 4096)
  domain.memory.write(TX * 4096 + 64 + 12 * index, encode(NETIF_TX_REQUEST, { gref: 102, size: 60 }))
  domain.memory.write32(TX * 4096, index + 1)
  send(port)
}

beforeEach(() => {
  domain = new TestDomain()
  expect(domain.call(12, 7, words(DOMID_SELF, 1, 0, TABLE))).toBe(0)
})

test('the toolstack has made both directories, and the back end waits', () => {
  expect(read(`${FRONTEND}/backend`)).toBe(BACKEND)
  expect(read(`${FRONTEND}/mac`)).toBe('00:16:3e:01:02:03')
  expect([read(`${BACKEND}/state`), read(`${BACKEND}/feature-rx-copy`)]).toEqual(['2', '1'])
  expect(read('device/vbd/51712/virtual-device')).toBe('51712')
  expect(read('/local/domain/0/backend/vbd/1/51712/sectors')).toBe('ENOENT\0')
  expect(write('backend', 'elsewhere')).toBe('OK\0')
  expect(store(wire.XS_WRITE, `${BACKEND}/state`, '4')).toBe('EACCES\0')
})

test('it connects, serves, lets go, and connects again', () => {
  const first = offer()
  write('state', 4)
  expect(read(`${BACKEND}/state`)).toBe('4')
  // Reading and writing: bits 3 and 4 of an entry in use (grant_table.h).
  expect([flags(100), flags(101)]).toEqual([0x19, 0x19])
  transmit(first)
  expect(domain.net.sent).toHaveLength(1)
  write('state', 5)
  expect(read(`${BACKEND}/state`)).toBe('5')
  write('state', 6)
  expect([read(`${BACKEND}/state`), flags(100), flags(101)]).toEqual(['6', 1, 1])
  transmit(first)
  expect(domain.net.sent).toHaveLength(1)

  domain.call(32, 3, words(first))
  write('state', 1)
  expect(read(`${BACKEND}/state`)).toBe('2')
  const second = offer()
  write('state', 4)
  transmit(second)
  expect(domain.net.sent).toHaveLength(2)
})

test('what cannot be used is refused by closing', () => {
  for (const [key, value] of [
    ['tx-ring-ref', '7777'],
    ['rx-ring-ref', 'x'],
    ['event-channel', '1'],
    ['event-channel', '4294967296'],
    ['request-rx-copy', '0'],
  ] as const) {
    domain = new TestDomain()
    domain.call(12, 7, words(DOMID_SELF, 1, 0, TABLE))
    offer()
    write(key, value)
    write('state', 4)
    expect([key, read(`${BACKEND}/state`), domain.reports]).toEqual([key, '5', ['xenbus vif 0']])
    expect([flags(100), flags(101)]).toEqual([1, 1])
  }
})

test('a front end that goes without a word leaves nothing behind', () => {
  const port = offer()
  write('state', 4)
  expect(store(wire.XS_RM, FRONTEND)).toBe('OK\0')
  expect([read(`${BACKEND}/state`), flags(100)]).toEqual(['6', 1])
  transmit(port)
  expect(domain.net.sent).toEqual([])
  for (const state of ['', 'x', '99', '-1']) write('state', state)
  expect(read(`${BACKEND}/state`)).toBe('6')
})

test('saved while it is connected, it goes on: rings, grants, frames that wait', () => {
  const port = offer()
  write('state', 4)
  transmit(port)
  const frame = Uint8Array.from({ length: 60 }, (_, i) => i)
  domain.net.onReceive!(frame)
  // What the page says of responses is the guest's to forge.
  domain.memory.write32(TX * 4096 + 8, 77)
  const saved = domain.domain.save()
  domain = domain.continued()
  expect(domain.domain.save()).toEqual(saved)
  expect(flags(100)).toBe(0x19)

  transmit(port)
  expect(domain.net.sent).toHaveLength(1)
  // Responses of both frames: the second behind the first.
  expect(domain.memory.read32(TX * 4096 + 8)).toBe(2)
  // What waited finds the first page that the guest offers.
  domain.memory.write(RX * 4096 + 64, Uint8Array.of(0, 0, 0, 0, 102, 0, 0, 0))
  domain.memory.write32(RX * 4096, 1)
  send(port)
  expect(domain.memory.read(DATA * 4096, 60)).toEqual(frame)
  write('state', 6)
  expect([read(`${BACKEND}/state`), flags(100), flags(101)]).toEqual(['6', 1, 1])
})

test('a channel that its guest had closed, and made again, stays closed to it', () => {
  const port = offer()
  write('state', 4)
  domain.call(32, 3, words(port))
  domain.call(32, 6, words(DOMID_SELF, 0))
  expect(domain.memory.read32(ARG + 4)).toBe(port)
  domain = domain.continued()
  transmit(port)
  expect(domain.net.sent).toEqual([])
  // It is there to be connected to.
  write('state', 6)
  write('state', 1)
  write('state', 4)
  expect(read(`${BACKEND}/state`)).toBe('4')
})
