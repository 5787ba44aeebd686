/**
 * Model-specific registers that the processor itself implements; the rest (the local APIC's base and whatever a
 * hypervisor adds) goes to the ports. Intel SDM vol. 4 chapter 2 (architectural MSRs), vol. 3A 11.11 (MTRRs),
 * 11.12 (PAT), 15.3 (machine check).
 */
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  EAX,
  ECX,
  EDX,
  EFER,
  EFER_NXE,
  MSR_MISC_ENABLE,
  MSR_PAT,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  TSC_OFFSET,
  VEC_GP,
} from '../state.ts'
import { setEdxEax, timeStamp } from './control.ts'
import { FEAT_MTRR, FEAT_NX, FEAT_PAT, FEAT_SEP } from './cpuid.ts'
import { readCounter, writeCounter, writeSelect } from './pmc.ts'
import { requireCpl0 } from './tables.ts'

const IA32_TIME_STAMP_COUNTER = 0x10
const IA32_PLATFORM_ID = 0x17
const IA32_BIOS_SIGN_ID = 0x8b
const PERFCTR0 = 0xc1
const IA32_MTRRCAP = 0xfe
const IA32_SYSENTER_CS = 0x174
const IA32_SYSENTER_ESP = 0x175
const IA32_SYSENTER_EIP = 0x176
const IA32_MCG_CAP = 0x179
const IA32_MCG_STATUS = 0x17a
const PERFEVTSEL0 = 0x186
const IA32_MISC_ENABLE = 0x1a0
const IA32_DEBUGCTL = 0x1d9
const IA32_MTRR_PHYSBASE0 = 0x200
const IA32_PAT = 0x277
const IA32_MTRR_DEF_TYPE = 0x2ff
const IA32_EFER = 0xc0000080

/** MTRRCAP: 8 variable ranges, fixed ranges, write-combining. */
const MTRRCAP_VALUE = 0x508n
const MTRR_FIXED = [0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b, 0x26c, 0x26d, 0x26e, 0x26f]
/** IA32_MISC_ENABLE bits that can be written: fast strings, limit CPUID maxval, XD disable is not offered. */
const MISC_ENABLE_WRITABLE = 0x400001n

function has(cpu: Processor, feature: number): boolean {
  return (cpu.cpuid.features & feature) !== 0
}

function isMtrr(msr: number): boolean {
  return (
    (msr >= IA32_MTRR_PHYSBASE0 && msr < IA32_MTRR_PHYSBASE0 + 16) ||
    MTRR_FIXED.includes(msr) ||
    msr === IA32_MTRR_DEF_TYPE
  )
}

/** Memory types that exist: UC, WC, WT, WP, WB; PAT adds UC- (7). */
function isMemoryType(type: number, pat: boolean): boolean {
  return type === 0 || type === 1 || (type >= 4 && type <= 6) || (pat && type === 7)
}

function everyByteIsType(value: bigint, pat: boolean): boolean {
  for (let i = 0n; i < 64n; i += 8n) if (!isMemoryType(Number((value >> i) & 0xffn), pat)) return false
  return true
}

function mtrrValid(msr: number, value: bigint): boolean {
  if (MTRR_FIXED.includes(msr)) return everyByteIsType(value, false)
  if (msr === IA32_MTRR_DEF_TYPE) return (value & ~0xcffn) === 0n && isMemoryType(Number(value & 0xffn), false)
  const mask = (msr & 1) !== 0
  if (value >> 36n !== 0n) return false
  return mask ? (value & 0x7ffn) === 0n : (value & 0xf00n) === 0n && isMemoryType(Number(value & 0xffn), false)
}

/** Value of an MSR, or undefined when there is none. */
export function readMsr(cpu: Processor, msr: number): bigint | undefined {
  switch (msr) {
    case IA32_TIME_STAMP_COUNTER:
      return timeStamp(cpu)
    case IA32_PLATFORM_ID:
    case IA32_BIOS_SIGN_ID:
    case IA32_MCG_CAP:
    case IA32_DEBUGCTL:
      return cpu.msr.get(msr) ?? 0n
    case IA32_MCG_STATUS:
      return 0n
    case PERFCTR0:
    case PERFCTR0 + 1:
      return readCounter(cpu, msr - PERFCTR0)
    case PERFEVTSEL0:
    case PERFEVTSEL0 + 1:
      return cpu.pmc.select[msr - PERFEVTSEL0]
    case IA32_MISC_ENABLE:
      return cpu.u64[MSR_MISC_ENABLE >> 3]
  }
  if (has(cpu, FEAT_SEP)) {
    if (msr === IA32_SYSENTER_CS) return BigInt(cpu.u32[MSR_SYSENTER_CS >> 2]!)
    if (msr === IA32_SYSENTER_ESP) return BigInt(cpu.u32[MSR_SYSENTER_ESP >> 2]!)
    if (msr === IA32_SYSENTER_EIP) return BigInt(cpu.u32[MSR_SYSENTER_EIP >> 2]!)
  }
  if (has(cpu, FEAT_MTRR)) {
    if (msr === IA32_MTRRCAP) return MTRRCAP_VALUE
    if (isMtrr(msr)) return cpu.msr.get(msr) ?? 0n
  }
  if (msr === IA32_PAT && has(cpu, FEAT_PAT)) return cpu.u64[MSR_PAT >> 3]
  if (msr === IA32_EFER && (cpu.cpuid.extended & FEAT_NX) !== 0) return cpu.u64[EFER >> 3]
  return cpu.ports.readMsr(msr)
}

/** Writes an MSR; false when there is none or the value is not allowed: #GP(0). */
export function writeMsr(cpu: Processor, msr: number, value: bigint): boolean {
  switch (msr) {
    case IA32_TIME_STAMP_COUNTER:
      cpu.u64[TSC_OFFSET >> 3] = BigInt.asUintN(64, value - BigInt(Math.floor(cpu.cycles())))
      return true
    case IA32_BIOS_SIGN_ID:
      // Writing 0 and executing CPUID leaves the microcode revision here: none is loaded.
      return true
    case IA32_MCG_STATUS:
      return value === 0n
    case IA32_DEBUGCTL:
      // No branch records and no branch stepping: only zero can be kept.
      return value === 0n
    case PERFCTR0:
    case PERFCTR0 + 1:
      writeCounter(cpu, msr - PERFCTR0, value)
      return true
    case PERFEVTSEL0:
    case PERFEVTSEL0 + 1:
      writeSelect(cpu, msr - PERFEVTSEL0, value)
      return true
    case IA32_MISC_ENABLE:
      cpu.u64[MSR_MISC_ENABLE >> 3] = value & MISC_ENABLE_WRITABLE
      return true
    case IA32_MTRRCAP:
    case IA32_MCG_CAP:
    case IA32_PLATFORM_ID:
      return false
  }
  if (has(cpu, FEAT_SEP) && msr >= IA32_SYSENTER_CS && msr <= IA32_SYSENTER_EIP) {
    const slot = [MSR_SYSENTER_CS, MSR_SYSENTER_ESP, MSR_SYSENTER_EIP][msr - IA32_SYSENTER_CS]!
    cpu.u32[slot >> 2] = Number(value & 0xffffffffn)
    return true
  }
  if (has(cpu, FEAT_MTRR) && isMtrr(msr)) {
    if (!mtrrValid(msr, value)) return false
    cpu.msr.set(msr, value)
    return true
  }
  if (msr === IA32_PAT && has(cpu, FEAT_PAT)) {
    if (!everyByteIsType(value, true)) return false
    cpu.u64[MSR_PAT >> 3] = value
    return true
  }
  if (msr === IA32_EFER && (cpu.cpuid.extended & FEAT_NX) !== 0) {
    if ((value & ~BigInt(EFER_NXE)) !== 0n) return false
    if (cpu.u64[EFER >> 3] !== value) {
      cpu.u64[EFER >> 3] = value
      cpu.flushTlb('all')
      cpu.attention()
    }
    return true
  }
  return cpu.ports.writeMsr(msr, value)
}

/** RDMSR of ECX into EDX:EAX. */
export function rdmsr(cpu: Processor): void {
  requireCpl0(cpu)
  const msr = cpu.u32[ECX >> 2]!
  const value = readMsr(cpu, msr)
  if (value === undefined) refuse(cpu, msr, 'read')
  setEdxEax(cpu, value)
}

/** WRMSR of EDX:EAX into ECX. */
export function wrmsr(cpu: Processor): void {
  requireCpl0(cpu)
  const msr = cpu.u32[ECX >> 2]!
  const value = (BigInt(cpu.u32[EDX >> 2]!) << 32n) | BigInt(cpu.u32[EAX >> 2]!)
  if (!writeMsr(cpu, msr, value)) refuse(cpu, msr, 'write')
}

function refuse(cpu: Processor, msr: number, what: string): never {
  cpu.ports.reporter.report(`msr 0x${msr.toString(16)}`, `${what} of an absent register or a reserved value: #GP(0)`)
  throw new GuestFault(VEC_GP, 0)
}
