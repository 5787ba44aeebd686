/**
 * Overlays: ROM code of a user that replaces single calls of another ROM and inherits the rest. The new code goes behind the old
 * image, the answers that it gives take the old ones' places in the table, and the result is a ROM like any other.
 */
import { findCall } from '../abi/calls.ts'
import { LICENSES, ROM_BLOCK, VMI_API_MAJOR, VMI_API_MINOR } from '../abi/rom.ts'
import { checkAnswers } from './answers.ts'
import { checkIdentity, setPciLength, stubBlock, writeTable } from './build.ts'
import { linkObjects, placeObjects } from './code.ts'
import type { OverlayDefinition } from './definition.ts'
import { romError } from './errors.ts'
import { DESCRIPTOR, Fields, SCRATCH_OFFSET, seal } from './format.ts'
import { apiFits, type Rom, readRom } from './read.ts'

const BRAND = Symbol.for('paragraft.vmi-overlay')

/** A checked overlay, branded by `Symbol.for('paragraft.vmi-overlay')`. */
export interface Overlay extends OverlayDefinition {
  readonly api: { readonly major: number; readonly minor: number }
}

/** Checks an overlay as far as that goes without its base. Throws as `buildRom`, holes excepted. */
export function defineOverlay(definition: OverlayDefinition): Overlay {
  checkIdentity(definition)
  checkAnswers(definition.name, definition.calls)
  const api = definition.api ?? { major: VMI_API_MAJOR, minor: VMI_API_MINOR }
  return Object.freeze(Object.defineProperty({ ...definition, api }, BRAND, { value: true }))
}

/** True for an overlay made by {@link defineOverlay} of any copy of this package. */
export function isOverlay(candidate: unknown): candidate is Overlay {
  return typeof candidate === 'object' && candidate !== null && BRAND in candidate
}

/**
 * Lays an overlay over a ROM. The ROM must be one of the builder's, and of an API that the overlay was written for: major
 * equal, minor at least (`PG_VMI_ROM_VERSION`). Both licences must be the same string, since the result has one
 * (`PG_VMI_ROM_LICENSE`). Throws what `buildRom` throws for code and answers.
 */
export function applyOverlay(base: Rom, overlay: Overlay): Rom {
  const { name, calls, api } = overlay
  if (!apiFits(base.api, api)) {
    throw romError(
      'PG_VMI_ROM_VERSION',
      name,
      `it is written for VMI API ${api.major}.${api.minor}, and ${base.name} has ${base.api.major}.${base.api.minor}`,
      'The major version must be equal, the minor at least.',
      { base: base.name },
    )
  }
  if (base.answers === undefined) {
    throw romError(
      'PG_VMI_ROM_DEFINITION',
      name,
      `${base.name} was not made by this builder, and hides its table of answers`,
      'Lay the overlay over a ROM that buildRom made.',
      { base: base.name },
    )
  }
  if (base.license !== overlay.license) {
    throw romError(
      'PG_VMI_ROM_LICENSE',
      name,
      `its licence is "${overlay.license}", that of ${base.name} is "${base.license}"`,
      `The result has one licence string: use the same, one of ${LICENSES.join(', ')}.`,
      { base: base.name },
    )
  }
  const stubs = stubBlock(base.bytes.length)
  const { placed, end } = placeObjects(name, overlay.objects ?? [], stubs.end)
  if (end > SCRATCH_OFFSET) {
    throw romError(
      'PG_VMI_ROM_LENGTH',
      name,
      `with ${base.name} it would have ${end} bytes`,
      `There is room for ${SCRATCH_OFFSET}.`,
      {
        end,
      },
    )
  }
  const image = new Uint8Array(Math.ceil(end / ROM_BLOCK) * ROM_BLOCK)
  image.set(base.bytes)
  const own = new Map([...stubs.symbols, ['vmi_rom', 0]])
  if (base.scratch.length > 0) own.set('vmi_scratch', SCRATCH_OFFSET)
  for (const [call, { offset }] of base.answers) if (offset !== 0 && findCall(call)) own.set(`vmi_base_${call}`, offset)
  const symbols = linkObjects(name, image, placed, own)
  stubs.write(image)
  writeTable(name, image, new Fields(image).get(DESCRIPTOR.table), calls, symbols, own)
  setPciLength(image)
  return readRom(seal(image), `${base.name} with ${name}`)
}
