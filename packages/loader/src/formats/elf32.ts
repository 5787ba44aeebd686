/** ELF32 executables for i386: program headers, sections, symbols, notes (gABI; i386 psABI). */

import { ET_EXEC, readElf, requireType, wrongArchitecture } from '@paragraft/core/elf'
import type { GuestImage } from '@paragraft/core/image'
import { elfImage } from './elf-image.ts'

/** Parses an ELF32 executable; an ELF64 one is refused with `PG_IMAGE_ARCH`. */
export function parseElf32(bytes: Uint8Array): GuestImage {
  const elf = readElf(bytes)
  if (elf.class !== 32) throw wrongArchitecture('x86_64 (ELF64)', 'i386 (ELF32)', { class: 64, machine: elf.machine })
  requireType(elf, ET_EXEC)
  return elfImage(elf)
}
