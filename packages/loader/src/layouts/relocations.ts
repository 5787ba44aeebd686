/**
 * The relocation list that follows the kernel's ELF in a bzImage payload: the addresses of all words that hold an
 * absolute address. Every function pointer of the op table must be in it.
 *
 * Written by arch/x86/tools/relocs.c, read backwards from the end by handle_relocations() in
 * arch/x86/boot/compressed/misc.c: i386 has one list of u32 addresses, with a zero word before it.
 */
import { word32 } from './view.ts'

/** The addresses of the last list, or undefined when the bytes cannot be one. */
export function readRelocations(trailer: Uint8Array | undefined): Set<number> | undefined {
  if (trailer === undefined || trailer.length < 8 || trailer.length % 4 !== 0) return undefined
  const addresses = new Set<number>()
  for (let at = trailer.length - 4; at >= 0; at -= 4) {
    const address = word32(trailer, at)
    if (address === 0) return addresses.size > 0 ? addresses : undefined
    addresses.add(address)
  }
  // No terminator: something else.
  return undefined
}
