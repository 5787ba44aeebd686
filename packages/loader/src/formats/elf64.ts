/**
 * ELF64 executables for x86_64, read far enough to inspect them. Virtual addresses come out signed: the kernel half
 * (0xFFFFFFFF80000000 and up) as negative numbers, which are exact where unsigned ones would not be.
 */

import { ET_EXEC, readElf, requireType, wrongArchitecture } from '@paragraft/core/elf'
import type { GuestImage } from '@paragraft/core/image'
import { elfImage } from './elf-image.ts'

/** Parses an ELF64 executable; an ELF32 one is refused with `PG_IMAGE_ARCH`. */
export function parseElf64(bytes: Uint8Array): GuestImage {
  const elf = readElf(bytes)
  if (elf.class !== 64) throw wrongArchitecture('i386 (ELF32)', 'x86_64 (ELF64)', { class: 32, machine: elf.machine })
  requireType(elf, ET_EXEC)
  return elfImage(elf)
}
