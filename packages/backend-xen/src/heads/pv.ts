/**
 * Head `xen-pv`: the paravirtual entry, by note or by the string `__xen_guest`. It reads what an image asks for, and says so;
 * the machine for it (a kernel in ring 1, page tables checked by type) is not part of this version, so it takes none.
 */

import type { GuestImage, Head, HeadMatch } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import { describeXen, type XenDescription } from '../notes.ts'

const hex = (value: number): string =>
  `0x${(value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value)).toString(16)}`

export const pvHead: Head = {
  name: 'xen-pv',

  probe(image: GuestImage): HeadMatch {
    const description = describeXen(image)
    if (description === undefined) {
      return { match: false, reason: "no ELF note of Xen's, and no section __xen_guest" }
    }
    const entry = image.entries.find(({ kind }) => kind === 'xen-pv')
    if (entry === undefined) return { match: false, reason: 'its notes have no ENTRY: it has no paravirtual way in' }
    return {
      match: false,
      reason: `it asks for ${wishes(description, entry.address)}, and this backend has no machine for paravirtual guests`,
    }
  },

  place(image: GuestImage): never {
    const match = pvHead.probe(image)
    throw new ParagraftError('PG_HEAD_NO_MATCH', 'the xen-pv head cannot boot this image', {
      fields: { head: 'xen-pv', reason: match.match ? '' : match.reason },
      hint: 'Run `paragraft inspect` to see which heads can.',
    })
  },
}

/** What the image wants, for a person. */
function wishes({ source, virtBase, pae, hypercallPage }: XenDescription, entry: number): string {
  const parts = [`an entry at ${hex(entry)}`]
  if (virtBase !== undefined) parts.push(`virtual base ${hex(virtBase)}`)
  if (pae !== undefined) parts.push(`PAE ${pae}`)
  if (hypercallPage !== undefined) parts.push(`hypercalls at ${hex(hypercallPage)}`)
  return `${parts.join(', ')} (by ${source === 'notes' ? 'its notes' : 'its string __xen_guest'})`
}
