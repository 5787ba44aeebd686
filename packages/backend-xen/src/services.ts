/** What domain 0 has for a guest when it begins: the far ends of its console and of xenstore, its directory there, and its devices. */
import type { BackendPorts } from '@paragraft/core/ops'
import type { Snapshotable } from '@paragraft/core/ports'
import { together } from '@paragraft/core/snapshot'
import { GNTTAB_RESERVED_CONSOLE, GNTTAB_RESERVED_XENSTORE } from './abi/grant-table.ts'
import { GUEST_DOMID } from './abi/xen.ts'
import { attachDevices } from './attach.ts'
import { XenConsole } from './console.ts'
import type { EventChannels } from './event-channels.ts'
import type { GrantTable } from './grant-table.ts'
import { createDomain } from './toolstack.ts'
import { StoreServer } from './xenstore/server.ts'
import { Store } from './xenstore/store.ts'

export interface ServiceOptions {
  ports: BackendPorts
  events: EventChannels
  grants: GrantTable
  /** The guest's frames that hold the rings; frame numbers are RAM's. */
  console: number
  store: number
  /** RAM of the guest in bytes. */
  memorySize: number
}

/** What was started: ports of the guest, and what has a state. */
export interface Services {
  readonly storePort: number
  readonly consolePort: number
  readonly kept: Readonly<Record<string, Snapshotable>>
}

/** Ports of the guest at the near ends, in the order in which libxl makes them. */
export function startServices(options: ServiceOptions): Services {
  const { ports, events, grants, memorySize } = options
  const { memory } = ports
  /** RAM address of a ring; as long as it is in use, the guest can make nothing else of its page. */
  const ring = (ref: number, frame: number): number => {
    grants.grant(ref, frame)
    const page = grants.map(ref, true)
    if (page === undefined) throw new RangeError(`frame ${frame} is no page of the guest's`)
    return page
  }
  const store = new Store()
  const server = new StoreServer(store, GUEST_DOMID, memory, ring(GNTTAB_RESERVED_XENSTORE, options.store))
  const storeEnd = events.openTo('xenstore', () => server.service())
  server.connect(storeEnd.channel)

  const console = new XenConsole(memory, ports.console, ring(GNTTAB_RESERVED_CONSOLE, options.console))
  const consoleEnd = events.openTo('console', () => console.service())
  console.connect(consoleEnd.channel)

  createDomain(store, {
    name: 'paragraft',
    domid: `${GUEST_DOMID}`,
    'memory/target': `${memorySize / 1024}`,
    'memory/static-max': `${memorySize / 1024}`,
    'cpu/0/availability': 'online',
    'console/type': 'xenconsoled',
    'console/ring-ref': `${options.console}`,
    'console/port': `${consoleEnd.port}`,
    'store/ring-ref': `${options.store}`,
    'store/port': `${storeEnd.port}`,
  })
  const devices = together(attachDevices(store, { ...ports, events, grants }))
  return { storePort: storeEnd.port, consolePort: consoleEnd.port, kept: { store, server, console, devices } }
}
