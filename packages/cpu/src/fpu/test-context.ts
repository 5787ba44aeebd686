/**
 * A processor context for the tests of the x87 and SIMD units: flat memory, no paging, flags in a variable.
 */
import type { ProcessorPorts } from '@paragraft/core/ports'
import { type CpuContext, GuestFault } from '../context.ts'
import { CR0, CR0_ET, CR0_NE, CR0_PE, CR4, CR4_OSFXSR, CR4_OSXMMEXCPT, MXCSR, VEC_PF } from '../state.ts'
import { initialise } from './environment.ts'

/** Where the guest's memory begins in the buffer. */
const BASE = 0x1000
const SIZE = 0x1000

/** What {@link testContext} adds for the tests. */
export interface TestContext extends CpuContext {
  /** Guest memory, 4 KiB; linear addresses beyond it raise #PF. */
  readonly memory: Uint8Array
  /** Levels given to FERR#. */
  readonly ferrLevels: boolean[]
}

/** A protected-mode processor with x87 and SSE enabled, freshly initialised. */
export function testContext(): TestContext {
  const buffer = new ArrayBuffer(BASE + SIZE)
  const view = new DataView(buffer)
  const ferrLevels: boolean[] = []
  let eflags = 2
  const at = (lin: number, size: number, write: boolean): number => {
    if (lin < 0 || lin + size > SIZE) throw new GuestFault(VEC_PF, write ? 2 : 0, Math.max(lin, SIZE))
    return BASE + lin
  }
  const unused = (): never => {
    throw new Error('not part of these tests')
  }
  const ports: ProcessorPorts = {
    ioRead: unused,
    ioWrite: unused,
    mmioRead: unused,
    mmioWrite: unused,
    readMsr: unused,
    writeMsr: unused,
    acknowledgeInterrupt: unused,
    hostOp: unused,
    ferr: level => void ferrLevels.push(level),
    shutdown: unused,
    reporter: { report: unused },
  }
  const cpu: TestContext = {
    buffer,
    u8: new Uint8Array(buffer),
    u16: new Uint16Array(buffer),
    i32: new Int32Array(buffer),
    u32: new Uint32Array(buffer),
    f64: new Float64Array(buffer),
    u64: new BigUint64Array(buffer),
    view,
    memory: new Uint8Array(buffer, BASE, SIZE),
    ferrLevels,
    ports,
    ramSize: SIZE,
    getEflags: () => eflags,
    setEflags: value => {
      eflags = (value | 2) >>> 0
    },
    linear: (_seg, offset) => offset,
    read8: lin => view.getUint8(at(lin, 1, false)),
    read16: lin => view.getUint16(at(lin, 2, false), true),
    read32: lin => view.getUint32(at(lin, 4, false), true),
    write8: (lin, value) => view.setUint8(at(lin, 1, true), value),
    write16: (lin, value) => view.setUint16(at(lin, 2, true), value, true),
    write32: (lin, value) => view.setUint32(at(lin, 4, true), value, true),
    probe: (lin, size, write) => void at(lin, size, write),
    readSys8: unused,
    readSys16: unused,
    readSys32: unused,
    writeSys8: unused,
    writeSys16: unused,
    writeSys32: unused,
    instructions: () => 0,
    cycles: () => 0,
  }
  cpu.u32[CR0 >> 2] = CR0_PE | CR0_ET | CR0_NE
  cpu.u32[CR4 >> 2] = CR4_OSFXSR | CR4_OSXMMEXCPT
  cpu.u32[MXCSR >> 2] = 0x1f80
  initialise(cpu)
  return cpu
}
