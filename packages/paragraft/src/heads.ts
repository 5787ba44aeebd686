/** Which of a backend's heads boots an image: each is asked, none guesses. */
import { admit, type Backend, type GuestImage, type Head, type HeadMatch, type OpsModule } from '@paragraft/core'
import { isParagraftError, ParagraftError } from '@paragraft/core/errors'
import {
  type GraftPlan,
  type GraftRequest,
  hardwareHeads,
  planGraft,
  planLateGraft,
  requireLayout,
} from '@paragraft/loader'
import type { LateModule } from './late-ops.ts'

/** A head's answer about an image. */
export interface HeadAnswer {
  head: string
  match: HeadMatch
  /** The module whose entrypoint the answer is about, when the image has none of its own. */
  module?: string
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

/** A module's entrypoint for a head that the image has none for, with the graft that it is part of. */
export interface BroughtWay {
  readonly module: string
  readonly plan: GraftPlan
  /** The image with that entrypoint. */
  readonly image: GuestImage
}

/** The graft in which a head's entrypoint is the one that a module brings for it; undefined where none does. */
export type WaysIn = (head: Head) => BroughtWay | undefined

/** A head, and what it says about an image; with what a module brings for it, where the answer is about that. */
interface Asked {
  readonly head: Head
  readonly match: HeadMatch
  readonly brought?: BroughtWay
}

/**
 * The last of the modules that brings an entrypoint for the head has its way, for an image that has none of its own. Planning
 * throws what `admit`, `requireLayout` and `planGraft` throw.
 */
export function waysIn(image: GuestImage, modules: readonly OpsModule[], memorySize: number): WaysIn {
  return head => {
    const module = modules.findLastIndex(({ entries }) => entries !== undefined && Object.hasOwn(entries, head.name))
    const entry = modules[module]?.entries?.[head.name]
    if (entry === undefined) return undefined
    const { symbol, says } = entry
    const plan = planOps(image, modules, { module, symbol }, head, memorySize)
    const { name } = modules[module] as OpsModule
    const way = { kind: head.name, address: plan.originalEntry, module: name, ...(says === undefined ? {} : { says }) }
    return { module: name, plan, image: { ...image, entries: [...image.entries, way] } }
  }
}

/** The graft of modules onto an image, for a head that enters it at `entry`. */
export function planOps(
  image: GuestImage,
  modules: readonly OpsModule[],
  entry: GraftRequest['entry'],
  head: Head,
  memorySize: number,
): GraftPlan {
  const layout = requireLayout(image)
  return planGraft({
    image,
    layout,
    modules: modules.map(module => admit(module, layout)),
    entry,
    memorySize,
    ...(head.paging === undefined ? {} : { paging: head.paging }),
  })
}

/** A graft for each module that is installed later than at entry, below the one that is. */
export function planLateOps(
  image: GuestImage,
  modules: readonly OpsModule[],
  atEntry: GraftPlan | undefined,
  entry: number,
  memorySize: number,
): LateModule[] {
  if (modules.length === 0) return []
  const layout = requireLayout(image)
  const late: LateModule[] = []
  for (const module of modules) {
    const request = { image, layout, modules: [admit(module, layout)], entry, memorySize }
    const plan = planLateGraft(
      request,
      atEntry,
      late.map(planned => planned.plan),
    )
    late.push({ module, plan })
  }
  return late
}

/** Asks a head about an image as it is, and when it declines, with what a module brings for it. */
function ask(head: Head, image: GuestImage, ways: WaysIn): Asked {
  const match = head.probe(image)
  const brought = match.match ? undefined : ways(head)
  return brought === undefined ? { head, match } : { head, match: head.probe(brought.image), brought }
}

/** What every head of a backend says about an image; a graft that cannot be planned is a reason too. */
export function askHeads(backend: Backend, image: GuestImage, ways: WaysIn = () => undefined): HeadAnswer[] {
  return headsOf(backend).map(head => {
    try {
      const { match, brought } = ask(head, image, ways)
      return { head: head.name, match, ...(brought === undefined ? {} : { module: brought.module }) }
    } catch (error) {
      if (!isParagraftError(error)) throw error
      return { head: head.name, match: { match: false, reason: error.message } }
    }
  })
}

/** The head that boots an image, and the entry that it will use. */
export interface ChosenHead {
  readonly head: Head
  readonly entry: number
  /** Set when a module brought that entry: the image to be placed, and the graft. */
  readonly brought?: BroughtWay
}

/**
 * The first head, in the backend's order, that boots the image, by an entry of its own or of a module's. Throws
 * `PG_HEAD_NO_MATCH` with every reason, and what planning throws where a module brings an entry.
 */
export function chooseHead(backend: Backend, image: GuestImage, ways: WaysIn): ChosenHead {
  const reasons: Record<string, string> = {}
  for (const head of headsOf(backend)) {
    const { match, brought } = ask(head, image, ways)
    if (match.match) return { head, entry: match.entry, ...(brought === undefined ? {} : { brought }) }
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
