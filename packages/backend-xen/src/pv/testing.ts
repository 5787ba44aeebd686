/** A whole paravirtual domain for this package's tests, without a processor: its kernel's hypercalls are made for it. Not exported. */
import type { BackendPorts, DeprivilegedPort, GuestMonitor, GuestRegister, InterceptedEvent } from '@paragraft/core/ops'
import { decode } from '../abi/layout.ts'
import { FLAT_RING1_CS, FLAT_RING1_DS, START_INFO } from '../abi/pv.ts'
import { PAGE_SIZE } from '../abi/xen.ts'
import { pvHead } from '../heads/pv.ts'
import { TestWorld } from '../testing.ts'
import { PvDomain } from './domain.ts'
import { machineLayout } from './mm/machine.ts'
import { pvImage } from './mm/testing.ts'

const ARGUMENTS = ['EBX', 'ECX', 'EDX', 'ESI', 'EDI', 'EBP'] as const
const HYPERCALL_VECTOR = 0x82
const PRESENT = 1
const RW = 2

/** A kernel of one page at linear address 0; page n of the domain is at n * 4096, up to 4 MB. */
export class TestPvDomain extends TestWorld {
  readonly domain: PvDomain
  readonly layout: ReturnType<typeof machineLayout>
  readonly startInfo: Readonly<Record<keyof typeof START_INFO.fields, number>>
  readonly registers: Record<string, number> = { EFLAGS: 0x202 }
  /** Whether segments can be loaded, and contexts entered; privilege level. */
  loads: () => boolean = () => true
  cpl = 1
  #monitor: GuestMonitor | null = null
  #top: number[] = []

  constructor(size = 2 ** 23) {
    super(size)
    this.layout = machineLayout(size)
    const start = pvHead.place(pvImage(), { commandLine: '', modules: [] }, this.memory)
    const deprivileged = {
      begin: (monitor: GuestMonitor) => (this.#monitor = monitor),
      setTables: () => {},
      setPageTables: (pa: number) => (this.#top = [0, 1, 2, 3].map(slot => this.memory.read32(pa + 8 * slot))),
      cpl: () => this.cpl,
      get: (register: GuestRegister) => this.registers[register] ?? 0,
      set: (register: GuestRegister, value: number) => (this.registers[register] = value >>> 0),
      segment: (name: string) => ({ selector: name === 'CS' ? FLAT_RING1_CS : FLAT_RING1_DS, base: 0 }),
      load: () => this.loads(),
      enter: () => this.loads(),
      step: () => false,
    } as unknown as DeprivilegedPort
    this.#top = [0, 1, 2, 3].map(slot => this.memory.read32(start.registers.cr3! + 8 * slot))
    const ports: BackendPorts = this.ports((va, write) => this.physical(va, write), { deprivileged })
    this.domain = new PvDomain(ports, start)
    this.startInfo = decode(START_INFO, this.memory.read(this.physical(start.registers.esi!)!, START_INFO.size))
  }

  /** RAM address behind a linear one, by the page tables in use. */
  physical(va: number, write = false): number | undefined {
    let entry = this.#top[va >>> 30]!
    for (const shift of [21, 12]) {
      if ((entry & PRESENT) === 0) return undefined
      entry = this.memory.read32((entry & ~(PAGE_SIZE - 1)) + 8 * ((va >>> shift) & 511))
    }
    if ((entry & PRESENT) === 0 || (write && (entry & RW) === 0)) return undefined
    return (entry & ~(PAGE_SIZE - 1)) + (va & (PAGE_SIZE - 1))
  }

  /** Machine frame of a page of the domain, and its RAM address. */
  mfn(pfn: number): number {
    return this.layout.p2m[pfn]!
  }
  page(pfn: number): number {
    return this.mfn(pfn) * PAGE_SIZE
  }

  /** Makes a hypercall by number, all parts of it; the result is signed. */
  call(number: number, ...args: number[]): number {
    this.begin(number, ...args)
    while (this.part());
    return this.registers['EAX']! | 0
  }

  /** Loads the registers for a hypercall. */
  begin(number: number, ...args: number[]): void {
    Object.assign(this.registers, { EAX: number }, ...ARGUMENTS.map((name, i) => ({ [name]: (args[i] ?? 0) >>> 0 })))
  }

  /** Executes the instruction, at address 0, once. True: it comes next again. */
  part(): boolean {
    this.registers['EIP'] = 2
    this.event({ source: 'int', vector: HYPERCALL_VECTOR, errorCode: -1, address: 0, returnEip: 2 })
    return this.registers['EIP'] === 0
  }

  /** Something happens that another guest's processor would deliver through its IDT. */
  event(event: InterceptedEvent): boolean {
    return this.#monitor!.event(event)
  }

  /** An entry of the grant table: for domain 0. */
  grant(ref: number, mfn: number, flags = 1): void {
    const at = this.layout.grants * PAGE_SIZE + 8 * ref
    this.memory.write32(at + 4, mfn >>> 0)
    this.memory.write32(at, flags & 0xffff)
  }
  grantFlags(ref: number): number {
    return this.memory.read16(this.layout.grants * PAGE_SIZE + 8 * ref)
  }

  /** A number that changes when a frame does that no device may write: page tables, and the hypervisor's own. */
  untouched(): number {
    const { ptBase, nrPtFrames } = this.startInfo
    const { m2p, m2pTables, descriptors, free } = this.layout
    const range = (first: number, count: number) => Array.from({ length: count }, (_, n) => first + n)
    const frames = [
      ...range(ptBase / PAGE_SIZE, nrPtFrames).map(pfn => this.mfn(pfn)),
      ...[m2p, m2pTables, free].flatMap(({ first, count }) => range(first, count)),
      descriptors,
    ]
    // FNV-1a, by words.
    let hash = 0x811c9dc5
    for (const mfn of frames) {
      for (let at = 0; at < PAGE_SIZE; at += 4)
        hash = Math.imul(hash ^ this.memory.read32(mfn * PAGE_SIZE + at), 0x01000193)
    }
    return hash
  }
}
