/** A paravirtual domain's memory half for this package's tests: no processor, and guest pointers by the guest's page tables. Not exported. */
import type { GuestImage } from '@paragraft/core'
import type { Reporter } from '@paragraft/core/ports'
import { PAGE_SIZE } from '../../abi/xen.ts'
import { GrantTable } from '../../grant-table.ts'
import { pvHead } from '../../heads/pv.ts'
import { Preemption } from '../../hypercall/preemption.ts'
import { SharedPage } from '../../shared-page.ts'
import { TestMemory } from '../../testing.ts'
import type { ParavirtualDomain, VcpuMemory } from '../ports.ts'
import type { Held } from './audit.ts'
import { DomainMemory } from './domain-memory.ts'
import { MEMORY_HYPERCALLS } from './hypercalls.ts'

const word = (value: number): Uint8Array =>
  Uint8Array.of(value & 0xff, (value >>> 8) & 0xff, (value >>> 16) & 0xff, value >>> 24)
const text = (string: string): Uint8Array => Uint8Array.from(`${string}\0`, c => c.charCodeAt(0))

/** A kernel of one page at virtual address 0, in a mapping of 4 MB. */
export function pvImage(changes: Partial<GuestImage> = {}): GuestImage {
  const segment = { paddr: 0, vaddr: 0, bytes: Uint8Array.of(0xf4), memorySize: 0x3000 }
  return {
    format: ['elf32'],
    machine: 'i386',
    segments: [{ ...segment, flags: { read: true, write: true, execute: true } }],
    sections: [],
    symbols: [],
    notes: [
      { owner: 'Xen', type: 5, desc: text('xen-3.0') },
      { owner: 'Xen', type: 8, desc: text('generic') },
      { owner: 'Xen', type: 1, desc: word(0) },
      { owner: 'Xen', type: 9, desc: text('yes') },
    ],
    entries: [{ kind: 'xen-pv', address: 0 }],
    ...changes,
  }
}

export class TestPv {
  readonly memory: TestMemory
  readonly mm: DomainMemory
  readonly domain: ParavirtualDomain
  /** What the processor was asked: `cr3 n`, `flush`, `invlpg n`, `drop ldt`, `ldt n n`. */
  readonly asked: string[] = []
  /** Reports by key. */
  readonly reports: string[] = []
  readonly start: ReturnType<typeof pvHead.place>
  /** What executing the next instruction does; true: it retires. */
  instruction: () => boolean = () => false
  descriptorsOk = true

  constructor(size = 2 ** 24, image = pvImage()) {
    this.memory = new TestMemory(size)
    this.start = pvHead.place(image, { commandLine: 'console=hvc0', modules: [] }, this.memory)
    const vcpu: VcpuMemory = {
      loadBaseptr: mfn => this.asked.push(`cr3 ${mfn}`),
      flushTlb: () => this.asked.push('flush'),
      invlpg: address => this.asked.push(`invlpg ${address}`),
      step: accept => this.instruction() && accept(),
      setLdt: (base, entries) => this.asked.push(`ldt ${base} ${entries}`),
      dropLdt: () => this.asked.push('drop ldt'),
      checkDescriptors: () => this.descriptorsOk,
    }
    this.mm = new DomainMemory(this.memory, vcpu)
    this.mm.start(this.start.registers.cr3! / PAGE_SIZE)
    this.asked.length = 0
    const grants = new GrantTable(this.memory, this.mm.frames, index => this.mm.grantFrame(index))
    const shared = new SharedPage(this.memory)
    shared.moveTo(this.mm.layout.sharedInfo * PAGE_SIZE)
    const reporter: Reporter = { report: key => this.reports.push(key) }
    this.domain = {
      memory: this.memory,
      frames: this.mm.frames,
      mm: this.mm,
      grants,
      preemption: new Preemption(),
      shared,
      memoryMap: this.start.memoryMap,
      reporter,
      guest: {
        copyFrom: (address: number, length: number) => this.#bytes(address, length, false),
        copyTo: (address: number, bytes: Uint8Array) => {
          const fits = this.#bytes(address, bytes.length, true) !== undefined
          if (fits) for (const [i, byte] of bytes.entries()) this.memory.write8(this.physical(address + i)!, byte)
          return fits
        },
      },
    } as unknown as ParavirtualDomain
  }

  /** Makes a hypercall by name, all parts of it. */
  call(name: string, ...args: number[]): number {
    for (let rest = args; ; ) {
      this.domain.preemption.begin()
      const result = MEMORY_HYPERCALLS[name]!(this.domain, rest)
      if (typeof result === 'number') return result
      rest = [...result.args, ...rest.slice(result.args.length)].map(word => word >>> 0)
    }
  }

  /** RAM address behind a linear one. */
  physical(address: number, write = false): number | undefined {
    const page = this.mm.translate(address >>> 0)
    if (page === undefined || (write && !page.writable)) return undefined
    return page.mfn * PAGE_SIZE + ((address >>> 0) % PAGE_SIZE)
  }

  /** The machine frame of a pseudo-physical one, as the domain began. */
  mfn(pfn: number): number {
    return this.mm.layout.p2m[pfn]!
  }

  /** References that no page table holds: of grants mapped for devices. */
  held(): Held {
    const held = new Map<number, { pages: number; types: number }>()
    for (const { mfn, device, write } of this.mm.grants.all()) {
      const uses = held.get(mfn) ?? { pages: 0, types: 0 }
      if (device) held.set(mfn, { pages: uses.pages + 1, types: uses.types + (write ? 1 : 0) })
    }
    return held
  }

  /** Machine address of the entry that maps a linear address. */
  entry(address: number): number {
    return this.mm.tables.l1Entry(address)!
  }

  /** Puts words where the guest would have them, and says where: a page of the guest's that is mapped writable. */
  put(address: number, words: readonly number[]): number {
    for (const [i, value] of words.entries()) this.memory.write32(this.physical(address + 4 * i)!, value >>> 0)
    return address
  }

  #bytes(address: number, length: number, write: boolean): Uint8Array | undefined {
    const bytes = new Uint8Array(length)
    for (let i = 0; i < length; i++) {
      const at = this.physical(address + i, write)
      if (at === undefined) return undefined
      bytes[i] = this.memory.read8(at)
    }
    return bytes
  }
}
