/** ROMs: building them, reading them, laying overlays over them. */
export { buildRom } from './build.ts'
export * from './definition.ts'
export { seal } from './format.ts'
export { applyOverlay, defineOverlay, isOverlay, type Overlay } from './overlay.ts'
export { apiFits, type Rom, type RomEntry, readRom } from './read.ts'
export { builtInRom, DEFERRED, PLAIN, ROM_NAMES } from './roms.ts'
