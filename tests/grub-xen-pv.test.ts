/**
 * Debian's GRUB as a paravirtual guest of Xen: kernel in ring 1, page tables of its own, hypercalls by INT 82h. To its prompt, a file
 * of a partition behind the block back end, and off.
 */
import { expect } from 'vitest'
import { grub } from './support/grub.ts'
import { minixDisk, partitioned } from './support/minix.ts'
import { needs } from './support/needs.ts'

const debian = needs('debian guests')
const IMAGE = 'grub-i386-xen.bin'

debian('GRUB reaches its prompt, reads a partition, and halts', async () => {
  const disk = partitioned(minixDisk(256, { greeting: 'hello from the host\n' }))
  const { greeting, ask, leave, hypercalls } = await grub(IMAGE, disk)
  expect(greeting).toContain('GNU GRUB  version 2.06')
  expect(ask('ls')).toContain('(memdisk) (proc) (xen/xvda) (xen/xvda,msdos1)')
  expect(ask('ls (xen/xvda,msdos1)/')).toContain('\n\rgreeting \n\r')
  expect(ask('cat (xen/xvda,msdos1)/greeting')).toContain('hello from the host\n\r')
  expect(leave('halt')).toEqual({ kind: 'powerOff' })
  expect(Object.keys(hypercalls())).toEqual(
    expect.arrayContaining([
      'mmu_update',
      'update_va_mapping',
      'mmuext_op',
      'grant_table_op',
      'event_channel_op',
      'vm_assist',
    ]),
  )
})

debian('GRUB reboots', async () => {
  const { leave } = await grub(IMAGE, minixDisk(64, {}))
  expect(leave('reboot').kind).toBe('reset')
})
