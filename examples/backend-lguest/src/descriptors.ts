/**
 * Descriptor tables. The processor reads the host's copies of GDT and LDT, in which no descriptor is of ring 0 and none is a
 * system one; the IDT it does not read at all, for every event comes to the host first (interrupts.ts).
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import { GuestKilled } from './memory.ts'

/** High dword of a descriptor (Intel SDM vol. 3A 3.4.5, 5.2). */
const PRESENT = 0x8000
const DPL = 0x6000
const DPL_1 = 0x2000
const NOT_SYSTEM = 0x1000
const TYPE = 0x0f00
const GATE_INTERRUPT = 0x0e00
const GATE_TRAP = 0x0f00

const ENTRIES = 512
const VECTORS = 256

/** Flat segments of ring 1, code and data, for the time before the guest has a table of its own. */
const FLAT_CODE: readonly [number, number] = [0x0000_ffff, 0x00cf_bb00]
const FLAT_DATA: readonly [number, number] = [0x0000_ffff, 0x00cf_b300]

/** What of the processor decides where tables end. */
export interface TablesPort {
  setTables(gdtLimit: number, ldtLimit: number): void
}

export interface Gate {
  readonly selector: number
  readonly handler: number
  readonly dpl: number
  /** Interrupts are off when the handler begins. */
  readonly disables: boolean
}

/** Two words of the guest's memory. */
export type ReadEntry = (index: number) => readonly [low: number, high: number]

/** The copies of GDT and LDT are in RAM. */
export interface DescriptorsState {
  gdtEntries: number
  ldtEntries: number
  gates: number[]
}

export class Descriptors implements Snapshotable<DescriptorsState> {
  readonly #memory: GuestMemory
  readonly #port: TablesPort
  /** Physical addresses of the copies, a page each. */
  readonly gdt: number
  readonly ldt: number
  #gdtEntries = 0
  #ldtEntries = 0
  readonly #gates = new Uint32Array(2 * VECTORS)

  constructor(memory: GuestMemory, port: TablesPort, gdt: number, ldt: number) {
    this.#memory = memory
    this.#port = port
    this.gdt = gdt
    this.ldt = ldt
  }

  /** A GDT in which the selectors of the first instruction mean what they should. */
  start(codeSelector: number, dataSelector: number): void {
    this.loadGdt((Math.max(codeSelector, dataSelector) >> 3) + 1, () => [0, 0])
    this.setGdtEntry(codeSelector >> 3, ...FLAT_CODE)
    this.setGdtEntry(dataSelector >> 3, ...FLAT_DATA)
  }

  loadGdt(entries: number, read: ReadEntry): void {
    this.#gdtEntries = checked(entries, ENTRIES)
    this.#setLimits()
    for (let index = 0; index < entries; index++) this.setGdtEntry(index, ...read(index))
  }

  setLdt(entries: number, read: ReadEntry): void {
    this.#ldtEntries = checked(entries, ENTRIES)
    this.#setLimits()
    for (let index = 0; index < entries; index++) this.setLdtEntry(index, ...read(index))
  }

  loadIdt(entries: number, read: ReadEntry): void {
    this.#gates.fill(0)
    for (let index = 0; index < checked(entries, VECTORS); index++) this.setIdtEntry(index, ...read(index))
  }

  setGdtEntry(index: number, low: number, high: number): void {
    if (checked(index, this.#gdtEntries - 1) > 0) this.#set(this.gdt, index, low, high)
  }

  setLdtEntry(index: number, low: number, high: number): void {
    this.#set(this.ldt, checked(index, this.#ldtEntries - 1), low, high)
  }

  setIdtEntry(vector: number, low: number, high: number): void {
    this.#gates.set([low, high], 2 * checked(vector, VECTORS - 1))
  }

  /** The gate of a vector; undefined when it is none through which a kernel could be entered. */
  gate(vector: number): Gate | undefined {
    const [low, high] = [this.#gates[2 * vector]!, this.#gates[2 * vector + 1]!]
    const type = high & (NOT_SYSTEM | TYPE)
    if ((high & PRESENT) === 0 || (type !== GATE_INTERRUPT && type !== GATE_TRAP)) return undefined
    return {
      selector: low >>> 16,
      handler: ((high & 0xffff_0000) | (low & 0xffff)) >>> 0,
      dpl: (high & DPL) >> 13,
      disables: type === GATE_INTERRUPT,
    }
  }

  save(): DescriptorsState {
    return { gdtEntries: this.#gdtEntries, ldtEntries: this.#ldtEntries, gates: [...this.#gates] }
  }

  restore({ gdtEntries, ldtEntries, gates }: DescriptorsState): void {
    this.#gdtEntries = gdtEntries
    this.#ldtEntries = ldtEntries
    this.#gates.set(gates)
  }

  /** System descriptors are the host's business: task gates, call gates and TSSs would lead into ring 0. */
  #set(table: number, index: number, low: number, high: number): void {
    const usable = (high & PRESENT) !== 0 && (high & NOT_SYSTEM) !== 0
    const raised = (high & DPL) === 0 ? high | DPL_1 : high
    this.#memory.write32(table + 8 * index, usable ? low : 0)
    this.#memory.write32(table + 8 * index + 4, usable ? raised >>> 0 : 0)
  }

  #setLimits(): void {
    this.#port.setTables(8 * this.#gdtEntries - 1, 8 * this.#ldtEntries - 1)
  }
}

function checked(value: number, most: number): number {
  if (value <= most) return value
  throw new GuestKilled(`it names entry ${value} of a descriptor table that ends at ${most}`)
}
