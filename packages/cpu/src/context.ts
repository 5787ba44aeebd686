/**
 * The processor as the helpers see it: state in linear memory, guest memory through segmentation and paging, and a way
 * to raise faults. The semantics that are too wide for generated code (x87, SSE, far transfers, task switches, MSRs)
 * are TypeScript functions over this interface; the WebAssembly interpreter and the JavaScript reference call the
 * same ones.
 */
import type { ProcessorPorts } from '@paragraft/core/ports'

/**
 * A guest exception on its way to delivery. Helpers throw it; the boundary to generated code catches it, keeps it in
 * `Processor.pendingFault` and sets the FAULT word. Nothing of the faulting instruction may be committed before.
 */
export class GuestFault {
  readonly vector: number
  /** Architectural error code, or -1 when the vector pushes none. */
  readonly errorCode: number
  /** Linear address for #PF (CR2), else 0. */
  readonly cr2: number

  constructor(vector: number, errorCode = -1, cr2 = 0) {
    this.vector = vector
    this.errorCode = errorCode
    this.cr2 = cr2
  }
}

/** Views over linear memory; the state is at offset 0 (see state.ts). Never reallocated while a machine lives. */
export interface LinearViews {
  readonly buffer: ArrayBufferLike
  readonly u8: Uint8Array
  readonly u16: Uint16Array
  readonly i32: Int32Array
  readonly u32: Uint32Array
  readonly f64: Float64Array
  readonly u64: BigUint64Array
  readonly view: DataView
}

export interface CpuContext extends LinearViews {
  readonly ports: ProcessorPorts
  /** RAM in bytes. */
  readonly ramSize: number

  /* Flags: full EFLAGS value, arithmetic flags materialised. */
  getEflags(): number
  /** Writes all bits of `value` as given (no privilege filtering); bit 1 forced to 1. */
  setEflags(value: number): void

  /* Guest memory by segment:offset at the current privilege level: segment checks, paging, MMIO. Unsigned results. */
  /** Checks type and limit and returns the linear address; throws #GP(0) or #SS(0). `seg` is a SEG_ index. */
  linear(seg: number, offset: number, size: number, write: boolean): number
  /** Reads or writes at a linear address at the current CPL; may cross a page; throws #PF. */
  read8(lin: number): number
  read16(lin: number): number
  read32(lin: number): number
  write8(lin: number, value: number): void
  write16(lin: number, value: number): void
  write32(lin: number, value: number): void
  /** Throws the #PF that writing (or reading) `size` bytes at `lin` would raise; commits nothing but A/D bits. */
  probe(lin: number, size: number, write: boolean): void
  /** Implicit supervisor accesses: descriptor tables, TSS. */
  readSys8(lin: number): number
  readSys16(lin: number): number
  readSys32(lin: number): number
  writeSys8(lin: number, value: number): void
  writeSys16(lin: number, value: number): void
  writeSys32(lin: number, value: number): void

  /** Retired instructions up to, not including, the one being executed. Exact. */
  instructions(): number
  /** Time-stamp counter in cycles, before TSC_OFFSET. */
  cycles(): number
}
