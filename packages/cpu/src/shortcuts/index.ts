/** The shortcuts of the engines that generate WebAssembly: compiled once, instantiated over each machine's memory. */
import type { Helpers } from '../interp/wasm.ts'
import { type Emitted, prebuilt } from '../prebuilt.ts'
import { ANSWERS } from './answers.ts'
import { BLOCKS } from './blocks.ts'
import { DROPS } from './drops.ts'
import { EVENTS } from './events.ts'
import { FLUSHES } from './flushes.ts'
import { emitShortcuts } from './module.ts'
import { PAGING } from './paging.ts'
import { RESOLVE } from './resolve.ts'
import { STRINGS } from './strings.ts'
import { SYSENTER } from './sysenter.ts'

/** Name of the prebuilt module. */
export const SHORTCUTS = 'shortcuts'

/** The module of all shortcuts. */
export function emitAllShortcuts(): Emitted {
  return emitShortcuts([
    ...EVENTS,
    ...PAGING,
    ...FLUSHES,
    ...SYSENTER,
    ...STRINGS,
    ...ANSWERS,
    ...BLOCKS,
    ...DROPS,
    ...RESOLVE,
  ])
}

let compiled: { module: WebAssembly.Module; helpers: readonly string[] } | undefined

/** Shortcuts over `memory`, by the names of the helpers that they stand in front of. */
export function createShortcuts(memory: WebAssembly.Memory, helpers: Helpers): Helpers {
  if (compiled === undefined) {
    const { bytes, helpers: names } = prebuilt(SHORTCUTS, emitAllShortcuts)
    compiled = { module: new WebAssembly.Module(bytes), helpers: names }
  }
  const imports = Object.fromEntries(compiled.helpers.map(name => [name, helpers[name] as (typeof helpers)[string]]))
  return new WebAssembly.Instance(compiled.module, { e: { m: memory }, h: imports }).exports as Helpers
}
