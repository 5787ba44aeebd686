/** mmuext_op (xen/arch/x86/mm.c, do_mmuext_op; x86_64/compat/mm.c): pins, the base pointer, the TLB, the LDT, whole pages. */
import { EACCES, EFAULT, EINVAL, ENOSYS, EOPNOTSUPP } from '../../abi/errno.ts'
import * as abi from '../../abi/pv.ts'
import { PAGE_SIZE } from '../../abi/xen.ts'
import { readStruct } from '../../domain.ts'
import type { Continuation } from '../../hypercall/preemption.ts'
import type { ParavirtualDomain } from '../ports.ts'
import { refuseOthers } from './foreign.ts'
import { PGT_l1_page_table, PGT_writable_page } from './frame-table.ts'
import { serveRequests } from './requests.ts'
import { maskHasSelf } from './update-va-mapping.ts'

const MAX_LDT_ENTRIES = 8192
/** Operations that may validate all of a table, or give it up, and how long that takes, in requests. */
const ON_TABLES: ReadonlySet<number> = new Set([
  abi.MMUEXT_PIN_L1_TABLE,
  abi.MMUEXT_PIN_L2_TABLE,
  abi.MMUEXT_PIN_L3_TABLE,
  abi.MMUEXT_UNPIN_TABLE,
  abi.MMUEXT_NEW_BASEPTR,
])
const TABLE_ENTRIES = 512

export function mmuextOp(domain: ParavirtualDomain, args: readonly number[]): number | Continuation {
  const refusal = refuseOthers(args[3]! & 0xffff)
  if (refusal !== 0) return refusal
  return serveRequests(domain, args, abi.MMUEXT_OP.size, at => {
    const op = readStruct(domain, at, abi.MMUEXT_OP)
    if (op === undefined) return -EFAULT
    if (ON_TABLES.has(op.cmd)) domain.preemption.spend(TABLE_ENTRIES)
    return serve(domain, op.cmd, op.arg1, op.arg2)
  })
}

function serve(domain: ParavirtualDomain, cmd: number, arg1: number, arg2: number): number {
  const { mm } = domain
  switch (cmd) {
    case abi.MMUEXT_PIN_L1_TABLE:
    case abi.MMUEXT_PIN_L2_TABLE:
    case abi.MMUEXT_PIN_L3_TABLE:
      return pin(domain, arg1, PGT_l1_page_table + cmd - abi.MMUEXT_PIN_L1_TABLE)
    case abi.MMUEXT_PIN_L4_TABLE:
      // A level that such a guest does not have.
      return 0
    case abi.MMUEXT_UNPIN_TABLE:
      return unpin(domain, arg1)
    case abi.MMUEXT_NEW_BASEPTR:
      return mm.newBaseptr(arg1)
    case abi.MMUEXT_TLB_FLUSH_LOCAL:
    case abi.MMUEXT_TLB_FLUSH_ALL:
      mm.flushTlb()
      return 0
    case abi.MMUEXT_INVLPG_LOCAL:
    case abi.MMUEXT_INVLPG_ALL:
      mm.vcpu.invlpg(arg1)
      return 0
    case abi.MMUEXT_TLB_FLUSH_MULTI:
    case abi.MMUEXT_INVLPG_MULTI: {
      const self = maskHasSelf(domain, arg2)
      if (self === undefined) return -EINVAL
      if (self && cmd === abi.MMUEXT_TLB_FLUSH_MULTI) mm.flushTlb()
      else if (self) mm.vcpu.invlpg(arg1)
      return 0
    }
    case abi.MMUEXT_FLUSH_CACHE:
      // For domains with devices of their own (cache_flush_permitted).
      return -EACCES
    case abi.MMUEXT_FLUSH_CACHE_GLOBAL:
    case abi.MMUEXT_NEW_USER_BASEPTR:
      return -EINVAL
    case abi.MMUEXT_SET_LDT:
      return setLdt(domain, arg1, arg2)
    case abi.MMUEXT_CLEAR_PAGE:
      return clearPage(domain, arg1)
    case abi.MMUEXT_COPY_PAGE:
      return copyPage(domain, arg1, arg2)
    case abi.MMUEXT_MARK_SUPER:
    case abi.MMUEXT_UNMARK_SUPER:
      return -EOPNOTSUPP
    default:
      return -ENOSYS
  }
}

/** The page keeps its role, and stays validated, until it is unpinned. */
function pin({ mm: { references } }: ParavirtualDomain, mfn: number, type: number): number {
  const result = references.getPageAndType(mfn, type)
  if (result < 0 || references.pin(mfn)) return result
  references.putPageAndType(mfn)
  return -EINVAL
}

function unpin({ mm: { references } }: ParavirtualDomain, mfn: number): number {
  if (!references.getPage(mfn)) return -EINVAL
  const pinned = references.unpin(mfn)
  if (pinned) references.putPageAndType(mfn)
  references.putPage(mfn)
  return pinned ? 0 : -EINVAL
}

function setLdt({ mm }: ParavirtualDomain, address: number, entries: number): number {
  const base = entries === 0 ? 0 : address
  if (base % PAGE_SIZE !== 0 || entries > MAX_LDT_ENTRIES) return -EINVAL
  mm.vcpu.setLdt(base, entries)
  return 0
}

function clearPage({ mm: { references }, memory }: ParavirtualDomain, mfn: number): number {
  if (references.getPageAndType(mfn, PGT_writable_page) < 0) return -EINVAL
  memory.fill(mfn * PAGE_SIZE, 0, PAGE_SIZE)
  references.putPageAndType(mfn)
  return 0
}

function copyPage({ mm: { references }, memory }: ParavirtualDomain, to: number, from: number): number {
  if (!references.getPage(from)) return -EINVAL
  const result = references.getPageAndType(to, PGT_writable_page)
  if (result === 0) {
    memory.write(to * PAGE_SIZE, memory.read(from * PAGE_SIZE, PAGE_SIZE))
    references.putPageAndType(to)
  }
  references.putPage(from)
  return result
}
