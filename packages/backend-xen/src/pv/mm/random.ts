/**
 * A hostile guest on its page tables: random mmu_update, mmuext_op, update_va_mapping, memory_op, grants and writable page tables, with
 * arguments that are often almost right. For tests; the seed makes the run. Not exported.
 */
import * as memory from '../../abi/memory.ts'
import * as abi from '../../abi/pv.ts'
import { DOMID_SELF, PAGE_SIZE } from '../../abi/xen.ts'
import { randomSource } from '../../testing.ts'
import { MEMORY_HYPERCALLS } from './hypercalls.ts'
import type { TestPv } from './testing.ts'

/** Pages that the guest plays with; all others stay what they are, so that there is always a kernel to speak of. */
const FIRST_PAGE = 64
const PAGES = 48
const REQUESTS = 900 * PAGE_SIZE
const DONE = 901 * PAGE_SIZE
const LIST = 902 * PAGE_SIZE
const GRANTS = 903 * PAGE_SIZE
const EMPTY = 0x30_0000

export class RandomGuest {
  readonly #pv: TestPv
  /** The tables that it began with, and entries of them that its own pages depend on. */
  readonly #home: number
  readonly #kept: ReadonlySet<number>
  readonly #below: (n: number) => number
  /** Results by call, so that a run shows whether it came anywhere. */
  /** Pages of tables that it has made, the last few of each level. */
  readonly #tables: readonly number[][] = [[], [], []]
  readonly #results: Map<string, number>

  constructor(pv: TestPv, seed: number, results: Map<string, number>) {
    this.#pv = pv
    this.#results = results
    this.#below = randomSource(seed)
    const { mm, memory: ram } = pv
    this.#home = mm.baseptr
    const tables = (ram.read32(mm.baseptr * PAGE_SIZE) & ~(PAGE_SIZE - 1)) >>> 0
    const pages = Array.from({ length: 8 }, (_, i) => mm.tables.l1Entry(REQUESTS + i * PAGE_SIZE)!)
    this.#kept = new Set([mm.baseptr * PAGE_SIZE, tables, tables + 8, ...pages])
    // The grant table's first frame, where the guest can write to it.
    this.call('update_va_mapping', GRANTS, pv.mm.layout.grants * PAGE_SIZE + 0x63, 0, 0)
  }

  /** One call of a random kind. False: the guest has lost the pages that it speaks from, and can do no more. */
  step(): boolean {
    const kinds = [
      () => this.#mmuUpdate(),
      () => this.#mmuUpdate(),
      () => this.#mmuext(),
      () => this.#mmuext(),
      () => this.#updateVa(),
      () => this.#updateVa(),
      () => this.#plainWrite(),
      () => this.#makeTable(),
      () => this.#makeTable(),
      () => this.#writableTable(),
      () => this.#reservation(),
      () => this.#exchange(),
      () => this.#grantEntry(),
      () => this.#grant(),
      () => this.#garbage(),
    ]
    this.#pick(kinds)()
    if (this.#pv.physical(REQUESTS, true) !== undefined) return true
    this.#pv.mm.newBaseptr(this.#home)
    return this.#pv.physical(REQUESTS, true) !== undefined
  }

  call(name: string, ...args: number[]): number {
    const words = Array.from({ length: 6 }, (_, i) => (args[i] ?? 0) >>> 0)
    const result = this.#pv.call(name, ...words)
    const key = `${name} ${result > 0 ? 'n' : result}`
    this.#results.set(key, (this.#results.get(key) ?? 0) + 1)
    return result
  }

  #pick<T>(choices: readonly T[]): T {
    return choices[this.#below(choices.length)]!
  }

  #chance(of: number): boolean {
    return this.#below(of) === 0
  }

  /** A frame: mostly of the pages at play, sometimes another of the guest's, a table in use, the hypervisor's, or none. */
  #frame(): number {
    const { mm } = this.#pv
    switch (this.#below(16)) {
      case 0:
        return mm.baseptr
      case 1:
        return this.#pick([0, mm.layout.m2p.first, mm.layout.m2pTables.first, mm.layout.sharedInfo, mm.layout.grants])
      case 2:
        return mm.layout.free.first + this.#below(mm.layout.free.count)
      case 3:
        return mm.layout.frames + this.#below(2 ** 20)
      case 4:
        return Math.floor(this.#pv.memory.read32(mm.baseptr * PAGE_SIZE + 8 * this.#below(4)) / PAGE_SIZE)
      default:
        return this.#pv.mfn(FIRST_PAGE + this.#below(PAGES))
    }
  }

  #entry(): [low: number, high: number] {
    const flags = this.#pick([0, 0x61, 0x63, 0x65, 0x67, 0x01, 0x21, 0x27, 0xe3, 0x73, 0x163, this.#below(0x1000)])
    const high = this.#chance(20) ? this.#pick([0x8000_0000, 0x4000_0000, 0x10_0000, 1, 0xf_ffff]) : 0
    return [((this.#frame() % 2 ** 20) * PAGE_SIZE + flags) >>> 0, high]
  }

  #address(): number {
    switch (this.#below(8)) {
      case 0:
        return this.#pick([0xf580_0000, 0xf67f_f000, 0xffff_f000, 0xc000_0000, 0x4000_0000])
      case 1:
        return EMPTY + this.#below(32) * PAGE_SIZE
      case 2:
        return this.#below(2 ** 32)
      default:
        return (FIRST_PAGE + this.#below(PAGES)) * PAGE_SIZE
    }
  }

  #domid(): number {
    return this.#chance(24) ? this.#pick([0, 1, 5, abi.DOMID_IO, abi.DOMID_XEN, 0xffff]) : DOMID_SELF
  }

  /** Words where requests are; nothing, when the guest has lost that page. */
  #put(address: number, words: readonly number[]): void {
    for (const [i, word] of words.entries()) {
      const at = this.#pv.physical(address + 4 * i, true)
      if (at !== undefined) this.#pv.memory.write32(at, word >>> 0)
    }
  }

  #mmuUpdate(): void {
    const count = 1 + this.#below(3)
    const words: number[] = []
    for (let i = 0; i < count; i++) {
      const [low, high] = this.#entry()
      const slot = this.#pick([0, 1, 2, 3, 427, 428, 511, this.#below(512)])
      const at = this.#chance(3)
        ? (this.#pv.mm.tables.l1Entry(this.#address()) ?? 0)
        : this.#frame() * PAGE_SIZE + 8 * slot
      if (this.#kept.has(at)) continue
      words.push((at + this.#pick([0, 0, 0, 0, 2, 1, 3, 5])) >>> 0, Math.floor(at / 2 ** 32), low, high)
    }
    this.#put(REQUESTS, words)
    const tables = this.#chance(20) ? this.#pick([1, 2, 3]) : 0
    this.call('mmu_update', REQUESTS, words.length / 4, this.#pick([0, DONE, 3]), (tables << 16) | this.#domid())
  }

  #mmuext(): void {
    const count = 1 + this.#below(2)
    const words: number[] = []
    for (let i = 0; i < count; i++) {
      const cmd = this.#pick([0, 0, 1, 1, 2, 2, 4, 4, 4, 5, 5, this.#below(22)])
      const arg1 = cmd < 6 || cmd >= abi.MMUEXT_CLEAR_PAGE ? this.#frame() : this.#address()
      words.push(cmd, arg1, this.#chance(2) ? this.#frame() : this.#below(2 ** 14))
    }
    this.#put(REQUESTS, words)
    this.call('mmuext_op', REQUESTS, count, 0, this.#domid())
  }

  #updateVa(): void {
    this.call('update_va_mapping', this.#address(), ...this.#entry(), this.#below(8))
    if (this.#chance(16))
      this.call('update_va_mapping_otherdomain', this.#address(), ...this.#entry(), 0, this.#domid())
  }

  /** The guest's own writes: forged entries in pages that it can write to, to be made tables of later. */
  #plainWrite(): void {
    const at = this.#pv.physical((FIRST_PAGE + this.#below(PAGES)) * PAGE_SIZE, true)
    if (at === undefined) return
    if (this.#chance(3)) this.#pv.memory.fill(at, 0, PAGE_SIZE)
    for (let i = this.#below(6); i > 0; i--) {
      const slot = this.#pick([0, 1, 2, 3, this.#below(512)])
      const [low, high] = this.#entry()
      this.#pv.memory.write32(at + 8 * slot, low)
      this.#pv.memory.write32(at + 8 * slot + 4, high)
    }
    // A directory like the one in use, or a table of four like it.
    if (this.#chance(4)) {
      const { mm } = this.#pv
      const from = this.#chance(2) ? mm.baseptr : Math.floor(this.#pv.memory.read32(mm.baseptr * PAGE_SIZE) / PAGE_SIZE)
      this.#pv.memory.write(at, this.#pv.memory.read(from * PAGE_SIZE, PAGE_SIZE))
    }
  }

  /** A table as a kernel would make it, of any level, and pinned or used at once: most are valid. */
  #makeTable(): void {
    const { mm, memory: ram } = this.#pv
    const page = FIRST_PAGE + this.#below(PAGES)
    const at = this.#pv.physical(page * PAGE_SIZE, true)
    if (at === undefined) return
    const level = 1 + this.#below(3)
    const first = (ram.read32(this.#home * PAGE_SIZE) & ~(PAGE_SIZE - 1)) >>> 0
    const known = this.#tables[level - 1]!
    const entries: [number, number][] = []
    if (level === 1) for (let i = this.#below(8); i > 0; i--) entries.push([this.#below(512), this.#entry()[0]])
    if (level === 2) for (let i = this.#below(4); i > 0; i--) entries.push([this.#below(512), this.#known(1) + 0x67])
    if (level === 2 && this.#chance(3)) entries.push([this.#below(512), (this.#chance(2) ? at : this.#known(2)) + 0x65])
    if (level === 3) entries.push([0, first + 1], [this.#pick([1, 2]), this.#known(2) + 1], [3, this.#known(2) + 1])
    ram.fill(at, 0, PAGE_SIZE)
    for (const [slot, low] of entries) ram.write32(at + 8 * slot, low >>> 0)
    known.push(page)
    if (known.length > 6) known.shift()
    this.call('update_va_mapping', page * PAGE_SIZE, at + 0x61, 0, 0)
    const use = this.#chance(3) ? abi.MMUEXT_NEW_BASEPTR : abi.MMUEXT_PIN_L1_TABLE + level - 1
    this.#put(REQUESTS, [use, at / PAGE_SIZE, 0])
    this.call('mmuext_op', REQUESTS, 1, 0, DOMID_SELF)
    if (use === abi.MMUEXT_NEW_BASEPTR && mm.baseptr !== this.#home && this.#chance(2)) mm.newBaseptr(this.#home)
  }

  /** Machine address of a table of a level that it has made, or of a page. */
  #known(level: number): number {
    const pages = this.#tables[level - 1] ?? []
    return this.#pv.mfn(pages.length === 0 ? FIRST_PAGE : this.#pick(pages)) * PAGE_SIZE
  }

  /** A write to a table that is mapped read-only, by an instruction that retires, or does not, and that may write much. */
  #writableTable(): void {
    const pv = this.#pv
    const tables = this.#tables[this.#pick([0, 0, 1, 2])]!.filter(page => pv.mm.tables.inUse(pv.mfn(page)))
    const page = tables.length === 0 || this.#chance(4) ? this.#address() >>> 12 : this.#pick(tables)
    const address = page * PAGE_SIZE + this.#below(512) * 8 + this.#pick([0, 0, 0, 4])
    const target = pv.physical(address)
    pv.mm.writablePageTables = !this.#chance(8)
    pv.mm.writableDirectories = this.#chance(2)
    const plain = (): [number, number] => [this.#pick([0, this.#known(0) + 0x61, this.#known(1) + 0x67]), 0]
    const writes = Array.from({ length: this.#pick([1, 1, 2, 4]) }, () => (this.#chance(2) ? plain() : this.#entry()))
    pv.instruction = () => {
      if (target === undefined || this.#chance(8)) return false
      // The processor would not let it through.
      if (pv.physical(address, true) === undefined) return false
      for (const [i, [low, high]] of writes.entries()) {
        const at = target + 8 * i
        if (Math.floor(at / PAGE_SIZE) !== Math.floor(target / PAGE_SIZE)) break
        if (address % 8 !== 0) pv.memory.write32(at, high)
        else {
          pv.memory.write32(at, low)
          pv.memory.write32(at + 4, high)
        }
      }
      return true
    }
    const result = pv.mm.pageFault(address, this.#pick([3, 3, 3, 7, 2, 11, 19]))
    const key = `page fault ${result}`
    this.#results.set(key, (this.#results.get(key) ?? 0) + 1)
  }

  #reservation(): void {
    const extents = this.#below(3)
    this.#put(
      LIST,
      Array.from({ length: extents }, () => this.#frame()),
    )
    const order = this.#pick([0, 0, 0, 1, 3, 10])
    const bits = this.#pick([0, 0, 0, 12, 24, 32])
    this.#put(REQUESTS, [this.#pick([LIST, LIST, 0]), extents, order, bits, this.#domid()])
    const op = this.#pick([
      memory.XENMEM_INCREASE_RESERVATION,
      memory.XENMEM_DECREASE_RESERVATION,
      memory.XENMEM_POPULATE_PHYSMAP,
    ])
    this.call('memory_op', op | (this.#chance(8) ? 1 << memory.MEMOP_EXTENT_SHIFT : 0), REQUESTS)
  }

  #exchange(): void {
    const inOrder = this.#pick([0, 0, 1])
    const outOrder = this.#pick([0, 1, 2, 10])
    const outExtents = 1 + this.#below(2)
    const inExtents = this.#chance(8) ? this.#below(4) : (outExtents << outOrder) >> inOrder
    this.#put(
      LIST,
      Array.from({ length: 16 }, () => this.#frame()),
    )
    this.#put(LIST + 512, [1, 2, 3, 4])
    const domid = this.#domid()
    this.#put(REQUESTS, [LIST, inExtents, inOrder, 0, domid, LIST + 512, outExtents, outOrder, 0, domid, 0])
    this.call('memory_op', memory.XENMEM_EXCHANGE, REQUESTS)
  }

  /** An entry of the grant table: to itself, or to the backend's domain. */
  #grantEntry(): void {
    const ref = 8 + this.#below(8)
    this.#put(GRANTS + 8 * ref, [this.#pick([1, 1, 5, 0, 2]) | (this.#pick([1, 1, 1, 0, 3]) << 16), this.#frame()])
  }

  #grant(): void {
    const flags = this.#pick([2, 2, 6, 3, 7, 18, 22, 1, 0, 10])
    const at = (flags & 16) !== 0 ? (this.#pv.mm.tables.l1Entry(this.#address()) ?? 4) : this.#address()
    if (this.#chance(2)) {
      this.#put(REQUESTS, [at, 0, flags, 8 + this.#below(8), this.#pick([DOMID_SELF, DOMID_SELF, 1, 0, 4])])
      this.call('grant_table_op', 0, REQUESTS, 1)
    } else {
      this.#put(REQUESTS, [at, 0, this.#pick([0, 0, 0x1000]), 0, this.#below(12), 0])
      this.call('grant_table_op', this.#pick([1, 1, 7]), REQUESTS, 1)
    }
  }

  #garbage(): void {
    const name = this.#pick(Object.keys(MEMORY_HYPERCALLS))
    const word = (): number => this.#pick([0, 1, REQUESTS, this.#address(), this.#frame(), this.#below(2 ** 32)])
    // Counts are of the guest's making, and so is the time that they take.
    this.call(name, word(), name === 'memory_op' ? word() : this.#below(4), word(), word(), word())
  }
}
