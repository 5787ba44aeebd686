/** Looking eras up: by id and architecture, by semver range of the ops ABI. */
import satisfies from 'semver/functions/satisfies.js'
import { ParagraftError } from '../errors.ts'
import type { Arch, Era } from './era.ts'
import { ERAS } from './eras.generated.ts'

/** The era, or undefined. `5.0` on i386 is the lite table of 6.1; ids are those of `ERAS`. */
export function findEra(id: string, arch: Arch = 'i386'): Era | undefined {
  return ERAS.find(era => era.id === id && era.arch === arch)
}

/** The era. Throws `PG_OPS_ERA` with the ids there are. */
export function eraOf(id: string, arch: Arch = 'i386'): Era {
  const era = findEra(id, arch)
  if (!era) {
    const known = ERAS.map(e => eraName(e))
    throw new ParagraftError('PG_OPS_ERA', `no era ${id} for ${arch}`, {
      fields: { era: id, arch, known },
      hint: `Known: ${known.join(', ')}.`,
    })
  }
  return era
}

/** Unambiguous name for people: `5.0/i386`. */
export function eraName(era: Era): string {
  return `${era.id}/${era.arch}`
}

/** Eras whose ops ABI is in the range, restricted to architectures and variants. */
export function erasIn(
  range: string,
  archs: readonly Arch[] = ['i386', 'x86_64'],
  variants: readonly Era['variant'][] = ['full', 'lite'],
): Era[] {
  return ERAS.filter(era => archs.includes(era.arch) && variants.includes(era.variant) && satisfies(era.abi, range))
}
