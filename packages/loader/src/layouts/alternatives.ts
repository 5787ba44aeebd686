/**
 * `.altinstructions`: text that the kernel replaces according to processor features, after it has patched its
 * paravirtual sites. An entry that covers a site takes the call away from the table for good.
 *
 * Forms of `struct alt_instr` (arch/x86/include/asm/alternative.h), all self-relative and packed:
 *   12 bytes  5.10 … 6.2   s32 instr, s32 replacement, u16 cpuid (bit 15: NOT, since 5.13), u8 length, u8 repl. length
 *   14 bytes  6.3 …        s32 instr, s32 replacement, u16 cpuid, u16 flags (bit 0: NOT, bit 1: direct call), u8, u8
 *   13 bytes  4.0 … 5.9    s32 instr, s32 replacement, u16 cpuid, u8 length, u8 repl. length, u8 padding length
 *
 * Lock sites are no loss: `paravirt_set_cap` forces PVUNLOCK and VCPUPREEMPT when their slots are not native, and the
 * entries say NOT those. Everything else that covers a site of a replaced slot has to be neutralised before entry.
 */
import type { CallSite } from '@paragraft/core/layout'
import { type ImageView, word16, word32 } from './view.ts'

/** cpufeatures.h: words of 32 feature bits. */
export const X86_FEATURE_ALWAYS = 3 * 32 + 21
export const X86_FEATURE_PVUNLOCK = 8 * 32 + 20
export const X86_FEATURE_VCPUPREEMPT = 8 * 32 + 21

/** ALTINSTR_FLAG_INV in the 12-byte form. */
const FLAG_INV = 1 << 15
/** ALT_FLAG_NOT in the 14-byte form. */
const ALT_FLAG_NOT = 1 << 0
const ALT_FLAG_DIRECT_CALL = 1 << 1

/** One entry. */
export interface AltInstr {
  /** Address of the entry itself. */
  entryVa: number
  entrySize: number
  /** The text it would replace. */
  va: number
  length: number
  feature: number
  /** Replaced when the processor lacks the feature. */
  not: boolean
  /** ALT_FLAG_DIRECT_CALL (6.8 and up): a paravirtual call site. */
  directCall: boolean
}

/** A change that keeps one entry from ever being applied. */
export interface Scrub {
  /** Address of the bytes to be changed, inside the entry. */
  va: number
  bytes: Uint8Array
  /** The site it saves. */
  siteVa: number
  slot: number
  what: string
}

/** Every entry, or undefined when there is no section or no known form fits all of it. */
export function readAlternatives(view: ImageView): AltInstr[] | undefined {
  const section = view.section('.altinstructions')
  if (section === undefined || section.bytes.length === 0) return undefined
  for (const size of [12, 14, 13]) {
    const entries = readForm(view, section.vaddr, section.bytes, size)
    if (entries !== undefined) return entries
  }
  return undefined
}

function readForm(view: ImageView, vaddr: number, bytes: Uint8Array, size: number): AltInstr[] | undefined {
  if (bytes.length % size !== 0) return undefined
  const lengths = size === 14 ? 12 : 10
  const entries: AltInstr[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const entryVa = vaddr + at
    const va = (entryVa + word32(bytes, at)) % 0x1_0000_0000
    const length = bytes[at + lengths] ?? 0
    // The one test that a wrong size cannot pass for long: every entry replaces text.
    if (!view.isCode(va) || (bytes[at + lengths + 1] ?? 0) > length) return undefined
    const cpuid = word16(bytes, at + 8)
    const flags = size === 14 ? word16(bytes, at + 10) : size === 12 && (cpuid & FLAG_INV) !== 0 ? ALT_FLAG_NOT : 0
    entries.push({
      entryVa,
      entrySize: size,
      va,
      length,
      feature: size === 12 ? cpuid & ~FLAG_INV : cpuid,
      not: (flags & ALT_FLAG_NOT) !== 0,
      directCall: (flags & ALT_FLAG_DIRECT_CALL) !== 0,
    })
  }
  return entries
}

/** Pairs of an entry and a site of one of the `slots` that it covers. */
function overlaps(
  entries: readonly AltInstr[],
  sites: readonly CallSite[],
  slots: ReadonlySet<number>,
): { entry: AltInstr; site: CallSite }[] {
  const wanted = sites.filter(site => slots.has(site.slot)).sort((a, b) => a.va - b.va)
  const found: { entry: AltInstr; site: CallSite }[] = []
  for (const entry of entries) {
    // First site that ends after the entry begins.
    let low = 0
    let high = wanted.length
    while (low < high) {
      const middle = (low + high) >> 1
      const site = wanted[middle] as CallSite
      if (site.va + site.length <= entry.va) low = middle + 1
      else high = middle
    }
    for (let i = low; i < wanted.length; i++) {
      const site = wanted[i] as CallSite
      if (site.va >= entry.va + entry.length) break
      found.push({ entry, site })
    }
  }
  return found
}

/** True when the kernel itself keeps this entry away from a replaced slot, or takes the slot's function for it. */
function handledByKernel(entry: AltInstr): boolean {
  // alt_replace_call() reads the table when it patches: such an entry follows a replaced slot.
  if (entry.directCall) return true
  return entry.not && (entry.feature === X86_FEATURE_PVUNLOCK || entry.feature === X86_FEATURE_VCPUPREEMPT)
}

/**
 * The changes that keep the sites of the replaced `slots` calling through the table. Each entry becomes "NOT ALWAYS",
 * a condition that no processor meets; the 13-byte form has no NOT and gets a feature bit that only AMD K6 processors
 * have (X86_FEATURE_K6_MTRR, 3·32+1).
 */
export function scrubs(
  entries: readonly AltInstr[],
  sites: readonly CallSite[],
  slots: ReadonlySet<number>,
): { scrubs: Scrub[]; leftToKernel: number } {
  const out: Scrub[] = []
  let leftToKernel = 0
  for (const { entry, site } of overlaps(entries, sites, slots)) {
    if (handledByKernel(entry)) {
      leftToKernel++
      continue
    }
    const never = neverApplies(entry.entrySize)
    const was = `${entry.not ? 'NOT ' : ''}feature ${entry.feature >> 5}*32+${entry.feature & 31}`
    out.push({
      va: entry.entryVa + 8,
      bytes: never,
      siteVa: site.va,
      slot: site.slot,
      what: `alternative for ${was}, ${entry.length} bytes at 0x${entry.va.toString(16)}`,
    })
  }
  return { scrubs: out, leftToKernel }
}

const X86_FEATURE_K6_MTRR = 3 * 32 + 1

function neverApplies(entrySize: number): Uint8Array {
  const le16 = (value: number): number[] => [value & 0xff, value >> 8]
  if (entrySize === 12) return Uint8Array.from(le16(X86_FEATURE_ALWAYS | FLAG_INV))
  if (entrySize === 14) return Uint8Array.from([...le16(X86_FEATURE_ALWAYS), ...le16(ALT_FLAG_NOT)])
  return Uint8Array.from(le16(X86_FEATURE_K6_MTRR))
}
