/** The guest's devices: a block device for each disk, an interface for each network. */
import type { BlockPort, GuestMemory, NetPort, Reporter } from '@paragraft/core/ports'
import { vbdDriver } from './block/vbd.ts'
import { vifDriver } from './net/vif.ts'
import type { BackendEvents, BackendGrants } from './ports.ts'
import { createDevice } from './toolstack.ts'
import { XenbusDevice } from './xenbus.ts'
import type { Store } from './xenstore/store.ts'

/** Numbers of virtual disks (docs/man/xen-vbd-interface.7): xvda, and 16 further on the next. */
const FIRST_XVD = 202 << 8
const XVD_STEP = 16

export interface AttachOptions {
  memory: GuestMemory
  events: BackendEvents
  grants: BackendGrants
  reporter: Reporter
  disks: readonly BlockPort[]
  nets: readonly NetPort[]
}

/** Makes the directories of each device and the back end that serves it. */
export function attachDevices(store: Store, options: AttachOptions): void {
  const { disks, nets } = options
  for (const [index, disk] of disks.entries()) {
    const id = FIRST_XVD + index * XVD_STEP
    const paths = createDevice(store, 'vbd', id, {
      frontend: { 'virtual-device': `${id}`, 'device-type': 'disk' },
      backend: {
        dev: `xvd${String.fromCharCode(97 + index)}`,
        type: 'phy',
        mode: disk.readOnly ? 'r' : 'w',
        'device-type': 'disk',
        removable: '0',
        bootable: '1',
      },
    })
    new XenbusDevice({ ...options, store, paths, name: `vbd ${id}` }, vbdDriver({ ...options, disk }))
  }
  for (const [index, net] of nets.entries()) {
    const mac = Array.from(net.mac, byte => byte.toString(16).padStart(2, '0')).join(':')
    const entries = { handle: `${index}`, mac }
    const paths = createDevice(store, 'vif', index, { frontend: entries, backend: entries })
    new XenbusDevice({ ...options, store, paths, name: `vif ${index}` }, vifDriver({ ...options, net }))
  }
}
