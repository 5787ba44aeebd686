/**
 * CPUID as data: a model says vendor, signature, features and leaves; the processor takes from it what CR4, EFER and
 * the MSRs accept. Intel SDM vol. 2, CPUID, tables 3-8 to 3-11.
 */

import type { Processor } from '../processor.ts'
import {
  CPUID_ENTRIES,
  CPUID_ENTRY,
  CPUID_KNOWN,
  CR4_DE,
  CR4_MCE,
  CR4_OSFXSR,
  CR4_OSXMMEXCPT,
  CR4_PAE,
  CR4_PCE,
  CR4_PGE,
  CR4_PSE,
  CR4_PVI,
  CR4_TSD,
  CR4_VME,
  EAX,
  EBX,
  ECX,
  EDX,
} from '../state.ts'

/** Feature bits of leaf 1, EDX. */
export const FEAT_FPU = 1 << 0
export const FEAT_VME = 1 << 1
export const FEAT_DE = 1 << 2
export const FEAT_PSE = 1 << 3
export const FEAT_TSC = 1 << 4
export const FEAT_MSR = 1 << 5
export const FEAT_PAE = 1 << 6
export const FEAT_MCE = 1 << 7
export const FEAT_CX8 = 1 << 8
export const FEAT_APIC = 1 << 9
export const FEAT_SEP = 1 << 11
export const FEAT_MTRR = 1 << 12
export const FEAT_PGE = 1 << 13
export const FEAT_MCA = 1 << 14
export const FEAT_CMOV = 1 << 15
export const FEAT_PAT = 1 << 16
export const FEAT_PSE36 = 1 << 17
export const FEAT_CLFSH = 1 << 19
export const FEAT_MMX = 1 << 23
export const FEAT_FXSR = 1 << 24
export const FEAT_SSE = 1 << 25
export const FEAT_SSE2 = 1 << 26
/** Leaf 80000001H, EDX. */
export const FEAT_NX = 1 << 20

/** What CPUID answers. Feature words are masks as the registers show them. */
export interface CpuidModel {
  /** 12 ASCII characters. */
  vendor: string
  family: number
  model: number
  stepping: number
  /** Leaf 1: EDX and ECX. */
  features: number
  featuresEcx: number
  /** Leaf 80000001H: EDX and ECX. */
  extended: number
  extendedEcx: number
  /** Up to 47 ASCII characters. */
  brand: string
  /** Whole leaves beyond these, by number (for example 0x40000000): answers for every subleaf. */
  leaves?: Readonly<Record<number, readonly [eax: number, ebx: number, ecx: number, edx: number]>>
}

/**
 * The default: an i686 with what is implemented here. Family 6 model 1CH is Intel's in-order, non-speculating core,
 * which is what this engine is: guests that choose speculation workarounds by model choose none.
 */
export const DEFAULT_CPUID: CpuidModel = {
  vendor: 'GenuineIntel',
  family: 6,
  model: 0x1c,
  stepping: 10,
  features:
    FEAT_FPU |
    FEAT_VME |
    FEAT_DE |
    FEAT_PSE |
    FEAT_TSC |
    FEAT_MSR |
    FEAT_PAE |
    FEAT_MCE |
    FEAT_CX8 |
    FEAT_APIC |
    FEAT_SEP |
    FEAT_MTRR |
    FEAT_PGE |
    FEAT_MCA |
    FEAT_CMOV |
    FEAT_PAT |
    FEAT_PSE36 |
    FEAT_CLFSH |
    FEAT_MMX |
    FEAT_FXSR |
    FEAT_SSE |
    FEAT_SSE2,
  featuresEcx: 0,
  extended: FEAT_NX,
  extendedEcx: 0,
  brand: 'Paragraft in-order IA-32 processor',
}

/** Family, model and stepping as leaf 1 EAX and the reset value of EDX have them. */
export function signature(model: CpuidModel): number {
  const family = Math.min(model.family, 15)
  const extendedFamily = model.family > 15 ? model.family - 15 : 0
  const low = (family << 8) | ((model.model & 15) << 4) | (model.stepping & 15)
  return ((extendedFamily << 20) | ((model.model >> 4) << 16) | low) >>> 0
}

/** CR4 bits that may be set with these features; the others are reserved. */
export function supportedCr4(model: CpuidModel): number {
  const has = (feature: number, bits: number): number => ((model.features & feature) !== 0 ? bits : 0)
  return (
    has(FEAT_VME, CR4_VME | CR4_PVI) |
    has(FEAT_TSC, CR4_TSD) |
    has(FEAT_DE, CR4_DE) |
    has(FEAT_PSE, CR4_PSE) |
    has(FEAT_PAE, CR4_PAE) |
    has(FEAT_MCE, CR4_MCE) |
    has(FEAT_PGE, CR4_PGE) |
    CR4_PCE |
    has(FEAT_FXSR, CR4_OSFXSR) |
    has(FEAT_SSE, CR4_OSXMMEXCPT)
  )
}

function word(text: string, at: number): number {
  let value = 0
  for (let i = 3; i >= 0; i--) value = (value << 8) | (at + i < text.length ? text.charCodeAt(at + i) & 0xff : 0)
  return value >>> 0
}

const MAX_LEAF = 7
const MAX_EXTENDED = 0x80000008

/** EAX, EBX, ECX, EDX. */
export type Leaf = readonly [number, number, number, number]
const MOST_KEPT = 64

/** EAX, EBX, ECX, EDX of one leaf. */
export function cpuidLeaf(model: CpuidModel, leaf: number): Leaf {
  const own = model.leaves?.[leaf >>> 0]
  if (own !== undefined) return own
  switch (leaf >>> 0) {
    case 0:
      return [MAX_LEAF, word(model.vendor, 0), word(model.vendor, 8), word(model.vendor, 4)]
    case 1:
      // EBX: CLFLUSH line 8 × 8 bytes, one logical processor, APIC id 0.
      return [signature(model), 0x00010800, model.featuresEcx >>> 0, model.features >>> 0]
    case 2:
      // Descriptor FFH: caches are described by leaf 4; it has none.
      return [0x00000001, 0, 0, 0x000000ff]
    case 0x80000000:
      return [MAX_EXTENDED, 0, 0, 0]
    case 0x80000001:
      return [0, 0, model.extendedEcx >>> 0, model.extended >>> 0]
    case 0x80000002:
    case 0x80000003:
    case 0x80000004: {
      const at = (leaf & 0xf) * 16 - 32
      const brand = model.brand.slice(0, 47)
      return [word(brand, at), word(brand, at + 4), word(brand, at + 8), word(brand, at + 12)]
    }
    case 0x80000008:
      // 36 physical, 32 linear address bits.
      return [0x2024, 0, 0, 0]
    default:
      return [0, 0, 0, 0]
  }
}

/** A leaf as the guest sees it: the model's, or what the ports make of it. */
export function visibleLeaf(cpu: Processor, leaf: number, subleaf: number): Leaf {
  const number = leaf >>> 0
  let own = cpu.cpuidLeaves.get(number)
  if (own === undefined) {
    own = cpuidLeaf(cpu.cpuid, number)
    // The model never changes; a guest that asks for every number there is must not fill the host's memory.
    if (cpu.cpuidLeaves.size < MOST_KEPT) cpu.cpuidLeaves.set(number, own)
  }
  return cpu.ports.cpuid?.(number, subleaf >>> 0, own) ?? own
}

/** CPUID: EAX (and ECX) in, four registers out. */
export function cpuid(cpu: Processor): void {
  const { u32 } = cpu
  cpu.cpuidCount++
  const number = u32[EAX >> 2]!
  const subleaf = u32[ECX >> 2]!
  const leaf = visibleLeaf(cpu, number, subleaf)
  if (cpu.ports.cpuid === undefined) {
    const known = (CPUID_KNOWN + (number & (CPUID_ENTRIES - 1)) * CPUID_ENTRY) >> 2
    u32.set([1, number, subleaf, 0, ...leaf], known)
  }
  cpu.u32[EAX >> 2] = leaf[0]
  cpu.u32[EBX >> 2] = leaf[1]
  cpu.u32[ECX >> 2] = leaf[2]
  cpu.u32[EDX >> 2] = leaf[3]
}
