/** mmu_update (xen/arch/x86/mm.c, do_mmu_update): requests to write entries of page tables, or of the M2P table. */
import { EFAULT, EINVAL, ENOSYS, EPERM, ESRCH } from '../../abi/errno.ts'
import {
  MMU_MACHPHYS_UPDATE,
  MMU_NORMAL_PT_UPDATE,
  MMU_PT_UPDATE_NO_TRANSLATE,
  MMU_PT_UPDATE_PRESERVE_AD,
  MMU_UPDATE,
} from '../../abi/pv.ts'
import { BACKEND_DOMID, GUEST_DOMID } from '../../abi/xen.ts'
import { readStruct } from '../../domain.ts'
import type { Continuation } from '../../hypercall/preemption.ts'
import type { ParavirtualDomain } from '../ports.ts'
import { frameOf } from './entries.ts'
import { type PageOwner, pageOwner } from './foreign.ts'
import { PGT_writable_page } from './frame-table.ts'
import { serveRequests } from './requests.ts'

const COMMAND = 7

interface Request {
  readonly ptrLow: number
  readonly ptrHigh: number
  readonly valLow: number
  readonly valHigh: number
}

/** `foreigndom`: below, whose frames are mapped; above, whose page tables, plus one, or 0 for one's own. */
export function mmuUpdate(domain: ParavirtualDomain, args: readonly number[]): number | Continuation {
  const foreigndom = args[3]
  const tables = foreigndom! >>> 16
  if (tables !== 0 && tables - 1 !== GUEST_DOMID && tables - 1 !== BACKEND_DOMID) return -ESRCH
  const owner = pageOwner(foreigndom! & 0xffff)
  if (owner === undefined) return -ESRCH
  const own = tables === 0 || tables - 1 === GUEST_DOMID
  return serveRequests(domain, args, MMU_UPDATE.size, at => {
    const request = readStruct(domain, at, MMU_UPDATE)
    return request === undefined ? -EFAULT : serve(domain, request, owner, own)
  })
}

function serve(domain: ParavirtualDomain, request: Request, owner: PageOwner, own: boolean): number {
  const command = request.ptrLow & COMMAND
  switch (command) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_PRESERVE_AD:
    case MMU_PT_UPDATE_NO_TRANSLATE:
      if (!own || owner === 'other') return -EPERM
      return write(domain, request, owner === 'io', command === MMU_PT_UPDATE_PRESERVE_AD)
    case MMU_MACHPHYS_UPDATE:
      return own && owner !== 'other' ? setPfn(domain, request, owner) : -EPERM
    default:
      return -ENOSYS
  }
}

/** An entry of a page table of any level; or a word of a page that is no page table, for as long as it takes. */
function write({ mm }: ParavirtualDomain, request: Request, foreign: boolean, preserve: boolean): number {
  const { references, tables } = mm
  const mfn = frameAt(request)
  if (!references.getPage(mfn)) return -EINVAL
  const at = mfn * 4096 + (request.ptrLow & 0xff8)
  let result = -EINVAL
  if (tables.inUse(mfn) && references.frames.type[mfn] !== PGT_writable_page) {
    result = tables.update(at, request.valLow, request.valHigh, { foreign, preserve })
  } else if (references.getType(mfn, PGT_writable_page) === 0) {
    tables.write(at, request.valLow, request.valHigh)
    references.putType(mfn)
    result = 0
  }
  references.putPage(mfn)
  return result
}

function setPfn({ mm }: ParavirtualDomain, request: Request, owner: PageOwner): number {
  const mfn = frameAt(request)
  if (owner !== 'self' || !mm.table.isGuests(mfn)) return -EINVAL
  mm.table.setPfn(mfn, request.valLow)
  return 0
}

/** The frame of a machine address of 64 bits; what is above 52 of them is no machine's. */
function frameAt({ ptrLow, ptrHigh }: Request): number {
  return ptrHigh >>> 20 === 0 ? frameOf(ptrLow, ptrHigh) : Number.MAX_SAFE_INTEGER
}
