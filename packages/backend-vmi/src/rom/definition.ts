/** What the author of a ROM writes: one explicit answer per call, the code that comes along, and who the ROM is. */
import type { LICENSES } from '../abi/rom.ts'

/** How a ROM answers a call. */
export type RomAnswer =
  /** The guest keeps its native code. */
  | { readonly kind: 'none' }
  /** The guest erases its call. Refused for calls with a result or a duty. */
  | { readonly kind: 'nop' }
  /** A function of the ROM's objects, by symbol; `jump` for IRET and SYSEXIT that are jumped to, with no return address. */
  | { readonly kind: 'call' | 'jump'; readonly symbol: string }
  /** The machine, by a stub in the ROM. Refused for IRET and SYSEXIT. */
  | { readonly kind: 'host' }

/** Leave the guest its native code. */
export function none(): RomAnswer {
  return { kind: 'none' }
}

/** Let the guest erase the call. */
export function nop(): RomAnswer {
  return { kind: 'nop' }
}

/** Let the guest call this function of the ROM. */
export function call(symbol: string): RomAnswer {
  return { kind: 'call', symbol }
}

/** Let the guest jump to this function of the ROM: IRET and SYSEXIT only. */
export function jump(symbol: string): RomAnswer {
  return { kind: 'jump', symbol }
}

/** Let the machine serve the call. */
export function host(): RomAnswer {
  return { kind: 'host' }
}

/** Code of a ROM or an overlay. */
export interface RomCode {
  /**
   * Relocatable objects, ELF32 for i386 (`gcc -m32 -c`). Position-independent: only PC-relative relocations, for a guest maps the
   * ROM where it likes. Beside its own and earlier objects' symbols an object may use `vmi_rom` (the ROM's first byte),
   * `vmi_scratch` (its scratch memory), `vmi_host_<call>` (a stub by which the machine serves that call), and in an overlay
   * `vmi_base_<call>` (the function that is replaced).
   */
  readonly objects?: readonly Uint8Array[]
}

/** Who a ROM is. */
export interface RomIdentity {
  /** A name without spaces; the product name that a guest prints. */
  readonly name: string
  /** Semver; major and minor, up to 255 each, are the PCI header's ROM version. */
  readonly version: string
  /** The VMI API that the code is written for. Default 3.0. */
  readonly api?: { readonly major: number; readonly minor: number }
  /**
   * The licence of all code in the ROM, as guests read it. Linux takes only these two; the builder's own code (get_reloc and the
   * like) is GPL version 2.
   */
  readonly license: (typeof LICENSES)[number]
}

export interface RomDefinition extends RomIdentity, RomCode {
  /** Default `Paragraft`. */
  readonly manufacturer?: string
  /** One answer for every call of the table (`CALLS`). */
  readonly calls: Readonly<Record<string, RomAnswer>>
  /** Bytes of zeroed memory behind the ROM, for its own use. Rounded up to pages. Default 0. */
  readonly scratch?: number
  /** The scratch memory begins with a queue of page-table updates that the machine is to take (machine/queue.ts). Default false. */
  readonly queue?: boolean
  /** The guest is asked to keep virtual addresses from here up free; 0 (the default) asks for nothing. A multiple of 4 MiB. */
  readonly virtualTop?: number
}

/** Single calls of another ROM, replaced. */
export interface OverlayDefinition extends RomIdentity, RomCode {
  /** Answers of the calls that are replaced; all others are inherited. */
  readonly calls: Readonly<Record<string, RomAnswer>>
}
