/**
 * Grants mapped into a paravirtual guest's page tables (xen/common/grant_table.c, map_grant_ref and unmap_common;
 * xen/arch/x86/pv/grant_table.c). The entry is the hypervisor's, and an unmapping takes it away: a guest that drops it otherwise has a
 * handle for good. Other domains grant this one nothing; it may grant to itself.
 */

import type { Snapshotable } from '@paragraft/core/ports'
import { EINVAL } from '../../abi/errno.ts'
import * as abi from '../../abi/grant-table.ts'
import { GUEST_DOMID, PAGE_SIZE } from '../../abi/xen.ts'
import { each, grantTableOp, isKnown, isSelf } from '../../hypercall/grant-table-op.ts'
import type { Continuation } from '../../hypercall/preemption.ts'
import type { ParavirtualDomain } from '../ports.ts'
import { frameOf, PAGE_ACCESSED, PAGE_AVAIL, PAGE_DIRTY, PAGE_NX, PAGE_PRESENT, PAGE_RW, PAGE_USER } from './entries.ts'
import { PGT_l1_page_table } from './frame-table.ts'

/** Xen's default: 1024 frames of 256 (gnttab_max_maptrack_frames). */
const MAX_HANDLES = 1024 * 256
const INVALID_HANDLE = 0xffff_ffff
const AVAIL_SHIFT = 9
const ENTRY_SIZE = 8
const INT_MAX = 0x7fff_ffff

/** A mapping by its handle: a use of a grant for the processor, one for devices, or both. */
export interface Mapping {
  readonly ref: number
  readonly mfn: number
  readonly write: boolean
  host: boolean
  device: boolean
  /** Flags that say where and how, as they were given. */
  readonly flags: number
}

export interface GrantMappingsState {
  mappings: [handle: number, mapping: Mapping][]
  /** Handles to be had again, last first. */
  freed: number[]
}

/** The mappings of one domain. */
export class GrantMappings implements Snapshotable<GrantMappingsState> {
  readonly #mappings = new Map<number, Mapping>()
  readonly #freed: number[] = []

  save(): GrantMappingsState {
    const mappings = Array.from(this.#mappings, ([handle, mapping]): [number, Mapping] => [handle, { ...mapping }])
    return { mappings, freed: [...this.#freed] }
  }

  restore({ mappings, freed }: GrantMappingsState): void {
    this.#mappings.clear()
    for (const [handle, mapping] of mappings) this.#mappings.set(handle, { ...mapping })
    this.#freed.splice(0, this.#freed.length, ...freed)
  }

  all(): Iterable<Mapping> {
    return this.#mappings.values()
  }

  add(mapping: Mapping): number | undefined {
    if (this.#mappings.size >= MAX_HANDLES) return undefined
    const handle = this.#freed.pop() ?? this.#mappings.size
    this.#mappings.set(handle, mapping)
    return handle
  }

  get(handle: number): Mapping | undefined {
    return this.#mappings.get(handle)
  }

  remove(handle: number): void {
    if (this.#mappings.delete(handle)) this.#freed.push(handle)
  }
}

/** grant_table_op of a paravirtual domain: what {@link grantTableOp} has, and mapping. */
export function pvGrantTableOp(domain: ParavirtualDomain, args: readonly number[]): number | Continuation {
  const [command, , count] = args
  if (count! > INT_MAX) return -EINVAL
  switch (command) {
    case abi.GNTTABOP_MAP_GRANT_REF:
      return each(domain, args, abi.GNTTAB_MAP_GRANT_REF, values => map(domain, values))
    case abi.GNTTABOP_UNMAP_GRANT_REF:
      return each(domain, args, abi.GNTTAB_UNMAP_GRANT_REF, values => ({
        status: unmap(domain, values['handle']!, values['hostAddr']!, values['devBusAddr']!, 0),
      }))
    case abi.GNTTABOP_UNMAP_AND_REPLACE:
      return each(domain, args, abi.GNTTAB_UNMAP_AND_REPLACE, values => ({
        status: unmap(domain, values['handle']!, values['hostAddr']!, 0, values['newAddr']!),
      }))
    default:
      return grantTableOp(domain, args)
  }
}

function map(domain: ParavirtualDomain, values: Record<string, number>) {
  const { dom, ref, flags, hostAddr } = values as Record<'dom' | 'ref' | 'flags' | 'hostAddr', number>
  const { grants, mm } = domain
  const host = (flags & abi.GNTMAP_HOST_MAP) !== 0
  const device = (flags & abi.GNTMAP_DEVICE_MAP) !== 0
  const write = (flags & abi.GNTMAP_READONLY) === 0
  if (!host && !device) return { status: abi.GNTST_BAD_GNTREF }
  if (!isKnown(dom)) return { status: abi.GNTST_BAD_DOMAIN }
  if (!isSelf(dom)) return { status: abi.GNTST_BAD_GNTREF }
  // Each use is a pin of its own.
  const uses = Number(host) + Number(device)
  const undo = (count: number): void => {
    for (let i = 0; i < count; i++) grants.unpin(ref, write)
  }
  let page = 0
  for (let use = 0; use < uses; use++) {
    page = grants.pin(ref, GUEST_DOMID, write)
    if (page >= 0) continue
    undo(use)
    return { status: page }
  }
  const mfn = page / PAGE_SIZE
  const status = host ? createEntry(domain, hostAddr, mfn, flags) : abi.GNTST_OKAY
  const handle = status === abi.GNTST_OKAY ? mm.grants.add({ ref, mfn, write, host, device, flags }) : undefined
  if (handle === undefined) {
    undo(uses)
    return { status: status === abi.GNTST_OKAY ? abi.GNTST_NO_SPACE : status, handle: INVALID_HANDLE }
  }
  return { status: abi.GNTST_OKAY, handle, devBusAddr: page }
}

/** create_grant_pv_mapping: the hypervisor's entry in place of the guest's. */
function createEntry(domain: ParavirtualDomain, address: number, mfn: number, flags: number): number {
  const { mm, memory } = domain
  const at = entryAt(domain, address, flags)
  if (at === undefined) return abi.GNTST_GENERAL_ERROR
  const old = [memory.read32(at), memory.read32(at + 4)] as const
  mm.tables.write(at, mfn * PAGE_SIZE + entryFlags(flags), PAGE_NX)
  mm.references.putL1e(...old)
  return abi.GNTST_OKAY
}

/** The low flags of an entry for a grant (grant_to_pte_flags). */
function entryFlags(flags: number): number {
  return (
    PAGE_PRESENT |
    PAGE_ACCESSED |
    PAGE_DIRTY |
    ((flags & abi.GNTMAP_APPLICATION_MAP) !== 0 ? PAGE_USER : 0) |
    ((flags & abi.GNTMAP_READONLY) !== 0 ? 0 : PAGE_RW) |
    (((flags >>> abi.GNTMAP_GUEST_AVAIL_SHIFT) << AVAIL_SHIFT) & PAGE_AVAIL)
  )
}

/** The entry that is meant, in a page table of the guest's that is in use: by its machine address, or by the linear address that it is for. */
function entryAt({ mm }: ParavirtualDomain, address: number, flags: number): number | undefined {
  if ((flags & abi.GNTMAP_CONTAINS_PTE) === 0) return address < 2 ** 32 ? mm.tables.guestL1Entry(address) : undefined
  const mfn = Math.floor(address / PAGE_SIZE)
  const table = mm.table.isGuests(mfn) && mm.tables.inUse(mfn) && mm.table.type[mfn] === PGT_l1_page_table
  return table && address % ENTRY_SIZE === 0 ? address : undefined
}

/** unmap_common: what is asked of the two uses ends; the handle with the last. Nothing asked is nothing done, and well. */
function unmap(
  domain: ParavirtualDomain,
  handle: number,
  hostAddr: number,
  devBusAddr: number,
  newAddr: number,
): number {
  const { grants, mm } = domain
  const mapping = mm.grants.get(handle)
  if (mapping === undefined) return abi.GNTST_BAD_HANDLE
  if (devBusAddr !== 0 && mapping.device && devBusAddr !== mapping.mfn * PAGE_SIZE) return abi.GNTST_GENERAL_ERROR
  if (hostAddr !== 0 && mapping.host) {
    const status = replaceEntry(domain, hostAddr, mapping, newAddr)
    if (status !== abi.GNTST_OKAY) return status
    mapping.host = false
    grants.unpin(mapping.ref, mapping.write)
  }
  if (devBusAddr !== 0 && mapping.device) {
    mapping.device = false
    grants.unpin(mapping.ref, mapping.write)
  }
  if (!mapping.host && !mapping.device) mm.grants.remove(handle)
  return abi.GNTST_OKAY
}

/** replace_grant_pv_mapping: the entry that a grant made is emptied, or gets what maps `newAddr`, which loses it. */
function replaceEntry(domain: ParavirtualDomain, address: number, { mfn, flags }: Mapping, newAddr: number): number {
  const { mm, memory } = domain
  if (newAddr !== 0 && ((flags & abi.GNTMAP_CONTAINS_PTE) !== 0 || newAddr >= 2 ** 32)) return abi.GNTST_GENERAL_ERROR
  const from = newAddr === 0 ? undefined : mm.tables.guestL1Entry(newAddr)
  if (newAddr !== 0 && from === undefined) return abi.GNTST_GENERAL_ERROR
  const stolen: readonly [number, number] = from === undefined ? [0, 0] : [memory.read32(from), memory.read32(from + 4)]
  if (from !== undefined) mm.tables.write(from, 0, 0)
  const at = entryAt(domain, address, flags)
  const low = at === undefined ? 0 : memory.read32(at)
  const same = at !== undefined && frameOf(low, memory.read32(at + 4)) === mfn
  if (!same || ((low ^ entryFlags(flags)) & (PAGE_PRESENT | PAGE_RW)) !== 0) {
    // The stolen entry is lost, as in Xen.
    mm.references.putL1e(...stolen)
    return abi.GNTST_GENERAL_ERROR
  }
  mm.tables.write(at, ...stolen)
  // gnttab_flush_tlb
  mm.flushTlb()
  return abi.GNTST_OKAY
}
