/** What this package's tests share: memory, a clock to wind, and a domain whose guest pointers are physical. Not exported. */
import { ParagraftError } from '@paragraft/core/errors'
import type { BackendPorts, BackendProcessor, HypercallFrame, VirtualMemory } from '@paragraft/core/ops'
import type { BlockPort, ConsolePort, GuestMemory, MmioHandler, NetPort } from '@paragraft/core/ports'
import { EventClock } from '@paragraft/devices'
import { PvhDomain } from './pvh.ts'

/** xorshift32 (Marsaglia, "Xorshift RNGs", 2003): each call gives a number below its argument. */
export function randomSource(seed: number): (n: number) => number {
  let state = seed
  return n => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % n
  }
}

export class TestMemory implements GuestMemory {
  readonly size: number
  readonly bytes: Uint8Array
  readonly #view: DataView

  constructor(size: number) {
    this.size = size
    this.bytes = new Uint8Array(size)
    this.#view = new DataView(this.bytes.buffer)
  }

  #check(pa: number, length: number): number {
    if (!Number.isInteger(pa) || pa < 0 || pa + length > this.size) {
      throw new ParagraftError('PG_MEMORY_RANGE', `outside memory: ${pa}`, { fields: { pa, length } })
    }
    return pa
  }

  read8 = (pa: number): number => this.#view.getUint8(this.#check(pa, 1))
  read16 = (pa: number): number => this.#view.getUint16(this.#check(pa, 2), true)
  read32 = (pa: number): number => this.#view.getUint32(this.#check(pa, 4), true)
  write8 = (pa: number, value: number): void => this.#view.setUint8(this.#check(pa, 1), value)
  write16 = (pa: number, value: number): void => this.#view.setUint16(this.#check(pa, 2), value, true)
  write32 = (pa: number, value: number): void => this.#view.setUint32(this.#check(pa, 4), value, true)
  read = (pa: number, length: number): Uint8Array => this.bytes.slice(this.#check(pa, length), pa + length)
  write = (pa: number, bytes: Uint8Array): void => this.bytes.set(bytes, this.#check(pa, bytes.length))
  fill = (pa: number, value: number, length: number): void => {
    this.bytes.fill(value, this.#check(pa, length), pa + length)
  }
}

/** A clock that moves by `advance` only. */
export class TestClock extends EventClock {
  readonly #time: { ns: number }

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

export class TestConsole implements ConsolePort {
  output = ''
  input: number[] = []
  onInput: (() => void) | null = null
  write(bytes: Uint8Array): void {
    this.output += String.fromCharCode(...bytes)
  }
  read(): number {
    return this.input.shift() ?? -1
  }
}

/** A disk in memory. */
export class TestDisk implements BlockPort {
  readonly bytes: Uint8Array
  readOnly = false
  flushes = 0
  constructor(sectors: number) {
    this.bytes = new Uint8Array(sectors * 512)
  }
  get sectors(): number {
    return this.bytes.length / 512
  }
  read(sector: number, into: Uint8Array): void {
    into.set(this.bytes.subarray(sector * 512, sector * 512 + into.length))
  }
  write(sector: number, from: Uint8Array): void {
    this.bytes.set(from, sector * 512)
  }
  flush(): void {
    this.flushes++
  }
}

/** A network that remembers what it was given. */
export class TestNet implements NetPort {
  readonly mac = Uint8Array.of(0, 0x16, 0x3e, 1, 2, 3)
  readonly sent: Uint8Array[] = []
  onReceive: ((frame: Uint8Array) => void) | null = null
  send(frame: Uint8Array): void {
    this.sent.push(frame.slice())
  }
}

/** What a domain is put into: memory, a clock to wind, a console, a disk and a network. */
export class TestWorld {
  readonly memory: TestMemory
  readonly clock = new TestClock()
  readonly console = new TestConsole()
  readonly net = new TestNet()
  readonly disk = new TestDisk(64)
  readonly reports: string[] = []
  readonly power: string[] = []
  readonly crashes: string[] = []
  intr = false
  halted = false
  #apic: MmioHandler | null = null

  constructor(size: number) {
    this.memory = new TestMemory(size)
  }

  /** A domain's ports; guest pointers are translated by `physical`: a RAM address, or undefined where nothing is mapped. */
  ports(
    physical: (va: number, write: boolean) => number | undefined,
    others: Partial<BackendPorts> = {},
  ): BackendPorts {
    const { memory } = this
    const at = (va: number, length: number, write = false): number => {
      const first = physical(va, write)
      const last = physical(va + length - 1, write)
      if (first !== undefined && last === first + length - 1) return first
      throw new ParagraftError('PG_HOST_MEMORY', `not mapped: ${va}`, { fields: { address: va } })
    }
    const virtual: VirtualMemory = {
      readVirtual8: va => memory.read8(at(va, 1)),
      readVirtual16: va => memory.read16(at(va, 2)),
      readVirtual32: va => memory.read32(at(va, 4)),
      writeVirtual8: (va, value) => memory.write8(at(va, 1, true), value),
      writeVirtual16: (va, value) => memory.write16(at(va, 2, true), value),
      writeVirtual32: (va, value) => memory.write32(at(va, 4, true), value),
    }
    const processor = {
      readTsc: () => BigInt(this.clock.now()),
      cpuid: () => ({ eax: 0, ebx: 0x756e6547, ecx: 0, edx: 0 }),
      halt: () => (this.halted = true),
      resume: () => (this.halted = false),
      flushTlbGlobal: () => {},
      invlpg: () => {},
      clts: () => {},
      readCr: () => 0x80050033,
      writeCr: () => {},
      readDr: () => 0,
      writeDr: () => {},
      readMsr: () => 0n,
      writeMsr: () => true,
    } as unknown as BackendProcessor
    return {
      memory,
      clock: this.clock,
      epochSeconds: 1_767_225_600,
      io: { claim: () => () => {} },
      mmio: {
        claim: (_base: number, _length: number, handler: MmioHandler) => {
          this.#apic = handler
          return () => {}
        },
      },
      console: this.console,
      power: {
        powerOff: () => this.power.push('off'),
        reset: (why: string) => this.power.push(why),
        debugExit: () => {},
      },
      crash: (_code: string, why: string) => this.crashes.push(why),
      reporter: { report: (key: string) => this.reports.push(key) },
      intr: { set: (level: boolean) => (this.intr = level) },
      nmi: { set: () => {} },
      processor,
      virtual,
      options: {},
      disks: [this.disk],
      nets: [this.net],
      ...others,
    } as unknown as BackendPorts
  }

  /** The local APIC's registers. */
  apic(): MmioHandler {
    return this.#apic!
  }
}

/** A PVH domain with so much memory; guest pointers are physical addresses, unless `physical` says otherwise. */
export class TestDomain extends TestWorld {
  readonly domain: PvhDomain
  cpl = 0
  /** As the last hypercall left them. */
  registers: Record<string, number> = {}

  constructor(size = 2 ** 22, physical = (va: number): number | undefined => (va < size ? va : undefined)) {
    super(size)
    this.domain = new PvhDomain(this.ports(physical), {
      head: 'xen-pvh',
      registers: { eip: 0, cs: 8, ds: 16 },
      memoryMap: [{ base: 0, length: size, type: 1 }],
      used: [],
    })
  }

  /** Another domain that goes on from where this one is. */
  continued(): TestDomain {
    const next = new TestDomain(this.memory.size)
    next.memory.bytes.set(this.memory.bytes)
    next.domain.restore(structuredClone(this.domain.save()))
    return next
  }

  /** Makes a hypercall by number, all parts of it; the result is signed. */
  call(number: number, ...args: number[]): number {
    this.begin(number, ...args)
    while (this.part());
    return this.registers['EAX']! | 0
  }

  /** Loads the registers for a hypercall. */
  begin(number: number, ...args: number[]): void {
    this.registers = { EAX: number }
    for (const [index, name] of ['EBX', 'ECX', 'EDX', 'ESI', 'EDI', 'EBP'].entries()) {
      this.registers[name] = args[index] ?? 0
    }
  }

  /** Executes the instruction once. True: it is to be executed again. */
  part(): boolean {
    const { registers } = this
    const frame: HypercallFrame = {
      instruction: 'vmcall',
      cpl: this.cpl,
      getRegister: name => registers[name]!,
      setRegister: (name, value) => {
        registers[name] = value
      },
      readStack: () => 0,
    }
    return this.domain.hypercall(frame) === 'again'
  }
}
