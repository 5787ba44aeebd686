/** The port by which a backend has a deprivileged guest's processor (core's ops/deprivileged.ts). */
import type { DataSegment, DeprivilegedPort, GuestContext, GuestRegister, SegmentView } from '@paragraft/core'
import { GuestFault } from '../context.ts'
import { loadPdptesUnchecked } from '../mmu/walk.ts'
import type { Processor } from '../processor.ts'
import {
  CR3,
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  EIP,
  ESI,
  ESP,
  FLAG_VM,
  GDTR_BASE,
  GDTR_LIMIT,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_LDTR,
  SEG_SS,
  SEG_TR,
} from '../state.ts'
import { atLevel0 } from './control.ts'
import { ATTR_P, SYS_LDT, SYS_TSS32_BUSY, segAttr, segBase, segLimit, segSelector, setSegment } from './descriptors.ts'
import { cpl, getEflags, setEflags } from './flags.ts'
import { enterContext } from './return.ts'
import { loadSegment } from './segments.ts'

const REGISTERS: Readonly<Record<Exclude<GuestRegister, 'EFLAGS'>, number>> = {
  EAX,
  ECX,
  EDX,
  EBX,
  ESP,
  EBP,
  ESI,
  EDI,
  EIP,
}
const SEGMENTS: Readonly<Record<DataSegment | 'CS', number>> = {
  ES: SEG_ES,
  CS: SEG_CS,
  SS: SEG_SS,
  DS: SEG_DS,
  FS: SEG_FS,
  GS: SEG_GS,
}

/** The port for a backend. `step` executes one instruction alone and says whether it retired. */
export function deprivilegedPort(cpu: Processor, step: () => boolean): DeprivilegedPort {
  return {
    begin(monitor) {
      cpu.monitor = monitor
      // No TSS, so no I/O permission bitmap: every port above IOPL is #GP.
      setSegment(cpu, SEG_TR, 0, 0, 0, ATTR_P | (SYS_TSS32_BUSY << 8))
    },
    setTables(gdtLimit, ldtLimit) {
      cpu.u32[GDTR_BASE >> 2] = 0
      cpu.u32[GDTR_LIMIT >> 2] = gdtLimit
      const attributes = ldtLimit < 0 ? 0 : ATTR_P | (SYS_LDT << 8)
      setSegment(cpu, SEG_LDTR, 0, 0, Math.max(ldtLimit, 0), attributes)
    },
    setPageTables(pa) {
      loadPdptesUnchecked(cpu, pa)
      cpu.u32[CR3 >> 2] = pa
      cpu.flushTlb('all')
    },
    cpl: () => cpl(cpu),
    get: register => (register === 'EFLAGS' ? getEflags(cpu) : cpu.u32[REGISTERS[register] >> 2]!),
    set(register, value) {
      if (register === 'EFLAGS') setEflags(cpu, value)
      else cpu.u32[REGISTERS[register] >> 2] = value
    },
    segment: name => viewOf(cpu, SEGMENTS[name]),
    load: (name, selector) => succeeds(() => loadSegment(cpu, SEGMENTS[name], selector)),
    enter(context: GuestContext) {
      if ((context.eflags & FLAG_VM) !== 0) throw new RangeError('virtual-8086 mode cannot be entered')
      return succeeds(() => atLevel0(cpu, () => enterContext(cpu, context)))
    },
    step(accept) {
      const before = cpu.saveRegisters()
      if (step() && accept()) return true
      cpu.restoreRegisters(before)
      return false
    },
  }
}

function viewOf(cpu: Processor, seg: number): SegmentView {
  return {
    selector: segSelector(cpu, seg),
    base: segBase(cpu, seg),
    limit: segLimit(cpu, seg),
    attributes: segAttr(cpu, seg),
  }
}

/** False when the action is one that faults. */
function succeeds(action: () => void): boolean {
  try {
    action()
    return true
  } catch (fault) {
    if (fault instanceof GuestFault) return false
    throw fault
  }
}
