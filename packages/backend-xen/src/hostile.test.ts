/**
 * A hostile guest: calls, arguments and memory at random, with a seed. The host never throws, the guest's results are
 * numbers, and nothing outside its memory is touched (the memory port throws if it is).
 */
import { expect, test } from 'vitest'
import { HYPERCALL_NAMES } from './abi/hypercalls.ts'
import { DOMID_SELF } from './abi/xen.ts'
import { randomSource, TestDomain } from './testing.ts'
import { StoreRing } from './testing-store.ts'

const EDGES = [0, 1, 2, 3, 7, 0x7f, 0x80, 0x3ff, 0x400, 0xfff, 0x1000, DOMID_SELF, 0x7fffffff, 0x80000000, 0xffffffff]
const NUMBERS = [...HYPERCALL_NAMES.keys(), 43, 127, 0xffffffff]
const SIZE = 2 ** 20
const CALLS = 60_000

test(`${CALLS} hypercalls at random`, () => {
  const random = randomSource(20_260_101)
  const domain = new TestDomain(SIZE)
  const value = (): number => {
    switch (random(5)) {
      case 0:
        return EDGES[random(EDGES.length)]!
      case 1:
        return random(64)
      case 2:
        // A frame, or an address near the end of memory.
        return random(2) === 0 ? random(SIZE / 4096 + 4) : SIZE - random(64)
      case 3:
        return random(0x1_0000_0000)
      default:
        return random(SIZE) & ~3
    }
  }
  // The calls that have operations of their own come more often.
  const busy = [12, 13, 17, 20, 24, 29, 32, 34, 6, 16]
  for (let i = 0; i < CALLS; i++) {
    const at = random(SIZE - 64) & ~3
    for (let word = 0; word < 8; word++) domain.memory.write32(at + 4 * word, value() >>> 0)
    const number = random(4) === 0 ? NUMBERS[random(NUMBERS.length)]! : busy[random(busy.length)]!
    const pointer = random(6) === 0 ? value() : at
    const args = [0, 0, 0, 0, 0, 0].map(() => (random(3) === 0 ? pointer : random(2) === 0 ? random(48) : value()))
    // Long lists are the guest's to ask for; a hundred are enough here.
    if (number === 13) args[1] = random(100)
    if (number === 20) args[2] = random(100)
    if (number === 18) args[1] = random(5000)
    const result = domain.call(number, ...args)
    if (!Number.isInteger(result)) throw new Error(`call ${number} returned ${result}`)
    if (i % 64 === 0) domain.clock.advance(random(2_000_000))
    if (i % 512 === 0) domain.net.onReceive?.(new Uint8Array(60))
    domain.halted = false
  }
  expect(domain.domain.counts().hypercalls?.['event_channel_op']).toBeGreaterThan(1000)
}, 300_000)

test('xenstore garbage', () => {
  const random = randomSource(7)
  const domain = new TestDomain(SIZE)
  // The store's page is the last of memory. Its channel is port 1: EVTCHNOP_send.
  const ring = new StoreRing(domain.memory, SIZE - 4096, () => {
    domain.memory.write32(0x8000, 1)
    expect(domain.call(32, 4, 0x8000)).toBe(0)
  })
  let answers = 0
  for (let i = 0; i < 5_000; i++) if (ring.garbage(random)) answers++
  expect(answers).toBeGreaterThan(50)
}, 120_000)
