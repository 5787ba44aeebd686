/** Debian's GRUB as a guest of Xen by its PVH entry: to its prompt on Xen's console, a file of a disk behind the block back end, and off. */
import { expect } from 'vitest'
import { grub } from './support/grub.ts'
import { minixDisk } from './support/minix.ts'
import { guest, needs } from './support/needs.ts'
import { paragraft } from './support/paragraft.ts'

const debian = needs('debian guests')
const IMAGE = 'grub-i386-xen_pvh.bin'

debian('GRUB reaches its prompt, reads a disk, and halts', async () => {
  const { greeting, ask, leave } = await grub(IMAGE, minixDisk(256, { greeting: 'hello from the host\n' }))
  expect(greeting).toContain('GNU GRUB  version 2.06')
  expect(ask('ls')).toContain('(memdisk) (proc) (xen/xvda)')
  expect(ask('ls (xen/xvda)/')).toContain('\n\rgreeting \n\r')
  expect(ask('cat (xen/xvda)/greeting')).toContain('hello from the host\n\r')
  expect(leave('halt')).toEqual({ kind: 'powerOff' })
})

debian('GRUB reboots', async () => {
  const { leave } = await grub(IMAGE, minixDisk(64, {}))
  expect(leave('reboot').kind).toBe('reset')
})

debian('inspect tells its two images apart', async () => {
  const pvh = await paragraft(['inspect', guest('grub-i386-xen_pvh.bin')])
  expect(pvh.stdout).toContain('xen by xen-pvh: yes, at 0x100000 (by its note PHYS32_ENTRY)')
  const pv = await paragraft(['inspect', guest('grub-i386-xen.bin')])
  expect(pv.stdout).toContain('xen by xen-pv: yes, at 0x0 (GRUB, virtual base 0x0, PAE yes (by its notes))')
})
