/**
 * Writable page tables (VMASST_TYPE_writable_pagetables; xen/arch/x86/pv/ro-page-fault.c): a guest's kernel writes to a page table that
 * it has mapped read-only, and Xen makes the change as if it had been asked to. Xen emulates the instruction; here the
 * processor executes it with the mapping writable for that long, and what it has changed is looked at afterwards. Xen does this for
 * page tables alone; here it can be had for the levels above them too.
 */
import type { GuestMemory } from '@paragraft/core/ports'
import { PAGE_SIZE } from '../../abi/xen.ts'
import type { VcpuMemory } from '../ports.ts'
import { frameOf, PAGE_ACCESSED, PAGE_DIRTY, PAGE_PRESENT, PAGE_RW } from './entries.ts'
import { PGT_l1_page_table, PGT_l3_page_table } from './frame-table.ts'
import type { PageTables } from './page-tables.ts'

/** Bits of a page fault's error code. */
const PF_PRESENT = 1
const PF_WRITE = 2
const PF_USER = 4
const PF_RESERVED = 8
const PF_FETCH = 16

/** An entry that the guest has changed. */
interface Change {
  readonly at: number
  readonly old: readonly [low: number, high: number]
  low: number
  readonly high: number
}

export class WritablePageTables {
  readonly #memory: GuestMemory
  readonly #tables: PageTables
  readonly #vcpu: VcpuMemory
  /** Page tables as the guest has asked for. */
  pageTables = false
  /** The levels above them, which is more than Xen does. */
  directories = false

  constructor(memory: GuestMemory, tables: PageTables, vcpu: VcpuMemory) {
    this.#memory = memory
    this.#tables = tables
    this.#vcpu = vcpu
  }

  /** True: the instruction that faulted has been executed, and its change is valid. */
  fault(address: number, errorCode: number): boolean {
    const kernelWrite = (errorCode & (PF_PRESENT | PF_WRITE)) === (PF_PRESENT | PF_WRITE)
    if (!kernelWrite || (errorCode & (PF_USER | PF_RESERVED | PF_FETCH)) !== 0) return false
    const mapping = this.#tables.l1Entry(address)
    if (mapping === undefined) return false
    const low = this.#memory.read32(mapping)
    if ((low & (PAGE_PRESENT | PAGE_RW)) !== PAGE_PRESENT) return false
    const mfn = frameOf(low, this.#memory.read32(mapping + 4))
    const { frames } = this.#tables.references
    if (!frames.isGuests(mfn) || !this.#tables.inUse(mfn) || !this.#serves(frames.type[mfn]!)) return false

    const before = this.#words(mfn)
    // Xen writes by a mapping of its own: what the level above says does not matter. Not so for tables seen through themselves:
    // that entry would open all of them, to an instruction that writes on into the next page.
    const above = this.#tables.l2Entry(address)!
    const linear = frames.type[Math.floor(mapping / PAGE_SIZE)] !== PGT_l1_page_table
    const opened = (linear ? [mapping] : [mapping, above]).map(at => ({ at, low: this.#memory.read32(at) }))
    for (const { at, low } of opened) this.#memory.write32(at, (low | PAGE_RW) >>> 0)
    this.#vcpu.invlpg(address)
    const close = (): void => {
      for (const { at, low } of opened) {
        // The entry is the mapping's own, unless the instruction has changed that.
        const now = this.#memory.read32(at)
        if (((now ^ low) & ~(PAGE_ACCESSED | PAGE_DIRTY)) === PAGE_RW) this.#memory.write32(at, (now & ~PAGE_RW) >>> 0)
      }
      this.#vcpu.invlpg(address)
    }
    const done = this.#vcpu.step(() => {
      close()
      if (!aligned(address, before, this.#words(mfn))) return false
      return frames.type[mfn] === PGT_l1_page_table ? this.#accept(mfn, before) : this.#update(mfn, before)
    })
    if (!done) {
      this.#memory.write(mfn * PAGE_SIZE, new Uint8Array(before.buffer))
      close()
    }
    return done
  }

  #serves(type: number): boolean {
    return type === PGT_l1_page_table ? this.pageTables : this.directories && type > 0 && type <= PGT_l3_page_table
  }

  /** What the guest wrote to a table above page tables, as if asked for by mmu_update; or nothing changes, and false. */
  #update(mfn: number, before: Uint32Array): boolean {
    const after = this.#words(mfn)
    this.#memory.write(mfn * PAGE_SIZE, new Uint8Array(before.buffer))
    const done: number[] = []
    for (let i = 0; i < before.length; i += 2) {
      if (before[i] === after[i] && before[i + 1] === after[i + 1]) continue
      const at = mfn * PAGE_SIZE + 4 * i
      if (this.#tables.update(at, after[i]!, after[i + 1]!) === 0) done.push(i)
      else {
        // In reverse, so that each finds what it found before.
        for (const back of done.reverse())
          this.#tables.update(mfn * PAGE_SIZE + 4 * back, before[back]!, before[back + 1]!)
        return false
      }
    }
    return true
  }

  /** References for what entries say now, none for what they said before; or nothing changes, and false. */
  #accept(mfn: number, before: Uint32Array): boolean {
    const { references } = this.#tables
    const after = this.#words(mfn)
    const changes: Change[] = []
    for (let i = 0; i < before.length; i += 2) {
      const [oldLow, oldHigh, low, high] = [before[i]!, before[i + 1]!, after[i]!, after[i + 1]!]
      // The processor sets these on its own.
      if (((oldLow ^ low) & ~(PAGE_ACCESSED | PAGE_DIRTY)) === 0 && oldHigh === high) continue
      const change: Change = { at: mfn * PAGE_SIZE + 4 * i, old: [oldLow, oldHigh], low, high }
      if ((low & PAGE_PRESENT) !== 0 && references.getL1e(low, high) < 0) {
        // The upper half of a new entry before the lower: what is to come is not there yet.
        if (oldLow !== low) {
          for (const taken of changes) references.putL1e(taken.low, taken.high)
          return false
        }
        change.low = (low & ~PAGE_PRESENT) >>> 0
        this.#memory.write32(change.at, change.low)
      }
      changes.push(change)
    }
    for (const { old } of changes) references.putL1e(...old)
    return true
  }

  #words(mfn: number): Uint32Array {
    const bytes = this.#memory.read(mfn * PAGE_SIZE, PAGE_SIZE)
    return new Uint32Array(bytes.buffer, bytes.byteOffset, PAGE_SIZE / 4)
  }
}

/** "Only allow naturally-aligned stores" (ptwr_emulated_update), seen from what one has changed of an entry; `address`: its first byte. */
function aligned(address: number, before: Uint32Array, after: Uint32Array): boolean {
  const slot = (address % PAGE_SIZE) >>> 3
  for (let i = 0; i < before.length; i += 2) {
    // More than an entry: a string instruction, which Xen does step by step.
    if (i >>> 1 !== slot && (before[i] !== after[i] || before[i + 1] !== after[i + 1])) return true
  }
  const first = address % 8
  const end = first + (first === 0 ? 8 : first & -first)
  for (let byte = 0; byte < 8; byte++) {
    const [word, shift] = [2 * slot + (byte >> 2), 8 * (byte & 3)]
    const changed = ((before[word]! ^ after[word]!) >>> shift) & 0xff
    if (changed !== 0 && (byte < first || byte >= end)) return false
  }
  return true
}
