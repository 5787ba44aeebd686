/**
 * What a host answer sees: the call, decoded by the op's signature, and narrow ports to carry it out. The machine
 * implements these; a module imports only the types.
 */
import type { Clock, Reporter } from '../ports.ts'

/** Guest virtual memory, through the guest's current page tables at kernel privilege. A miss throws `PG_HOST_MEMORY`. */
export interface VirtualMemory {
  readVirtual8(va: number): number
  readVirtual16(va: number): number
  readVirtual32(va: number): number
  writeVirtual8(va: number, value: number): void
  writeVirtual16(va: number, value: number): void
  writeVirtual32(va: number, value: number): void
}

/** A descriptor-table register: `base` linear, `limit` in bytes - 1. */
export interface TableRegister {
  base: number
  limit: number
}

/**
 * The processor's privileged operations, for a host answer that carries an op out on behalf of the guest. Each does
 * what the named instruction does at CPL 0, faults excepted: a value the instruction would refuse throws
 * `PG_HOST_PROCESSOR`. Registers and flags of the guest do not change unless said.
 */
export interface ProcessorControl {
  /** Drop all non-global translations: MOV CR3, CR3. */
  flushTlb(): void
  /** Drop all translations, global ones too: CR4.PGE off and on. */
  flushTlbGlobal(): void
  /** INVLPG: drop the translation of the page that holds `va`. */
  invlpg(va: number): void
  readCr(number: 0 | 2 | 3 | 4): number
  writeCr(number: 0 | 2 | 3 | 4, value: number): void
  /** CLTS: CR0.TS := 0. */
  clts(): void
  readDr(number: number): number
  writeDr(number: number, value: number): void
  /** RDMSR / WRMSR; undefined and false mean that the instruction would raise #GP(0). */
  readMsr(index: number): bigint | undefined
  writeMsr(index: number, value: bigint): boolean
  /** RDTSC. */
  readTsc(): bigint
  /** CPUID. */
  cpuid(leaf: number, subleaf: number): { eax: number; ebx: number; ecx: number; edx: number }
  /** IN / OUT; size 1, 2 or 4 bytes. */
  ioRead(port: number, size: number): number
  ioWrite(port: number, size: number, value: number): void
  /** EFLAGS.IF of the guest as it will be after the op returns. */
  interruptsEnabled(): boolean
  setInterrupts(enabled: boolean): void
  /** HLT: the processor halts when the op has returned to the guest. */
  halt(): void
  readGdtr(): TableRegister
  writeGdtr(value: TableRegister): void
  readIdtr(): TableRegister
  writeIdtr(value: TableRegister): void
  writeLdtr(selector: number): void
  writeTr(selector: number): void
  readTr(): number
}

/** A fields-by-name view of a C structure that an argument points to. */
export type StructView = Readonly<Record<string, number | bigint>>

/** One call of an op. Valid only while the answer runs. */
export interface HostCall {
  /** The op that was answered (through an adapter, not the slot's own op), and its version. */
  readonly op: string
  readonly version: string
  /** Slot of the guest's table, and the op identity that lives there. */
  readonly slot: number
  readonly slotOp: string
  /** Arguments in the op's order: numbers (`int` signed, `bool` 0 or 1, all else unsigned), `bigint` for u64. */
  readonly args: readonly (number | bigint)[]
  /** Argument by its catalogue name; an unknown name throws `PG_OPS_ARGUMENT`. */
  arg(name: string): number | bigint
  /** The structure behind a pointer argument, decoded by the catalogue (or made up by the adapter). */
  struct(name: string): StructView
  /** The address in the guest to which the op will return. */
  readonly returnAddress: number
  readonly memory: VirtualMemory
  readonly processor: ProcessorControl
  readonly clock: Clock
  readonly reporter: Reporter
}

/**
 * A host answer. The result of an op that has one must be a number (`bigint` for u64); others return nothing.
 * Synchronous, and must not keep the call. An exception stops the machine with `PG_HOST_THREW`.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: an answer without a result may simply end
export type HostFunction = (call: HostCall) => number | bigint | void
