/**
 * What xl and xenstored do before a guest begins: its directory in xenstore, and a pair of directories for each device, in
 * which front and back end find each other (docs/misc/xenstore-paths.pandoc).
 */
import { BACKEND_DOMID, GUEST_DOMID } from './abi/xen.ts'
import { domainPath } from './xenstore/path.ts'
import type { Store } from './xenstore/store.ts'

/** struct xenbus_state (xen/include/public/io/xenbus.h). */
export const XENBUS_INITIALISING = 1
export const XENBUS_INIT_WAIT = 2
export const XENBUS_INITIALISED = 3
export const XENBUS_CONNECTED = 4
export const XENBUS_CLOSING = 5
export const XENBUS_CLOSED = 6

export interface DevicePaths {
  readonly frontend: string
  readonly backend: string
}

/** The guest says here what it can be asked for. */
const FEATURES = ['poweroff', 'reboot', 'suspend', 's3', 's4'].map(name => `control/feature-${name}`)

/** The guest's own directory: it may read all of it, and write where the toolstack lets it. */
export function createDomain(store: Store, entries: Readonly<Record<string, string>>): void {
  const home = domainPath(GUEST_DOMID)
  store.mkdir(BACKEND_DOMID, home)
  store.setPermissions(BACKEND_DOMID, home, [
    { access: 'n', domid: BACKEND_DOMID },
    { access: 'r', domid: GUEST_DOMID },
  ])
  for (const [path, value] of Object.entries(entries)) store.write(BACKEND_DOMID, `${home}/${path}`, value)
  for (const path of ['data', 'drivers', 'feature', 'attr', 'error', ...FEATURES]) {
    store.mkdir(BACKEND_DOMID, `${home}/${path}`)
    store.setPermissions(BACKEND_DOMID, `${home}/${path}`, [{ access: 'n', domid: GUEST_DOMID }])
  }
  // The guest acknowledges what it is asked for by writing here.
  store.write(BACKEND_DOMID, `${home}/control/shutdown`, '')
  store.setPermissions(BACKEND_DOMID, `${home}/control/shutdown`, [{ access: 'n', domid: GUEST_DOMID }])
}

/** A device's two directories: the front end's is the guest's, the back end's it may read. */
export function createDevice(
  store: Store,
  kind: string,
  id: number,
  ends: { frontend: Readonly<Record<string, string>>; backend: Readonly<Record<string, string>> },
): DevicePaths {
  const frontend = `${domainPath(GUEST_DOMID)}/device/${kind}/${id}`
  const backend = `${domainPath(BACKEND_DOMID)}/backend/${kind}/${GUEST_DOMID}/${id}`
  store.mkdir(BACKEND_DOMID, backend)
  store.setPermissions(BACKEND_DOMID, backend, [
    { access: 'n', domid: BACKEND_DOMID },
    { access: 'r', domid: GUEST_DOMID },
  ])
  const write = (path: string, entries: Readonly<Record<string, string>>): void => {
    for (const [name, value] of Object.entries(entries)) store.write(BACKEND_DOMID, `${path}/${name}`, value)
  }
  write(backend, {
    frontend,
    'frontend-id': `${GUEST_DOMID}`,
    online: '1',
    state: `${XENBUS_INITIALISING}`,
    ...ends.backend,
  })
  store.mkdir(BACKEND_DOMID, frontend)
  store.setPermissions(BACKEND_DOMID, frontend, [
    { access: 'n', domid: GUEST_DOMID },
    { access: 'r', domid: BACKEND_DOMID },
  ])
  write(frontend, {
    backend,
    'backend-id': `${BACKEND_DOMID}`,
    state: `${XENBUS_INITIALISING}`,
    ...ends.frontend,
  })
  return { frontend, backend }
}
