/** The flat descriptor table that the PC's boot protocols promise (Linux Documentation/arch/x86/boot.rst, "32-bit boot protocol"). */

/** `__BOOT_CS`: flat 4 GB code, execute/read. */
export const BOOT_CS = 0x10
/** `__BOOT_DS`: flat 4 GB data, read/write. */
export const BOOT_DS = 0x18

/** Two null descriptors, then `__BOOT_CS` and `__BOOT_DS` (SDM vol. 3A §3.4.5: G, D/B, P, S; types 0xB and 0x3, accessed). */
export function flatGdt(): Uint8Array {
  const table = new Uint8Array(32)
  const flat = (offset: number, access: number): void => {
    table.set([0xff, 0xff, 0x00, 0x00, 0x00, access, 0xcf, 0x00], offset)
  }
  flat(BOOT_CS, 0x9b)
  flat(BOOT_DS, 0x93)
  return table
}

/** CR0 at entry: PE, and ET which is hard-wired (SDM vol. 3A §2.5). Paging is off. */
export const CR0_PE_ET = 0x11
/** EFLAGS at entry: only the bit that is always one; IF = 0. */
export const EFLAGS_START = 0x2
