/** What the device tests share: a clock to wind by hand, wires and consoles that remember. Not exported. */
import type { BlockPort, ConsolePort, GuestMemory, Line, PowerPort, Reporter } from '@paragraft/core/ports'
import { EventClock } from './clock.ts'

/** An event clock whose time moves only by `advance`, stopping at each event on the way. */
export class TestClock extends EventClock {
  #time: { ns: number }

  constructor() {
    const time = { ns: 0 }
    super(() => time.ns)
    this.#time = time
  }

  advance(ns: number): void {
    const target = this.#time.ns + ns
    while (this.nextAt() <= target) {
      this.#time.ns = Math.max(this.#time.ns, this.nextAt())
      this.runDue()
    }
    this.#time.ns = target
  }
}

export class TestLine implements Line {
  level = false
  rises = 0
  set(level: boolean): void {
    if (level && !this.level) this.rises++
    this.level = level
  }
}

export class TestReporter implements Reporter {
  readonly keys: string[] = []
  report(key: string): void {
    this.keys.push(key)
  }
}

export class TestConsole implements ConsolePort {
  output = ''
  input: number[] = []
  onInput: (() => void) | null = null
  write(bytes: Uint8Array): void {
    for (const byte of bytes) this.output += String.fromCharCode(byte)
  }
  read(): number {
    return this.input.shift() ?? -1
  }
  type(text: string): void {
    for (const character of text) this.input.push(character.charCodeAt(0))
    this.onInput?.()
  }
}

export class TestPower implements PowerPort {
  readonly events: string[] = []
  powerOff(): void {
    this.events.push('off')
  }
  reset(why: string): void {
    this.events.push(`reset: ${why}`)
  }
  debugExit(value: number): void {
    this.events.push(`exit ${value}`)
  }
}

/** RAM as a plain array, throwing outside its bounds as the port's contract says. */
export class TestMemory implements GuestMemory {
  readonly bytes: Uint8Array
  readonly #view: DataView

  constructor(size: number) {
    this.bytes = new Uint8Array(size)
    this.#view = new DataView(this.bytes.buffer)
  }

  get size(): number {
    return this.bytes.length
  }
  read8(pa: number): number {
    return this.#view.getUint8(pa)
  }
  read16(pa: number): number {
    return this.#view.getUint16(pa, true)
  }
  read32(pa: number): number {
    return this.#view.getUint32(pa, true)
  }
  write8(pa: number, value: number): void {
    this.#view.setUint8(pa, value)
  }
  write16(pa: number, value: number): void {
    this.#view.setUint16(pa, value, true)
  }
  write32(pa: number, value: number): void {
    this.#view.setUint32(pa, value, true)
  }
  read(pa: number, length: number): Uint8Array {
    this.#check(pa, length)
    return this.bytes.slice(pa, pa + length)
  }
  write(pa: number, bytes: Uint8Array): void {
    this.#check(pa, bytes.length)
    this.bytes.set(bytes, pa)
  }
  fill(pa: number, value: number, length: number): void {
    this.#check(pa, length)
    this.bytes.fill(value, pa, pa + length)
  }
  #check(pa: number, length: number): void {
    if (pa < 0 || pa + length > this.bytes.length) throw new RangeError(`memory ${pa}+${length}`)
  }
}

/** A disk in memory; `fail` makes every access throw. */
export class TestDisk implements BlockPort {
  readonly data: Uint8Array
  readonly readOnly: boolean
  flushes = 0
  fail = false

  constructor(sectors: number, readOnly = false) {
    this.data = Uint8Array.from({ length: sectors * 512 }, (_, index) => (index >> 9) + index)
    this.readOnly = readOnly
  }

  get sectors(): number {
    return this.data.length / 512
  }
  read(sector: number, into: Uint8Array): void {
    if (this.fail) throw new Error('medium error')
    into.set(this.data.subarray(sector * 512, sector * 512 + into.length))
  }
  write(sector: number, from: Uint8Array): void {
    if (this.fail) throw new Error('medium error')
    this.data.set(from, sector * 512)
  }
  flush(): void {
    if (this.fail) throw new Error('medium error')
    this.flushes++
  }
}
