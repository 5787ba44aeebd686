/** Eras as the user names them. */
import { type Era, eraOf, findEra } from '@paragraft/core'

/** `5.0` or `5.0/x86_64`. An era that only one architecture has needs no suffix. Throws `PG_OPS_ERA`. */
export function eraByName(name: string): Era {
  const [id, arch] = name.split('/') as [string, string?]
  if (arch === 'i386' || arch === 'x86_64') return eraOf(id, arch)
  return findEra(id, 'i386') ?? findEra(id, 'x86_64') ?? eraOf(id)
}
