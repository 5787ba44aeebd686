/** The guest's devices: a block device for each disk, an interface for each network. */
import type { BlockPort, GuestMemory, NetPort, Reporter, Snapshotable } from '@paragraft/core/ports'
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

/** Makes the directories of each device and the back end that serves it; returns the back ends by their names. */
export function attachDevices(store: Store, options: AttachOptions): Record<string, Snapshotable> {
  const devices: Record<string, Snapshotable> = {}
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
    const name = `vbd ${id}`
    devices[name] = new XenbusDevice({ ...options, store, paths, name }, vbdDriver({ ...options, disk }))
  }
  for (const [index, net] of nets.entries()) {
    const mac = Array.from(net.mac, byte => byte.toString(16).padStart(2, '0')).join(':')
    const entries = { handle: `${index}`, mac }
    const paths = createDevice(store, 'vif', index, { frontend: entries, backend: entries })
    const name = `vif ${index}`
    devices[name] = new XenbusDevice({ ...options, store, paths, name }, vifDriver({ ...options, net }))
  }
  return devices
}
