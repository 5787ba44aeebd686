/** The guest's end of xenstore for this package's tests: requests, and garbage, by the ring. Not exported. */
import { encode } from './abi/layout.ts'
import type { TestMemory } from './testing.ts'
import * as wire from './xenstore/wire.ts'

const REQ_CONS = 2048
const REQ_PROD = 2052
const RSP_CONS = 2056
const RSP_PROD = 2060
const RSP = 1024
const RING_SIZE = 1024

export class StoreRing {
  readonly #memory: TestMemory
  readonly #page: number
  readonly #notify: () => void

  /** `page`: RAM address of the ring; `notify` tells the store of what is in it. */
  constructor(memory: TestMemory, page: number, notify: () => void) {
    this.#memory = memory
    this.#page = page
    this.#notify = notify
  }

  /** One request, and the last answer that came: of a watch's events those before it are passed over. */
  request(type: number, ...strings: string[]): string {
    const text = strings.join('\0') + (type === wire.XS_WRITE ? '' : '\0')
    this.put([...encode(wire.XSD_SOCKMSG, { type, len: text.length }), ...[...text].map(c => c.charCodeAt(0))])
    this.#notify()
    const memory = this.#memory
    let consumer = memory.read32(this.#page + RSP_CONS)
    let answer = ''
    while (consumer < memory.read32(this.#page + RSP_PROD)) {
      const byte = (): number => memory.read8(this.#page + RSP + (consumer++ % RING_SIZE))
      const header = Array.from({ length: 16 }, byte)
      answer = String.fromCharCode(...Array.from({ length: header[12]! + header[13]! * 256 }, byte))
    }
    memory.write32(this.#page + RSP_CONS, consumer)
    return answer
  }

  /** Bytes into the ring, whether or not they are a message, or have room. */
  put(bytes: readonly number[]): void {
    let producer = this.#memory.read32(this.#page + REQ_PROD)
    for (const byte of bytes) {
      this.#memory.write8(this.#page + (producer % RING_SIZE), byte)
      producer = (producer + 1) >>> 0
    }
    this.#memory.write32(this.#page + REQ_PROD, producer)
  }

  /**
   * A message of nonsense, at times one that could have a meaning; at times the answers are taken, or the indices forged.
   * Returns whether the store had something to say.
   */
  garbage(random: (n: number) => number): boolean {
    const length = random(200)
    const word = (number: number): number[] => [number & 255, (number >> 8) & 255, (number >> 16) & 255, number >>> 24]
    const words = [
      'data',
      '/',
      'device/vif/0/state',
      '\0',
      '4',
      'T',
      '@introduceDomain',
      'n1',
      `${random(100)}`,
      '\xff',
    ]
    let text = ''
    while (text.length < length) text += words[random(words.length)]! + (random(2) === 0 ? '\0' : '/')
    const header = [random(22), random(1000), random(4) === 0 ? random(5) : 0, length].flatMap(word)
    this.put([...header, ...[...text.slice(0, length)].map(c => c.charCodeAt(0))])
    const memory = this.#memory
    const before = memory.read32(this.#page + RSP_PROD)
    this.#notify()
    const answered = memory.read32(this.#page + RSP_PROD) !== before
    if (random(3) > 0) memory.write32(this.#page + RSP_CONS, memory.read32(this.#page + RSP_PROD))
    if (random(500) === 0) {
      for (const at of [REQ_CONS, REQ_PROD, RSP_CONS, RSP_PROD]) memory.write32(this.#page + at, random(0xffffffff))
    }
    return answered
  }
}
