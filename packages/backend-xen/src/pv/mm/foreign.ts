/** Whose pages a call is about (get_pg_owner). */
import { EPERM, ESRCH } from '../../abi/errno.ts'
import { DOMID_IO, DOMID_XEN } from '../../abi/pv.ts'
import { BACKEND_DOMID, DOMID_SELF } from '../../abi/xen.ts'

/** `other`: a domain that there is, and of which this one may ask nothing; undefined: none, and one's own number is none. */
export type PageOwner = 'self' | 'io' | 'other'

export function pageOwner(domid: number): PageOwner | undefined {
  if (domid === DOMID_SELF) return 'self'
  if (domid === DOMID_IO) return 'io'
  return domid === BACKEND_DOMID || domid === DOMID_XEN ? 'other' : undefined
}

/** 0 for oneself, else the error of a call that may be about nobody else. */
export function refuseOthers(domid: number): number {
  const owner = pageOwner(domid)
  if (owner === undefined) return -ESRCH
  return owner === 'self' ? 0 : -EPERM
}
