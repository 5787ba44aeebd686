/** The hardware's own heads, by the name under which a backend asks for them. */
import type { Head } from '@paragraft/core/head'
import { linuxHead } from './linux.ts'
import { multibootHead } from './multiboot.ts'

export { pcMemoryMap } from './memory-map.ts'
export { linuxHead, multibootHead }

/** Heads that every backend on PC hardware may name. */
export const hardwareHeads: ReadonlyMap<string, Head> = new Map(
  [multibootHead, linuxHead].map(head => [head.name, head]),
)
