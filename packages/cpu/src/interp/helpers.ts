/**
 * The helpers that generated code calls, by name: the bridge from i32 arguments to the functions of mmu/, sys/, fpu/
 * and simd/. A GuestFault thrown below is kept for delivery and announced in the FAULT word.
 */
import { GuestFault } from '../context.ts'
import { REC_LEN, REC_OFF } from '../decode/record.ts'
import { executeX87, fwait } from '../fpu/index.ts'
import { simdRegisterNumber } from '../isa/simd/index.ts'
import { isSimple, pageFault, readForWrite, readSlow, tryRead, tryWrite, writeSlow } from '../mmu/access.ts'
import { tryTranslate } from '../mmu/tlb.ts'
import { PF_U, PF_W } from '../mmu/walk.ts'
import type { Processor } from '../processor.ts'
import { SIMD_OPS } from '../simd/index.ts'
import {
  CPL,
  CUR_RECORD,
  EBP,
  EDX,
  EFLAGS_SYS,
  EIP,
  EIP_BASE,
  ESP,
  FAULT,
  FAULT_GUEST,
  FAULT_RESTART,
  FLAG_RF,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  SCRATCH,
  SEG,
  SEG_SIZE,
  SEG_SS,
  VEC_AC,
  VEC_GP,
} from '../state.ts'
import { clts, hlt, invlpg, lmsw, rdpmc, rdtsc, readCr, smsw, wbinvd, writeCr } from '../sys/control.ts'
import { cpuid } from '../sys/cpuid.ts'
import { readDr, writeDr } from '../sys/debug.ts'
import { hasVirtualIf, popf, pushfValue } from '../sys/eflags-ops.ts'
import { hostOp } from '../sys/hostop.ts'
import { hypercall } from '../sys/hypercall.ts'
import { int1, softwareInterrupt, softwareTrap } from '../sys/interrupts.ts'
import { ioIn, ioOut } from '../sys/io.ts'
import { rdmsr, wrmsr } from '../sys/msr.ts'
import { iret, retFar } from '../sys/return.ts'
import { loadSegment } from '../sys/segments.ts'
import { sysenter, sysexit } from '../sys/sysenter.ts'
import { arpl, lar, lgdt, lidt, lldt, lsl, ltr, requireProtected, sldt, str, verr, verw } from '../sys/tables.ts'
import { callFar, jumpFar } from '../sys/transfer.ts'
import { setVif } from '../sys/vme.ts'
import { ins, outs, repCmps, repLods, repMovs, repScas, repStos } from './strings.ts'
import type { Helpers } from './wasm.ts'

/** Thrown by `beforeDevice` when the instruction runs inside a block. */
export const RESTART: unique symbol = Symbol('restart')

/** What the engine adds. */
export interface HelperHost {
  /** The fault that FAULT_GUEST announces. */
  pending: GuestFault | null
  trace(eip: number): void
}

const segIndex = (address: number): number => (address - SEG) / SEG_SIZE

export function createHelpers(cpu: Processor, host: HelperHost): Helpers {
  const { u16, u32, i32, u8, view } = cpu
  /** EIP of the record being executed. */
  const here = (): number => (u32[EIP_BASE >> 2] + u16[(u32[CUR_RECORD >> 2] + REC_OFF) >> 1]) >>> 0

  /** Announces a fault; the helper's result no longer matters. */
  const fail = (fault: GuestFault): number => {
    host.pending = fault
    i32[FAULT >> 2] = FAULT_GUEST
    return 0
  }
  /** What a helper's `catch` does: faults are announced, bugs go on. */
  const failed = (e: unknown): number => {
    if (e instanceof GuestFault) return fail(e)
    if (e !== RESTART) throw e
    i32[FAULT >> 2] = FAULT_RESTART
    return 0
  }
  const guard =
    (f: (...args: number[]) => unknown) =>
    (...args: number[]): number => {
      u32[EIP >> 2] = here()
      try {
        const r = f(...args)
        return typeof r === 'number' ? r | 0 : 0
      } catch (e) {
        return failed(e)
      }
    }

  const raw: Record<string, (...args: number[]) => unknown> = {
    trace: () => host.trace(here()),
    segCheck: (seg, offset, size, write) => cpu.linear(segIndex(seg), offset >>> 0, size, write !== 0),
    slowRead64(lin) {
      const at = lin >>> 0
      cpu.probe(at, 8, false)
      const low = cpu.read32(at)
      view.setUint32(SCRATCH + 4, cpu.read32((at + 4) >>> 0), true)
      view.setUint32(SCRATCH, low, true)
    },
    slowWrite64(lin) {
      const at = lin >>> 0
      cpu.probe(at, 8, true)
      cpu.write32(at, view.getUint32(SCRATCH, true))
      cpu.write32((at + 4) >>> 0, view.getUint32(SCRATCH + 4, true))
    },
    checkStore64(seg, offset) {
      const lin = cpu.linear(segIndex(seg), offset >>> 0, 8, true)
      if (cpu.alignmentArmed && u32[CPL >> 2] === 3 && (lin & 7) !== 0) throw new GuestFault(VEC_AC, 0)
    },

    enter: (size, allocate, level, stack32) => enterFrame(cpu, size, allocate, level & 31, stack32 !== 0),
    pushfValue: size => pushfValue(cpu, size),
    popf: (value, size) => popf(cpu, value >>> 0, size),
    repMovs: (size, seg, wide) => repMovs(cpu, size, seg, wide),
    repStos: (size, seg, wide) => repStos(cpu, size, seg, wide),
    repLods: (size, seg, wide) => repLods(cpu, size, seg, wide),
    repScas: (size, seg, wide, repne) => repScas(cpu, size, seg, wide, repne),
    repCmps: (size, seg, wide, repne) => repCmps(cpu, size, seg, wide, repne),
    ins: (size, seg, wide, rep) => ins(cpu, size, seg, wide, rep, (port, n) => ioIn(cpu, port, n), u16[EDX >> 1]),
    outs: (size, seg, wide, rep) =>
      outs(cpu, size, seg, wide, rep, (port, n, v) => ioOut(cpu, port, n, v), u16[EDX >> 1]),
    wbinvd: () => wbinvd(cpu),
    storeGdtr: base => u32[(base ? GDTR_BASE : GDTR_LIMIT) >> 2],
    storeIdtr: base => u32[(base ? IDTR_BASE : IDTR_LIMIT) >> 2],
    checkProtected: () => requireProtected(cpu),
    smsw: () => smsw(cpu),
    lmsw: value => lmsw(cpu, value),
    sldt: () => sldt(cpu),
    str: () => str(cpu),
    lldt: selector => lldt(cpu, selector),
    ltr: selector => ltr(cpu, selector),
    verr: selector => verr(cpu, selector),
    verw: selector => verw(cpu, selector),
    lar: selector => lar(cpu, selector),
    lsl: selector => lsl(cpu, selector),
    arpl: (destination, source) => arpl(cpu, destination, source),
    readDr: n => readDr(cpu, n),
    writeDr: (n, value) => writeDr(cpu, n, value >>> 0),
    rdpmc: () => rdpmc(cpu),
    hostOp: index => hostOp(cpu, index, u32[EIP >> 2], u8[u32[CUR_RECORD >> 2] + REC_LEN]),
    x87: (op, seg, ea) =>
      executeX87(
        cpu,
        (op >> 8) & 0xff,
        op & 0xff,
        seg ? segIndex(seg) : 0,
        ea >>> 0,
        (op & 0x10000) === 0,
        u32[EIP >> 2],
      ),
    fwait: () => fwait(cpu),
    simd: (index, regs, imm, seg, ea) =>
      SIMD_OPS[index].run(
        cpu,
        simdRegisterNumber(regs & 0xffff),
        regs < 0 ? -1 : simdRegisterNumber(regs >> 16),
        seg ? segIndex(seg) : 0,
        ea >>> 0,
        imm,
      ),
  }
  // The helpers that guests call most have a function of their own each: what V8 learns of one is not mixed with the
  // others', and no arguments are gathered into arrays.
  const frequent: Helpers = {
    raise(vector, code) {
      u32[EIP >> 2] = here()
      return fail(new GuestFault(vector, code))
    },
    slowRead(lin, size) {
      u32[EIP >> 2] = here()
      const at = lin >>> 0
      const user = u32[CPL >> 2] === 3
      try {
        if (!isSimple(cpu, at, size)) return readSlow(cpu, at, size, user) | 0
        const value = tryRead(cpu, at, size, user)
        return value < 0 ? fail(pageFault(cpu, at)) : value | 0
      } catch (e) {
        return failed(e)
      }
    },
    slowWrite(lin, size, value) {
      u32[EIP >> 2] = here()
      const at = lin >>> 0
      const user = u32[CPL >> 2] === 3
      try {
        if (!isSimple(cpu, at, size)) writeSlow(cpu, at, size, user, value >>> 0)
        else if (!tryWrite(cpu, at, size, user, value >>> 0)) return fail(pageFault(cpu, at))
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    slowReadForWrite(lin, size) {
      u32[EIP >> 2] = here()
      const at = lin >>> 0
      const user = u32[CPL >> 2] === 3
      try {
        if (!isSimple(cpu, at, size)) return readForWrite(cpu, at, size, user) | 0
        if (tryTranslate(cpu, at, user ? PF_U | PF_W : PF_W) < 0) return fail(pageFault(cpu, at))
        return readSlow(cpu, at, size, user) | 0
      } catch (e) {
        return failed(e)
      }
    },
    loadSegment(seg, selector) {
      u32[EIP >> 2] = here()
      try {
        loadSegment(cpu, seg, selector)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    // Four bytes apart from fewer, which are small integers always.
    ioIn(port, size) {
      u32[EIP >> 2] = here()
      try {
        return ioIn(cpu, port, size) | 0
      } catch (e) {
        return failed(e)
      }
    },
    ioIn32(port) {
      u32[EIP >> 2] = here()
      try {
        return ioIn(cpu, port, 4) | 0
      } catch (e) {
        return failed(e)
      }
    },
    ioOut(port, size, value) {
      u32[EIP >> 2] = here()
      try {
        ioOut(cpu, port, size, value)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    ioOut32(port, value) {
      u32[EIP >> 2] = here()
      try {
        ioOut(cpu, port, 4, value >>> 0)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    hypercall(which, next) {
      u32[EIP >> 2] = here()
      try {
        hypercall(cpu, which === 0 ? 'vmcall' : 'vmmcall', next >>> 0)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    iret(size, next) {
      u32[EIP >> 2] = here()
      try {
        iret(cpu, size, next >>> 0)
        // RF only masks instruction breakpoints; without any, it has no effect to keep for one instruction.
        if (cpu.execBreakpoints === 0) u32[EFLAGS_SYS >> 2] &= ~FLAG_RF
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    softwareInterrupt(vector, kind, next) {
      u32[EIP >> 2] = here()
      try {
        if (kind === 0) softwareInterrupt(cpu, vector, next >>> 0)
        else if (kind === 1) softwareTrap(cpu, vector, next >>> 0)
        else int1(cpu, next >>> 0)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    sysenter() {
      u32[EIP >> 2] = here()
      try {
        sysenter(cpu)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    sysexit() {
      u32[EIP >> 2] = here()
      try {
        sysexit(cpu)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    farCall(selector, offset, size, next) {
      u32[EIP >> 2] = here()
      try {
        callFar(cpu, selector & 0xffff, offset >>> 0, size, next >>> 0)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    farJump(selector, offset, size, next) {
      u32[EIP >> 2] = here()
      try {
        jumpFar(cpu, selector & 0xffff, offset >>> 0, size, next >>> 0)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    farReturn(release, size) {
      u32[EIP >> 2] = here()
      try {
        retFar(cpu, size, release)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    virtualIf(on) {
      u32[EIP >> 2] = here()
      if (!hasVirtualIf(cpu)) return fail(new GuestFault(VEC_GP, 0))
      try {
        setVif(cpu, on !== 0)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    hlt() {
      u32[EIP >> 2] = here()
      if (u32[CPL >> 2] !== 0) return fail(new GuestFault(VEC_GP, 0))
      try {
        hlt(cpu)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    clts() {
      u32[EIP >> 2] = here()
      if (u32[CPL >> 2] !== 0) return fail(new GuestFault(VEC_GP, 0))
      try {
        clts(cpu)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    invlpg(lin) {
      u32[EIP >> 2] = here()
      if (u32[CPL >> 2] !== 0) return fail(new GuestFault(VEC_GP, 0))
      try {
        invlpg(cpu, lin >>> 0)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    checkPrivilege0() {
      u32[EIP >> 2] = here()
      return u32[CPL >> 2] !== 0 ? fail(new GuestFault(VEC_GP, 0)) : 0
    },
    lgdt(limit, base, size) {
      u32[EIP >> 2] = here()
      try {
        lgdt(cpu, limit, base >>> 0, size)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    lidt(limit, base, size) {
      u32[EIP >> 2] = here()
      try {
        lidt(cpu, limit, base >>> 0, size)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    readCr(n) {
      u32[EIP >> 2] = here()
      try {
        return readCr(cpu, n) | 0
      } catch (e) {
        return failed(e)
      }
    },
    writeCr(n, value) {
      u32[EIP >> 2] = here()
      try {
        writeCr(cpu, n, value >>> 0)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    rdtsc() {
      u32[EIP >> 2] = here()
      try {
        rdtsc(cpu)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    rdmsr() {
      u32[EIP >> 2] = here()
      if (u32[CPL >> 2] !== 0) return fail(new GuestFault(VEC_GP, 0))
      try {
        rdmsr(cpu)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    wrmsr() {
      u32[EIP >> 2] = here()
      if (u32[CPL >> 2] !== 0) return fail(new GuestFault(VEC_GP, 0))
      try {
        wrmsr(cpu)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
    cpuid() {
      u32[EIP >> 2] = here()
      try {
        cpuid(cpu)
        return 0
      } catch (e) {
        return failed(e)
      }
    },
  }
  return { ...Object.fromEntries(Object.entries(raw).map(([name, f]) => [name, guard(f)])), ...frequent }
}

/** ENTER (SDM vol. 2): the display of outer frames is copied for nesting levels above 0. */
function enterFrame(cpu: Processor, size: number, allocate: number, level: number, stack32: boolean): void {
  const mask = stack32 ? 0xffffffff : 0xffff
  const at = (offset: number, write: boolean): number => cpu.linear(SEG_SS, (offset & mask) >>> 0, size, write)
  const put = (offset: number, v: number): void =>
    size === 4 ? cpu.write32(at(offset, true), v) : cpu.write16(at(offset, true), v)
  const get = (offset: number): number => (size === 4 ? cpu.read32(at(offset, false)) : cpu.read16(at(offset, false)))
  const ebp = cpu.u32[EBP >> 2]
  let sp = cpu.u32[ESP >> 2] - size
  put(sp, ebp)
  const frame = sp
  for (let i = 1; i < level; i++) {
    sp -= size
    put(sp, get(ebp - i * size))
  }
  if (level > 0) {
    sp -= size
    put(sp, frame)
  }
  const end = sp - allocate
  // The new top must be writable, or the instruction faults with nothing changed.
  cpu.probe(at(end, true), 1, true)
  cpu.u32[ESP >> 2] = stack32 ? end : (cpu.u32[ESP >> 2] & ~0xffff) | (end & 0xffff)
  if (size === 4) cpu.u32[EBP >> 2] = stack32 ? frame : (ebp & ~0xffff) | (frame & 0xffff)
  else cpu.u16[EBP >> 1] = frame
}
