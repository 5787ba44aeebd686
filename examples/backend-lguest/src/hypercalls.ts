/** The calls: what each does, and the ring of those that could wait. */
import type { BackendPorts, HypercallFrame } from '@paragraft/core/ops'
import type { Snapshotable } from '@paragraft/core/ports'
import { DATA, HYPERCALLS, type HypercallName, RING_FREE, RING_SIZE } from './abi.ts'
import type { ClockEvent } from './clock.ts'
import type { Descriptors, ReadEntry } from './descriptors.ts'
import type { Interrupts } from './interrupts.ts'
import { GuestKilled, type GuestRam, hex } from './memory.ts'
import type { ShadowTables } from './shadow.ts'
import type { SharedPage } from './shared.ts'

const CR0_TS = 8
/** Longer texts are nobody's. */
const LONGEST_TEXT = 4096

type Arguments = readonly [ebx: number, ecx: number, edx: number]
/** What a call without a result gives back is nothing to anybody. */
type Call = (...args: Arguments) => unknown

/** The parts of a guest that calls are about. */
export interface Served {
  readonly ports: Pick<BackendPorts, 'processor' | 'console'>
  readonly ram: GuestRam
  readonly page: SharedPage
  readonly shadow: ShadowTables
  readonly descriptors: Descriptors
  readonly interrupts: Interrupts
  readonly clock: ClockEvent
}

export interface HypercallsState {
  counts: Partial<Record<HypercallName, number>>
  next: number
  iopl: number
}

export class Hypercalls implements Snapshotable<HypercallsState> {
  readonly #served: Served
  #counts: Partial<Record<HypercallName, number>> = {}
  /** The ring's place that is looked at next. */
  #next = 0
  #iopl = 0

  constructor(served: Served) {
    this.#served = served
  }

  /** Calls made so far, those by the ring included. */
  get counts(): Readonly<Record<string, number>> {
    return { ...this.#counts }
  }

  /** I/O privilege of programs: the ring from which IN and OUT may be executed. */
  get iopl(): number {
    return this.#iopl
  }

  /** A call. What waits in the ring goes first. Throws {@link GuestKilled}. */
  serve(frame: HypercallFrame): void {
    this.#drain()
    const [number, ...args] = ['EAX', 'EBX', 'ECX', 'EDX'].map(name => frame.getRegister(name)) as [
      number,
      ...Arguments,
    ]
    frame.setRegister('EAX', this.#do(number, args))
    this.#served.clock.tell()
    this.#served.interrupts.poke()
  }

  save(): HypercallsState {
    return { counts: { ...this.#counts }, next: this.#next, iopl: this.#iopl }
  }

  restore({ counts, next, iopl }: HypercallsState): void {
    this.#counts = { ...counts }
    this.#next = next
    this.#iopl = iopl
  }

  #drain(): void {
    const { page } = this.#served
    if (!page.attached) return
    for (let count = 0; count < RING_SIZE; count++) {
      const status = DATA.ringStatus + this.#next
      if (page.getByte(status) === RING_FREE) return
      const word = (index: number): number => page.get(DATA.ring + 16 * this.#next + 4 * index)
      this.#do(word(0), [word(1), word(2), word(3)])
      page.setByte(status, RING_FREE)
      this.#next = (this.#next + 1) % RING_SIZE
    }
  }

  #do(number: number, args: Arguments): number {
    const name = HYPERCALLS[number]
    if (name === undefined) throw new GuestKilled(`it makes a call ${number}, and there is none`)
    if (!this.#served.page.attached && name !== 'lguestInit')
      throw new GuestKilled(`it calls ${name} before lguestInit`)
    this.#counts[name] = (this.#counts[name] ?? 0) + 1
    const result = this.#calls[name](...args)
    return typeof result === 'number' ? result >>> 0 : 0
  }

  /** Descriptors in the guest's memory. */
  #table(base: number): ReadEntry {
    const word = (address: number): number => {
      const pa = this.#served.shadow.translate(address >>> 0, false)
      if (pa === undefined) throw new GuestKilled(`its descriptor table at ${hex(base)} is not mapped`)
      return this.#served.ram.read32(pa)
    }
    return index => [word(base + 8 * index), word(base + 8 * index + 4)]
  }

  readonly #calls: Readonly<Record<HypercallName, Call>> = {
    flushAsync: () => {},
    lguestInit: (data, kernel) => {
      this.#served.page.attach(data)
      this.#served.shadow.kernelBase = kernel
    },
    newPageTable: directory => this.#served.shadow.load(directory),
    dropPageTable: directory => this.#served.shadow.drop(directory),
    flushTlb: kernel => this.#served.shadow.forgetAll(kernel !== 0),
    setPte: (directory, address) => this.#served.shadow.forgetPage(directory, address),
    setPgd: (directory, index) => this.#served.shadow.forgetDirectory(directory, index),
    loadGdt: (base, entries) => this.#served.descriptors.loadGdt(entries, this.#table(base)),
    loadIdt: (base, entries) => this.#served.descriptors.loadIdt(entries, this.#table(base)),
    setLdt: (base, entries) => this.#served.descriptors.setLdt(entries, this.#table(base)),
    loadGdtEntry: (index, low, high) => this.#served.descriptors.setGdtEntry(index, low, high),
    loadIdtEntry: (index, low, high) => this.#served.descriptors.setIdtEntry(index, low, high),
    loadLdtEntry: (index, low, high) => this.#served.descriptors.setLdtEntry(index, low, high),
    setStack: (ss, esp) => {
      this.#served.interrupts.stack = { ss, esp }
    },
    ts: on => {
      const { processor } = this.#served.ports
      const cr0 = processor.readCr(0) & ~CR0_TS
      processor.writeCr(0, (on === 0 ? cr0 : cr0 | CR0_TS) >>> 0)
    },
    setIopl: level => {
      this.#iopl = level
    },
    getDebug: register => this.#served.ports.processor.readDr(debugRegister(register)),
    setDebug: (register, value) => this.#served.ports.processor.writeDr(debugRegister(register), value),
    setClockEvent: period => this.#served.clock.every(period),
    halt: () => {
      const { interrupts, ports } = this.#served
      if (interrupts.due) return
      // Nothing will ever wake it, and the machine can see that.
      if (!interrupts.enabled) ports.processor.setInterrupts(false)
      ports.processor.halt()
    },
    // serve() pokes when it is done.
    sendInterrupts: () => {},
    notify: (text, bytes) => {
      if (bytes > LONGEST_TEXT) throw new GuestKilled(`it wants to print ${bytes} bytes at once`)
      const said = Uint8Array.from({ length: bytes }, (_, index) => {
        const pa = this.#served.shadow.translate((text + index) >>> 0, false)
        if (pa === undefined) throw new GuestKilled(`it prints what is not mapped, at ${hex(text)}`)
        return this.#served.ram.read8(pa)
      })
      this.#served.ports.console.write(said)
    },
  }
}

/** DR4 and DR5 are other names of DR6 and DR7 (SDM vol. 3B 17.2.2), and no op asks for them. */
function debugRegister(register: number): number {
  if (register <= 3 || register === 6 || register === 7) return register
  throw new GuestKilled(`it names debug register ${register}`)
}
