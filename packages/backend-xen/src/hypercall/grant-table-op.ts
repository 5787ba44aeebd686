/**
 * grant_table_op, version 1 (xen/common/grant_table.c): a command, an array of structures, and how many. Each structure has
 * a status of its own. No other domain grants the guest anything.
 */
import { EFAULT, EINVAL, ENOSYS } from '../abi/errno.ts'
import * as abi from '../abi/grant-table.ts'
import type { Field, Layout } from '../abi/layout.ts'
import { BACKEND_DOMID, DOMID_SELF, GUEST_DOMID, PAGE_SIZE } from '../abi/xen.ts'
import { type Domain, readStruct, writeStruct, writeWord } from '../domain.ts'
import { MAX_GRANT_FRAMES } from '../grant-table.ts'
import type { Continuation } from './preemption.ts'

const INVALID_GFN = 0xffff_ffff

export function grantTableOp(domain: Domain, args: readonly number[]): number | Continuation {
  const [command, address, count] = args
  const at = address!
  if (count! > 0x7fff_ffff) return -EINVAL
  switch (command) {
    case abi.GNTTABOP_MAP_GRANT_REF:
      return each(domain, args, abi.GNTTAB_MAP_GRANT_REF, values => ({
        status: map(domain, values),
        handle: abi.GNTST_BAD_HANDLE,
      }))
    case abi.GNTTABOP_UNMAP_GRANT_REF:
      return each(domain, args, abi.GNTTAB_UNMAP_GRANT_REF, () => ({ status: abi.GNTST_BAD_HANDLE }))
    case abi.GNTTABOP_SETUP_TABLE:
      return count === 1 ? setupTable(domain, at) : -EINVAL
    case abi.GNTTABOP_QUERY_SIZE:
      if (count !== 1) return -EINVAL
      return each(domain, args, abi.GNTTAB_QUERY_SIZE, ({ dom }) =>
        isSelf(dom!)
          ? { nrFrames: domain.grants.size, maxNrFrames: MAX_GRANT_FRAMES, status: abi.GNTST_OKAY }
          : { status: dom === BACKEND_DOMID ? abi.GNTST_PERMISSION_DENIED : abi.GNTST_BAD_DOMAIN },
      )
    case abi.GNTTABOP_COPY:
      return each(domain, args, abi.GNTTAB_COPY, values => ({ status: copy(domain, values) }))
    case abi.GNTTABOP_SET_VERSION: {
      const values = readStruct(domain, at, abi.GNTTAB_SET_VERSION)
      if (values === undefined) return -EFAULT
      // Version 2 is absent, as with gnttab=max-ver:1.
      if (values.version === 2) return -ENOSYS
      return values.version === 1 ? 0 : -EINVAL
    }
    case abi.GNTTABOP_GET_VERSION: {
      const values = readStruct(domain, at, abi.GNTTAB_GET_VERSION)
      if (values === undefined) return -EFAULT
      if (!isSelf(values.dom)) return -EINVAL
      return writeStruct(domain, at, abi.GNTTAB_GET_VERSION, { ...values, version: 1 }) ? 0 : -EFAULT
    }
    default:
      domain.reporter.report(`grant_table_op ${command}`, `the guest asked for grant table operation ${command}`)
      return -ENOSYS
  }
}

export function isSelf(domid: number): boolean {
  return domid === DOMID_SELF || domid === GUEST_DOMID
}

export function isKnown(domid: number): boolean {
  return isSelf(domid) || domid === BACKEND_DOMID
}

/**
 * A limit of translated guests: other domains grant nothing, and what the guest grants itself would be one page at two frames, which
 * its memory here cannot be. Refused as GNTST_general_error, and reported.
 */
function map(domain: Domain, values: Record<string, number>): number {
  const { dom, ref, flags } = values as Record<'dom' | 'ref' | 'flags', number>
  if (!isKnown(dom)) return abi.GNTST_BAD_DOMAIN
  if (!isSelf(dom)) return abi.GNTST_BAD_GNTREF
  const write = (flags & abi.GNTMAP_READONLY) === 0
  const address = domain.grants.pin(ref, GUEST_DOMID, write)
  if (address < 0) return address
  domain.grants.unpin(ref, write)
  domain.reporter.report(
    'grant map',
    'the guest asked to map a page that it granted itself; here a page has one frame, and the mapping is refused',
  )
  return abi.GNTST_GENERAL_ERROR
}

/** Serves an array of structures; what a service answers is written into its structure. */
export function each<Fields extends Readonly<Record<string, Field>>>(
  domain: Domain,
  [command, at, count]: readonly number[],
  layout: Layout<Fields>,
  serve: (values: Record<string, number>) => Partial<Record<keyof Fields, number>>,
): number | Continuation {
  for (let i = 0; i < count!; i++) {
    const address = (at! + i * layout.size) >>> 0
    const values = readStruct(domain, address, layout)
    if (values === undefined) return -EFAULT
    const answer = serve(values as Record<string, number>)
    if (!writeStruct(domain, address, layout, { ...(values as Record<keyof Fields, number>), ...answer }))
      return -EFAULT
    if (domain.preemption.spend() && i + 1 < count!) return { args: [command!, address + layout.size, count! - i - 1] }
  }
  return 0
}

/** The table's frames by number; of a translated guest only those that it has placed have one. */
function setupTable(domain: Domain, at: number): number {
  const values = readStruct(domain, at, abi.GNTTAB_SETUP_TABLE)
  if (values === undefined) return -EFAULT
  if (values.nrFrames > MAX_GRANT_FRAMES) return -EINVAL
  let status = isSelf(values.dom) ? abi.GNTST_OKAY : abi.GNTST_BAD_DOMAIN
  if (values.dom === BACKEND_DOMID) status = abi.GNTST_PERMISSION_DENIED
  for (let i = 0; status === abi.GNTST_OKAY && i < values.nrFrames; i++) {
    const address = domain.grants.frame(i)!.address
    const gfn = address === null ? INVALID_GFN : address / PAGE_SIZE
    if (!writeWord(domain, values.frameList + 4 * i, gfn)) return -EFAULT
  }
  return writeStruct(domain, at, abi.GNTTAB_SETUP_TABLE, { ...values, status }) ? 0 : -EFAULT
}

/** A page to copy from or to, for as long as that takes. */
interface CopySide {
  readonly address: number
  release(): void
}

/** Within pages of the guest's own, by frame or by a grant that it has given itself (gnttab_copy_one). */
function copy(domain: Domain, values: Record<string, number>): number {
  const { len, flags, sourceOffset, destOffset } = values as Record<
    'len' | 'flags' | 'sourceOffset' | 'destOffset',
    number
  >
  if (sourceOffset + len > PAGE_SIZE || destOffset + len > PAGE_SIZE) return abi.GNTST_BAD_COPY_ARG
  const source = claim(
    domain,
    values['sourceRef']!,
    values['sourceDomid']!,
    (flags & abi.GNTCOPY_SOURCE_GREF) !== 0,
    false,
  )
  if (typeof source === 'number') return source
  const dest = claim(domain, values['destRef']!, values['destDomid']!, (flags & abi.GNTCOPY_DEST_GREF) !== 0, true)
  if (typeof dest !== 'number') {
    domain.memory.write(dest.address + destOffset, domain.memory.read(source.address + sourceOffset, len))
    dest.release()
  }
  source.release()
  return typeof dest === 'number' ? dest : abi.GNTST_OKAY
}

/** One side of a copy, or a status (gnttab_copy_lock_domain, gnttab_copy_claim_buf). */
function claim(
  { grants, frames }: Domain,
  ref: number,
  domid: number,
  byGrant: boolean,
  write: boolean,
): CopySide | number {
  if (!byGrant && domid !== DOMID_SELF) return abi.GNTST_PERMISSION_DENIED
  if (!isKnown(domid)) return abi.GNTST_BAD_DOMAIN
  if (!isSelf(domid)) return abi.GNTST_BAD_GNTREF
  if (byGrant) {
    const address = grants.pin(ref, GUEST_DOMID, write)
    return address < 0 ? address : { address, release: () => grants.unpin(ref, write) }
  }
  const address = frames.address(ref)
  if (address === undefined) return abi.GNTST_BAD_PAGE
  return frames.hold(ref, write) ? { address, release: () => frames.release(ref, write) } : abi.GNTST_GENERAL_ERROR
}
