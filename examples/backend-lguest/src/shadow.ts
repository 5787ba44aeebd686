/**
 * Shadow page tables. The guest's own tables are memory like any other, which the processor never sees; CR3 has tables of the
 * host's, empty at first. A page fault is either that something is missing there, which the guest's tables have, and then it is
 * filled in and the instruction executed again; or it is the guest's own.
 *
 * Tables of two levels, 4 KiB pages (Intel SDM vol. 3A 4.3). The host maps a page writable only when it has been written, so
 * that it can set the guest's dirty bit in time, as the processor would have done.
 */
import type { BackendProcessor } from '@paragraft/core/ops'
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { GuestKilled, GuestRam, hex } from './memory.ts'

const PRESENT = 0x001
const WRITABLE = 0x002
const USER = 0x004
const ACCESSED = 0x020
const DIRTY = 0x040
const LARGE = 0x080
const FRAME = 0xffff_f000
const PAGE = 4096
const ENTRIES = 1024

/** Bits of a page fault's error code (SDM vol. 3A 4.7). */
const FAULT_WRITE = 2
const FAULT_USER = 4

/** So many address spaces keep their shadows at once, as in lguest. */
const SPACES = 4

/** The shadow of one of the guest's page directories. */
interface Space {
  /** Physical addresses: the guest's directory, and ours. */
  readonly guest: number
  readonly directory: number
  /** Our tables, by index in the directory. */
  readonly tables: Map<number, number>
}

export interface ShadowPorts {
  readonly memory: GuestMemory
  readonly processor: Pick<BackendProcessor, 'writeCr' | 'invlpg' | 'flushTlb'>
}

/** The tables themselves are in RAM. */
export interface ShadowState {
  free: number[]
  spaces: { guest: number; directory: number; tables: [index: number, table: number][] }[]
  kernel: number
}

export class ShadowTables implements Snapshotable<ShadowState> {
  readonly #memory: GuestMemory
  readonly #processor: ShadowPorts['processor']
  readonly #guest: GuestRam
  #free: number[]
  /** The one that was used last comes last. */
  #spaces: Space[] = []
  /** From this linear address on all address spaces are the same. */
  #kernel = ENTRIES * 2 ** 22

  /** `base`, `length`: the host's memory for tables. */
  constructor({ memory, processor }: ShadowPorts, base: number, length: number) {
    this.#memory = memory
    this.#processor = processor
    this.#guest = new GuestRam(memory)
    this.#free = Array.from({ length: length / PAGE }, (_, index) => base + index * PAGE).reverse()
  }

  set kernelBase(address: number) {
    this.#kernel = address
  }

  /** The address space in use. */
  get #current(): Space {
    return this.#spaces.at(-1)!
  }

  /** Uses the guest's tables at `directory`. Throws {@link GuestKilled}. */
  load(directory: number): void {
    if (directory % PAGE !== 0 || !this.#guest.has(directory, PAGE)) {
      throw new GuestKilled(`its page directory is at ${hex(directory)}`)
    }
    const known = this.#spaces.find(space => space.guest === directory)
    this.#spaces = this.#spaces.filter(space => space !== known)
    if (known === undefined && this.#spaces.length === SPACES) this.#release(this.#spaces.shift()!)
    this.#spaces.push(known ?? { guest: directory, directory: this.#take(), tables: new Map() })
    this.#processor.writeCr(3, this.#current.directory)
  }

  /** The guest is about to take these tables down. Those in use stay until others are loaded. */
  drop(directory: number): void {
    const space = this.#spaces.find(({ guest }) => guest === directory)
    if (space === undefined || space === this.#current) return
    this.#spaces = this.#spaces.filter(other => other !== space)
    this.#release(space)
  }

  /**
   * A page fault. True: the guest's tables allow the access, ours do now too, and the guest's bits are set as the processor
   * sets them. Throws {@link GuestKilled} where its tables name memory that it does not have.
   */
  fix(address: number, errorCode: number): boolean {
    const write = (errorCode & FAULT_WRITE) !== 0
    const user = (errorCode & FAULT_USER) !== 0
    const found = this.#walk(address, write, user)
    if (found === undefined) return false
    const index = address >>> 22
    const { directory, tables } = this.#current
    let table = tables.get(index)
    if (table === undefined) {
      table = this.#take()
      tables.set(index, table)
      this.#memory.write32(directory + 4 * index, table | PRESENT | WRITABLE | USER)
    }
    this.#memory.write32(table + 4 * ((address >>> 12) % ENTRIES), found)
    this.#processor.invlpg(address)
    return true
  }

  /**
   * Physical address of the guest's linear one, for the host to read or write there on the kernel's behalf; undefined: the guest's
   * tables do not let it.
   */
  translate(address: number, write: boolean): number | undefined {
    const entry = this.#walk(address, write, false)
    return entry === undefined ? undefined : ((entry & FRAME) >>> 0) + (address % PAGE)
  }

  /** The entry for one address has changed. */
  forgetPage(directory: number, address: number): void {
    for (const space of this.#affected(directory, address)) {
      const table = space.tables.get(address >>> 22)
      if (table !== undefined) this.#memory.write32(table + 4 * ((address >>> 12) % ENTRIES), 0)
    }
    this.#processor.invlpg(address)
  }

  /** An entry of a directory has changed. */
  forgetDirectory(directory: number, index: number): void {
    if (index >= ENTRIES) throw new GuestKilled(`it names entry ${index} of a page directory`)
    for (const space of this.#affected(directory, index * 2 ** 22)) this.#empty(space, index)
    this.#processor.flushTlb()
  }

  /** Anything may have changed: in the current tables, or in the kernel's half of any. */
  forgetAll(kernelToo: boolean): void {
    for (const space of kernelToo ? this.#spaces : [this.#current]) {
      for (const index of [...space.tables.keys()]) {
        if (kernelToo || index * 2 ** 22 < this.#kernel) this.#empty(space, index)
      }
    }
    this.#processor.flushTlb()
  }

  save(): ShadowState {
    const spaces = this.#spaces.map(({ tables, ...space }) => ({ ...space, tables: [...tables] }))
    return { free: [...this.#free], spaces, kernel: this.#kernel }
  }

  restore({ free, spaces, kernel }: ShadowState): void {
    this.#free = [...free]
    this.#spaces = spaces.map(space => ({ ...space, tables: new Map(space.tables) }))
    this.#kernel = kernel
  }

  #affected(directory: number, address: number): Space[] {
    return address >= this.#kernel ? this.#spaces : this.#spaces.filter(({ guest }) => guest === directory)
  }

  /** The shadow's entry that an access calls for, or undefined where the guest's tables forbid it. CR0.WP is set. */
  #walk(address: number, write: boolean, user: boolean): number | undefined {
    const guest = this.#guest
    const above = this.#current.guest + 4 * (address >>> 22)
    const directory = guest.read32(above)
    if ((directory & PRESENT) === 0) return undefined
    if ((directory & LARGE) !== 0) throw new GuestKilled('it uses 4 MiB pages, which CPUID does not show')
    const at = ((directory & FRAME) >>> 0) + 4 * ((address >>> 12) % ENTRIES)
    const entry = guest.read32(at)
    const allowed = directory & entry
    if ((entry & PRESENT) === 0 || (write && (allowed & WRITABLE) === 0) || (user && (allowed & USER) === 0))
      return undefined
    const frame = (entry & FRAME) >>> 0
    if (!guest.has(frame, PAGE)) throw new GuestKilled(`it maps ${hex(frame)}, which it does not have`)
    const seen = entry | ACCESSED | (write ? DIRTY : 0)
    if (seen !== entry) guest.write32(at, seen >>> 0)
    if ((directory & ACCESSED) === 0) guest.write32(above, (directory | ACCESSED) >>> 0)
    const writable = (allowed & WRITABLE) !== 0 && (seen & DIRTY) !== 0 ? WRITABLE : 0
    return (frame | PRESENT | writable | (allowed & USER)) >>> 0
  }

  /** A table of the host's, all of its entries 0. When there are none left, the spaces not in use give theirs, then the current. */
  #take(): number {
    while (this.#free.length === 0) {
      if (this.#spaces.length > 1) this.#release(this.#spaces.shift()!)
      else this.forgetAll(true)
    }
    const table = this.#free.pop()!
    this.#memory.fill(table, 0, PAGE)
    return table
  }

  #empty(space: Space, index: number): void {
    const table = space.tables.get(index)
    if (table === undefined) return
    this.#memory.write32(space.directory + 4 * index, 0)
    space.tables.delete(index)
    this.#free.push(table)
  }

  #release(space: Space): void {
    this.#free.push(...space.tables.values(), space.directory)
  }
}
