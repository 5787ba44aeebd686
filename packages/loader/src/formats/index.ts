/** Image formats: what a file is, and what is in it. */

export type {
  LinkedObject,
  LinkOptions,
  ObjectFile,
  ObjectRelocation,
  ObjectSection,
  ObjectSymbol,
} from '@paragraft/core/elf'
export { isElf, link, objectExtent, readObject } from '@paragraft/core/elf'
export { isBzImage, parseBzImage } from './bzimage.ts'
export type { ParseOptions } from './detect.ts'
export { parseImage } from './detect.ts'
export { parseElf32 } from './elf32.ts'
export { parseElf64 } from './elf64.ts'
export { findMultiboot1, parseMultibootKludge } from './multiboot1.ts'
