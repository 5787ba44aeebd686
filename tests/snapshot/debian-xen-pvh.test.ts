/**
 * Debian as a PVH guest of Xen, saved with a file system mounted and a ping under way: event channels, grants, xenstore, the
 * console and both devices' rings go along.
 */
import { readFileSync } from 'node:fs'
import xen from '@paragraft/backend-xen'
import type { Clock } from '@paragraft/core/ports'
import { PeerNet } from '@paragraft/devices'
import { expect } from 'vitest'
import { diskOf } from '../support/grub.ts'
import { runTo, runUntil, stateOf, type Watched, watched } from '../support/machines.ts'
import { minixDisk } from '../support/minix.ts'
import { guest, needs } from '../support/needs.ts'

const debian = needs('debian guests')
const MINUTES = 60_000

const type = ({ machine }: Watched, line: string): void =>
  machine.console.type(Uint8Array.from(`${line}\n`, character => character.charCodeAt(0)))

debian(
  'the same trace as without, and the same file and pings',
  async () => {
    const read = (name: string): Uint8Array => new Uint8Array(readFileSync(guest(name)))
    const config = {
      image: read('vmlinuz-686-pae'),
      imageName: 'vmlinuz-686-pae',
      backend: xen,
      disk: diskOf(minixDisk(256, { greeting: 'hello from the host\n' })),
      net: (clock: Clock) => new PeerNet({ clock }),
    }
    const whole = await watched({
      ...config,
      initrd: read('initramfs-xen.cpio.gz'),
      commandLine: 'cryptomgr.notests',
    })
    runUntil(whole, 'shell on hvc0')
    type(
      whole,
      'mount -r -t minix /dev/xvda /mnt; ifconfig eth0 10.0.0.2; ping -c 2 10.0.0.1; cat /mnt/greeting; echo en""ded',
    )
    runUntil(whole, 'seq=0')
    const middle = whole.machine.instructions()
    const restored = await watched({ ...config, snapshot: whole.machine.snapshot() })
    expect(stateOf(restored)).toBe(stateOf(whole))
    const before = whole.output()

    const traces = [whole.traced(), restored.traced()]
    for (const machine of [whole, restored]) runTo(machine, middle + 2_000_000)
    expect(traces[1]!()).toBe(traces[0]!())
    expect(stateOf(restored)).toBe(stateOf(whole))
    for (const machine of [whole, restored]) runUntil(machine, 'ended')
    expect(stateOf(restored)).toBe(stateOf(whole))
    expect(before + restored.output()).toBe(whole.output())
    expect(restored.output()).toContain('2 packets transmitted, 2 packets received, 0% packet loss')
    expect(restored.output()).toContain('hello from the host\r\n')
    expect(restored.machine.report({ kind: 'quit' }, 0)).toEqual(whole.machine.report({ kind: 'quit' }, 0))
  },
  10 * MINUTES,
)
