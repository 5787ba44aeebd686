/** Which of a backend's heads boots an image: each is asked, none guesses. */
import type { Backend, GuestImage, Head, HeadMatch } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import { hardwareHeads } from '@paragraft/loader'

/** A head's answer about an image. */
export interface HeadAnswer {
  head: string
  match: HeadMatch
}

/** A backend's heads, the hardware's own included that it names. Throws `PG_HEAD_UNKNOWN`. */
export function headsOf(backend: Backend): Head[] {
  return backend.heads.map(entry => {
    if (typeof entry !== 'string') return entry
    const head = hardwareHeads.get(entry)
    if (head !== undefined) return head
    throw new ParagraftError('PG_HEAD_UNKNOWN', `backend ${backend.name} boots by a head ${entry} that is not there`, {
      fields: { backend: backend.name, head: entry },
      hint: `The hardware's heads are ${[...hardwareHeads.keys()].join(', ')}; a backend brings others along itself.`,
    })
  })
}

/** What every head of a backend says about an image. */
export function askHeads(backend: Backend, image: GuestImage): HeadAnswer[] {
  return headsOf(backend).map(head => ({ head: head.name, match: head.probe(image) }))
}

/**
 * The first head, in the backend's order, that boots the image, and the entry that it will use. Throws
 * `PG_HEAD_NO_MATCH` with every reason.
 */
export function chooseHead(backend: Backend, image: GuestImage): { head: Head; entry: number } {
  const heads = headsOf(backend)
  const reasons: Record<string, string> = {}
  for (const head of heads) {
    const match = head.probe(image)
    if (match.match) return { head, entry: match.entry }
    reasons[head.name] = match.reason
  }
  const text = Object.entries(reasons)
    .map(([head, reason]) => `${head}: ${reason}`)
    .join('; ')
  throw new ParagraftError('PG_HEAD_NO_MATCH', `backend ${backend.name} cannot boot this image (${text})`, {
    fields: { backend: backend.name, format: image.format, reasons },
    hint: 'paragraft inspect says which backends and heads can.',
  })
}
