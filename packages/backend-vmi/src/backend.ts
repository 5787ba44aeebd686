/** The backend: its options, and from them a ROM and the machine under it. */
import type {} from '@paragraft/core/backends'
import { ParagraftError } from '@paragraft/core/errors'
import { type BackendOptions, type BackendOptionValues, defineBackend, type OptionsOf } from '@paragraft/core/ops'
import { VMI_SIGNATURE } from './abi/rom.ts'
import { VmiMachine } from './machine/machine.ts'
import { applyOverlay, isOverlay } from './rom/overlay.ts'
import { type Rom, readRom } from './rom/read.ts'
import { builtInRom, ROM_NAMES } from './rom/roms.ts'

/** Nothing would be left to the guest beyond. */
const MOST_STOLEN = 90

const OPTIONS = {
  rom: {
    says: 'the ROM: plain, deferred, a file, or a package that exports what buildRom returns',
    kind: 'artefact',
    choices: ROM_NAMES,
  },
  overlay: { says: 'a package that exports what defineOverlay returns, laid over the ROM', kind: 'artefact' },
  stolen: { says: `per cent of time reported as stolen, 0 to ${MOST_STOLEN}`, kind: 'number' },
} as const satisfies BackendOptions

/** The options as a config has them. */
export type VmiOptions = OptionsOf<typeof OPTIONS>

declare module '@paragraft/core/backends' {
  interface BackendOptionTypes {
    vmi: VmiOptions
    '@paragraft/backend-vmi': VmiOptions
  }
}

/**
 * A PC with a VMI ROM in it. Options: `rom` – `plain` (the default), `deferred`, the bytes of a ROM, or what `buildRom` returned;
 * `overlay` – what `defineOverlay` returned, laid over that ROM; `stolen` – per cent of time that the guest is told somebody
 * else had the processor, 0 to 90.
 */
export const vmi = defineBackend({
  name: 'vmi',
  version: '0.1.0',
  apiVersion: '^1.1.0',
  supports: ['ops', 'late-ops', 'disk', 'devices', 'snapshot', 'guests:plain', 'vmi:rom'],
  heads: ['multiboot', 'linux'],
  board: 'pc',
  options: OPTIONS,
  knownBy: ({ segments }) => segments.some(({ bytes }) => holds(bytes, VMI_SIGNATURE)),
  create: ports => new VmiMachine(ports, romOf(ports.options), stolenOf(ports.options)),
})

/** Whether a little-endian word is anywhere in these bytes. A kernel that looks for a ROM compares with its signature. */
function holds(bytes: Uint8Array, word: number): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  for (
    let at = bytes.indexOf(word & 0xff);
    at >= 0 && at + 4 <= bytes.length;
    at = bytes.indexOf(word & 0xff, at + 1)
  ) {
    if (view.getUint32(at, true) === word) return true
  }
  return false
}

/** The ROM that the options ask for. Throws the `PG_VMI_ROM_…` codes and `PG_BACKEND_OPTION`. */
export function romOf({ rom = 'plain', overlay }: BackendOptionValues): Rom {
  const base = baseOf(rom)
  if (overlay === undefined) return base
  if (isOverlay(overlay)) return applyOverlay(base, overlay)
  throw badOption('overlay', 'what defineOverlay returned')
}

function baseOf(rom: unknown): Rom {
  const name = ROM_NAMES.find(known => known === rom)
  if (name !== undefined) return builtInRom(name)
  if (rom instanceof Uint8Array) return readRom(rom)
  // A ROM of another copy of this package, or one that somebody changed: only its bytes count.
  const bytes = typeof rom === 'object' && rom !== null ? (rom as Partial<Rom>).bytes : undefined
  if (bytes instanceof Uint8Array) return readRom(bytes)
  throw badOption('rom', `${ROM_NAMES.join(', ')}, the bytes of a ROM, or what buildRom returned`)
}

function stolenOf({ stolen = 0 }: BackendOptionValues): number {
  if (typeof stolen === 'number' && Number.isInteger(stolen) && stolen >= 0 && stolen <= MOST_STOLEN) return stolen
  throw badOption('stolen', `a whole number from 0 to ${MOST_STOLEN}`)
}

function badOption(option: string, wants: string): ParagraftError {
  return new ParagraftError('PG_BACKEND_OPTION', `option ${option} of backend vmi must be ${wants}`, {
    fields: { backend: 'vmi', option },
    hint: `Give ${option} ${wants}.`,
  })
}
