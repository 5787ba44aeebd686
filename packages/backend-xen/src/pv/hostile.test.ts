/**
 * A paravirtual guest that lies to what serves it: garbage for xenstore, rings whose indices and requests are forged, grants of
 * what is not its own to grant. The host never throws, what no device may write stays as it was (page tables, descriptors, the
 * hypervisor's own), and refusals are those of xen/common/grant_table.c and of the rings' owners.
 */
import { expect, test } from 'vitest'
import * as blkif from '../abi/blkif.ts'
import { HYPERCALL_NAMES } from '../abi/hypercalls.ts'
import { decode, encode } from '../abi/layout.ts'
import { NETIF_RX_REQUEST, NETIF_TX_REQUEST } from '../abi/netif.ts'
import { FLAT_RING1_CS, FLAT_RING1_DS, MMUEXT_PIN_L1_TABLE } from '../abi/pv.ts'
import { DOMID_SELF, PAGE_SIZE } from '../abi/xen.ts'
import { randomSource } from '../testing.ts'
import { StoreRing } from '../testing-store.ts'
import * as wire from '../xenstore/wire.ts'
import { TestPvDomain } from './testing.ts'

const EVENT_CHANNEL_OP = 32
const MMUEXT_OP = 26
const SET_TRAP_TABLE = 0
const SET_CALLBACKS = 4
const STACK_SWITCH = 3
const SEND = 4
const ALLOC_UNBOUND = 6
/** Exceptions with an error code (SDM vol. 3A, table 6-1). */
const PUSHES = [8, 10, 11, 12, 13, 14, 17]
/** PARAGRAFT_FUZZ=1000000 makes so many. */
const CALLS = Number(process.env['PARAGRAFT_FUZZ'] ?? 4_000)
const HYPERCALLS = [...HYPERCALL_NAMES.keys(), 127, 0xffffffff]
/** Where arguments of calls are put: page 1 of the domain, at the same linear address. */
const ARG = PAGE_SIZE
/** Pages of the domain for rings and data: behind the kernel, in its zeroed memory's free part. */
const [BLOCK, TX, RX, DATA] = [0x300, 0x301, 0x302, 0x303] as const
const DISK = 'device/vbd/51712'
const NET = 'device/vif/0'
const BLOCK_PROTOCOL = blkif.BLKIF_PROTOCOLS.get('x86_32-abi')!
/** Reference numbers of the rings' pages. */
const REFS = { block: 100, tx: 101, rx: 102 }

class Guest {
  readonly pv = new TestPvDomain()
  readonly store: StoreRing
  readonly ports: { block: number; net: number }

  constructor() {
    const { pv } = this
    this.store = new StoreRing(pv.memory, pv.startInfo.storeMfn * PAGE_SIZE, () =>
      expect(this.send(pv.startInfo.storeEvtchn)).toBe(0),
    )
    this.ports = { block: this.#port(), net: this.#port() }
    this.grantRings()
  }

  words(...values: number[]): number {
    for (const [i, value] of values.entries()) this.pv.memory.write32(this.pv.page(1) + 4 * i, value >>> 0)
    return ARG
  }
  send(port: number): number {
    return this.pv.call(EVENT_CHANNEL_OP, SEND, this.words(port))
  }
  #port(): number {
    expect(this.pv.call(EVENT_CHANNEL_OP, ALLOC_UNBOUND, this.words(DOMID_SELF, 0))).toBe(0)
    return this.pv.memory.read32(this.pv.page(1) + 4)
  }

  grantRings(): void {
    for (const [ref, pfn] of [
      [REFS.block, BLOCK],
      [REFS.tx, TX],
      [REFS.rx, RX],
    ] as const) {
      this.pv.grant(ref, this.pv.mfn(pfn))
      this.pv.memory.fill(this.pv.page(pfn), 0, PAGE_SIZE)
    }
  }

  write(path: string, value: string | number): string {
    return this.store.request(wire.XS_WRITE, path, `${value}`)
  }
  state(device: 'vbd/1/51712' | 'vif/1/0'): string {
    return this.store.request(wire.XS_READ, `/local/domain/0/backend/${device}/state`)
  }

  /** Both front ends say where their rings are, and that they are ready. */
  connect(): void {
    const say = (device: string, entries: Readonly<Record<string, number>>): void => {
      for (const [key, value] of Object.entries(entries)) this.write(`${device}/${key}`, value)
    }
    say(DISK, { 'ring-ref': REFS.block, 'event-channel': this.ports.block, state: 3 })
    say(NET, {
      'tx-ring-ref': REFS.tx,
      'rx-ring-ref': REFS.rx,
      'event-channel': this.ports.net,
      'request-rx-copy': 1,
      state: 4,
    })
  }

  disconnect(): void {
    for (const device of [DISK, NET]) for (const state of [5, 6, 1]) this.write(`${device}/state`, state)
  }

  /** Asks for one sector, into or from the page of a reference; the answer's status. */
  block(operation: number, gref: number): number {
    const { memory } = this.pv
    const ring = this.pv.page(BLOCK)
    const index = memory.read32(ring)
    const { request, response, segments } = BLOCK_PROTOCOL
    const bytes = encode(request, { operation, nrSegments: 1, sectorNumber: 3 })
    new DataView(bytes.buffer).setUint32(segments, gref, true)
    memory.write(ring + 64 + (index % 32) * request.size, bytes)
    memory.write32(ring, index + 1)
    expect(this.send(this.ports.block)).toBe(0)
    const answer = memory.read(ring + 64 + (index % 32) * request.size, response.size)
    return decode(response, answer).status
  }
}

test(`${CALLS} hypercalls and events of all kinds at random`, () => {
  const random = randomSource(20_260_103)
  const results = new Map<string, number>()
  /** A kernel with handlers for every exception, so that few events end it. */
  const kernel = (): TestPvDomain => {
    const fresh = new TestPvDomain()
    const put = (words: number[]): number => {
      for (const [i, word] of words.entries()) fresh.memory.write32(fresh.page(1) + 4 * i, word >>> 0)
      return ARG
    }
    const traps = Array.from({ length: 32 }, (_, vector) => [vector | (FLAT_RING1_CS << 16), ARG])
    expect(fresh.call(SET_TRAP_TABLE, put([...traps.flat(), 0, 0]))).toBe(0)
    expect(fresh.call(SET_CALLBACKS, FLAT_RING1_CS, ARG, FLAT_RING1_CS, ARG)).toBe(0)
    expect(fresh.call(STACK_SWITCH, FLAT_RING1_DS, ARG + 0x800)).toBe(0)
    return fresh
  }
  let pv = kernel()
  let domains = 1
  const edges = [
    0,
    1,
    2,
    3,
    7,
    0xfff,
    PAGE_SIZE,
    DOMID_SELF,
    0xe019,
    0xe021,
    0xf5800000,
    0x7fffffff,
    0x80000000,
    0xffffffff,
  ]
  const value = (): number => {
    switch (random(6)) {
      case 0:
        return edges[random(edges.length)]!
      case 1:
        return random(64)
      case 2:
        return pv.mfn(random(0x400)) * (random(2) === 0 ? 1 : PAGE_SIZE)
      case 3:
        return random(0xffffffff)
      default:
        // Somewhere in the mapping, at times at the end of it.
        return random(16) === 0 ? 0x400000 - random(16) : ARG + 4 * random(2048)
    }
  }
  const sources = ['exception', 'int', 'int1', 'interrupt', 'nmi'] as const
  for (let i = 0; i < CALLS; i++) {
    if (pv.crashes.length > 0 || pv.power.length > 0 || pv.page(1) !== pv.physical(ARG, true)) {
      pv = kernel()
      domains++
    }
    // Words for pointers to point at, and code and stacks to be found by.
    for (let word = 0; word < 12; word++) pv.memory.write32(pv.page(1) + 4 * random(1024), value() >>> 0)
    pv.loads = () => random(500) > 0
    pv.cpl = random(8) === 0 ? 3 : 1
    const stack = random(200) === 0 ? value() : ARG + 0x800 - 4 * random(64)
    Object.assign(pv.registers, { EIP: value(), ESP: stack, EFLAGS: random(0x10000) | 0x202 })
    if (random(4) > 0) {
      const number = HYPERCALLS[random(HYPERCALLS.length)]!
      const args = Array.from({ length: 6 }, () => (random(3) === 0 ? random(48) : value()))
      // Long lists are the guest's to ask for; a hundred are enough here.
      for (const at of [1, 2]) if (args[at]! > 100 && random(100) > 0) args[at] = random(100)
      const result = pv.call(number, ...args)
      if (!Number.isInteger(result)) throw new Error(`call ${number} returned ${result}`)
      const key = `${number} ${Math.sign(result)}`
      results.set(key, (results.get(key) ?? 0) + 1)
    } else {
      const vector = random(4) === 0 ? random(256) : [1, 3, 6, 7, 13, 14][random(6)]!
      const source = sources[random(8) === 0 ? random(5) : 0]!
      pv.event({
        source,
        vector,
        errorCode: PUSHES.includes(vector) ? random(0x10000) : -1,
        address: value(),
        returnEip: value(),
      })
    }
    pv.halted = false
    if (i % 64 === 0) pv.clock.advance(random(20_000_000))
  }
  // It came somewhere: many kinds of calls succeed, and many fail.
  const kinds = (sign: number): number => [...results.keys()].filter(key => key.endsWith(` ${sign}`)).length
  expect([kinds(0) > 15, kinds(-1) > 25]).toEqual([true, true])
  expect(domains).toBeGreaterThan(1)
}, 2_400_000)

test('xenstore garbage', () => {
  const random = randomSource(11)
  const { pv, store } = new Guest()
  const before = pv.untouched()
  let answers = 0
  for (let i = 0; i < 3_000; i++) if (store.garbage(random)) answers++
  expect(answers).toBeGreaterThan(50)
  expect(pv.untouched()).toEqual(before)
  expect(pv.crashes).toEqual([])
}, 120_000)

test('what is not its own to grant, or in other use, is refused, and a page in use cannot become a page table', () => {
  const guest = new Guest()
  const { pv } = guest
  guest.connect()
  expect([guest.state('vbd/1/51712'), guest.state('vif/1/0')]).toEqual(['4', '4'])
  pv.disk.bytes.fill(0x5a)
  const { ptBase, nrPtFrames } = pv.startInfo
  const table = pv.mfn(ptBase / PAGE_SIZE + nrPtFrames - 1)
  const before = pv.untouched()
  const read = (ref: number) => guest.block(blkif.BLKIF_OP_READ, ref)
  const write = (ref: number) => guest.block(blkif.BLKIF_OP_WRITE, ref)

  pv.grant(8, pv.mfn(DATA))
  expect([read(8), pv.memory.read8(pv.page(DATA))]).toEqual([blkif.BLKIF_RSP_OKAY, 0x5a])
  // A page table: "Could not pin granted frame" for writing, but it may be read (get_paged_frame, acquire_grant_for_copy).
  pv.grant(9, table)
  expect([read(9), write(9)]).toEqual([blkif.BLKIF_RSP_ERROR, blkif.BLKIF_RSP_OKAY])
  // Frames of the hypervisor, of nobody, and that there are not: GNTST_bad_page.
  const { m2p, descriptors, free, frames } = pv.layout
  for (const mfn of [m2p.first, descriptors, free.first, 0, frames, 0xffffffff]) {
    pv.grant(10, mfn)
    expect([mfn, read(10), write(10)]).toEqual([mfn, blkif.BLKIF_RSP_ERROR, blkif.BLKIF_RSP_ERROR])
  }
  // For reading only, for another domain, and for nobody; references beyond the table.
  pv.grant(11, pv.mfn(DATA), 1 | 4)
  expect([read(11), write(11)]).toEqual([blkif.BLKIF_RSP_ERROR, blkif.BLKIF_RSP_OKAY])
  pv.grant(12, pv.mfn(DATA))
  pv.memory.write16(pv.layout.grants * PAGE_SIZE + 8 * 12 + 2, 5)
  expect([read(12), read(13), read(511), read(512), read(0xffffffff)]).toEqual(Array(5).fill(blkif.BLKIF_RSP_ERROR))
  expect(pv.untouched()).toEqual(before)

  // The ring's page is in use for writing: its type is taken (get_page_type: -EINVAL), and giving up the grant changes nothing.
  expect(pv.grantFlags(REFS.block)).toBe(0x19)
  pv.memory.fill(pv.page(RX), 0, PAGE_SIZE)
  const pin = (mfn: number) => pv.call(MMUEXT_OP, guest.words(MMUEXT_PIN_L1_TABLE, mfn, 0), 1, 0, DOMID_SELF)
  expect(pin(pv.mfn(RX))).toBe(-22)
  pv.grant(REFS.rx, 0, 0)
  expect(pin(pv.mfn(RX))).toBe(-22)
  expect(pv.crashes).toEqual([])
})

test('a ring that claims more than it holds is served no more', () => {
  for (const [port, pfn, report] of [
    ['block', BLOCK, 'vbd ring'],
    ['net', TX, 'vif ring'],
    ['net', RX, 'vif ring'],
  ] as const) {
    const guest = new Guest()
    guest.connect()
    guest.pv.memory.write32(guest.pv.page(pfn), 0x8000_0000)
    expect(guest.send(guest.ports[port])).toBe(0)
    if (pfn === RX) guest.pv.net.onReceive!(new Uint8Array(60))
    expect(guest.pv.reports).toContain(report)
    guest.pv.memory.write32(guest.pv.page(pfn), 1)
    expect([guest.send(guest.ports[port]), guest.pv.memory.read32(guest.pv.page(pfn) + 8)]).toEqual([0, 0])
  }
})

test('rings, requests and grants at random', () => {
  const random = randomSource(20_260_102)
  const guest = new Guest()
  const { pv } = guest
  const { memory, layout } = pv
  const before = pv.untouched()
  const ref = (): number => (random(20) === 0 ? random(0xffffffff) : random(80))
  /** Fields that could be meant, and at times cannot. */
  const blockRequest = (): Uint8Array => {
    const { request, segments } = BLOCK_PROTOCOL
    const bytes = encode(request, {
      operation: random(5),
      nrSegments: random(10) === 0 ? random(256) : random(4),
      sectorNumber: random(10) === 0 ? 2 ** 40 : random(66),
    })
    for (let n = 0; n < blkif.BLKIF_MAX_SEGMENTS_PER_REQUEST; n++) {
      const segment = { gref: ref(), firstSect: random(3), lastSect: random(9) }
      bytes.set(encode(blkif.BLKIF_REQUEST_SEGMENT, segment), segments + n * blkif.BLKIF_REQUEST_SEGMENT.size)
    }
    return bytes
  }
  const sendRequest = () =>
    encode(NETIF_TX_REQUEST, {
      gref: ref(),
      offset: random(4200),
      flags: random(16),
      size: random(3) * 700 + random(70),
    })
  const receiveRequest = () => encode(NETIF_RX_REQUEST, { id: random(256), gref: ref() })
  /** Not shared_info: it is the guest's to write, and to unmask events by that has a guest ended that has no handler. */
  const anyFrame = (): number => {
    const { ptBase, nrPtFrames } = pv.startInfo
    switch (random(6)) {
      case 0:
        return pv.mfn(ptBase / PAGE_SIZE + random(nrPtFrames))
      case 1:
        return [layout.m2p.first, layout.m2pTables.first, layout.descriptors, layout.free.first][random(4)]!
      case 2: {
        const mfn = random(layout.frames + 8)
        return mfn === layout.sharedInfo ? 0 : mfn
      }
      default:
        return pv.mfn(DATA + random(16))
    }
  }
  let served = 0
  for (let round = 0; round < 40; round++) {
    guest.grantRings()
    guest.connect()
    for (let i = 0; i < 100; i++) {
      for (let n = 0; n < 4; n++)
        pv.grant(random(80), anyFrame(), random(4) === 0 ? random(0x10000) : [1, 1, 1, 5][random(4)])
      const device = random(3)
      const pfn = [BLOCK, TX, RX][device]!
      const page = pv.page(pfn)
      const index = memory.read32(page)
      const asked = [blockRequest, sendRequest, receiveRequest][device]!()
      memory.write(page + 64 + (index % (device === 0 ? 32 : 256)) * asked.length, asked)
      memory.write32(page, random(200) === 0 ? random(0xffffffff) : index + 1)
      const responses = memory.read32(page + 8)
      expect(guest.send(device === 0 ? guest.ports.block : guest.ports.net)).toBe(0)
      if (memory.read32(page + 8) !== responses) served++
      if (random(8) === 0) pv.net.onReceive?.(new Uint8Array(60 + random(1500)))
      if (random(100) === 0)
        memory.write32(pv.startInfo.consoleMfn * PAGE_SIZE + [3072, 3076, 3080, 3084][random(4)]!, random(0xffffffff))
      if (random(16) === 0) guest.send(pv.startInfo.consoleEvtchn)
      pv.clock.advance(random(100_000))
    }
    guest.disconnect()
    expect([round, pv.untouched()]).toEqual([round, before])
  }
  expect(served).toBeGreaterThan(500)
  expect(pv.crashes).toEqual([])
}, 120_000)
