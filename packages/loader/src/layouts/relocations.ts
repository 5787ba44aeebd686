/**
 * The relocation list that follows the kernel's ELF in a bzImage payload: the addresses of all words that hold an
 * absolute address. Every function pointer of the op table must be in it.
 *
 * Written by arch/x86/tools/relocs.c, read backwards from the end by handle_relocations() in
 * arch/x86/boot/compressed/misc.c: i386 has one list of u32 addresses, with a zero word before it.
 */

/** The addresses of a list; {@link has} is a scan, since few are ever asked for and a kernel has half a million. */
export interface RelocationList {
  size: number
  has(address: number): boolean
}

/** The last list, or undefined when the bytes cannot be one. */
export function readRelocations(trailer: Uint8Array | undefined): RelocationList | undefined {
  if (trailer === undefined || trailer.length < 8 || trailer.length % 4 !== 0) return undefined
  const words = new Uint32Array(trailer.slice().buffer)
  const terminator = words.lastIndexOf(0)
  // No terminator: something else.
  if (terminator < 0 || terminator === words.length - 1) return undefined
  const list = words.subarray(terminator + 1)
  return { size: list.length, has: address => list.includes(address) }
}
