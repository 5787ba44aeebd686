/** Debian as a PVH guest of Xen, saved in the middle of its boot: event channels, grants, xenstore and the console go along. */
import { readFileSync } from 'node:fs'
import xen from '@paragraft/backend-xen'
import { expect } from 'vitest'
import { runTo, stateOf, watched } from '../support/machines.ts'
import { guest, needs } from '../support/needs.ts'

const debian = needs('debian guests')
const MINUTES = 60_000

debian(
  'the same trace as without',
  async () => {
    const read = (name: string): Uint8Array => new Uint8Array(readFileSync(guest(name)))
    const config = { image: read('vmlinuz-686-pae'), imageName: 'vmlinuz-686-pae', backend: xen }
    const whole = await watched({
      ...config,
      initrd: read('initramfs-xen.cpio.gz'),
      commandLine: 'cryptomgr.notests',
    })
    const [middle, stretch] = [200_000_000, 2_000_000]
    runTo(whole, middle)
    const restored = await watched({ ...config, snapshot: whole.machine.snapshot() })
    expect(stateOf(restored)).toBe(stateOf(whole))
    const before = whole.output()

    const traces = [whole.traced(), restored.traced()]
    for (const machine of [whole, restored]) runTo(machine, middle + stretch)
    expect(traces[1]!()).toBe(traces[0]!())
    expect(stateOf(restored)).toBe(stateOf(whole))
    for (const machine of [whole, restored]) runTo(machine, middle + 15_000_000)
    expect(stateOf(restored)).toBe(stateOf(whole))
    expect(before + restored.output()).toBe(whole.output())
    expect(restored.machine.report({ kind: 'quit' }, 0)).toEqual(whole.machine.report({ kind: 'quit' }, 0))

    // With a disk its back end would have to be saved too: refused, not forgotten.
    const disk = { sectors: 8, readOnly: false, read() {}, write() {}, flush() {} }
    const withDisk = await watched({ ...config, disk })
    expect(() => withDisk.machine.snapshot()).toThrow(expect.objectContaining({ code: 'PG_SNAPSHOT_UNSUPPORTED' }))
  },
  10 * MINUTES,
)
