/** The initramfs that Debian's kernel is booted with: busybox, a console, a shell, the modules of the drivers it needs. */
import { gzipSync } from 'node:zlib'
import { CpioWriter } from './cpio.mjs'

/** In load order. A module is only loaded when a virtio device (PCI vendor 1af4) is there. */
export const VIRTIO_MODULES = [
  'drivers/virtio/virtio.ko',
  'drivers/virtio/virtio_ring.ko',
  'drivers/virtio/virtio_pci_modern_dev.ko',
  'drivers/virtio/virtio_pci_legacy_dev.ko',
  'drivers/virtio/virtio_pci.ko',
  'drivers/block/virtio_blk.ko',
]

/** Front ends of Xen's block and network devices, and a file system without dependencies for the disk. */
export const XEN_MODULES = ['drivers/block/xen-blkfront.ko', 'drivers/net/xen-netfront.ko', 'fs/minix/minix.ko']

const XEN_APPLETS = ['ifconfig', 'ping']

const APPLETS = `
  [ ash awk basename cat chmod chown clear cmp cp cttyhack cut date dd df dirname dmesg du echo env expr false find free
  grep gunzip gzip halt head hexdump hostname id insmod kill ln ls lsmod md5sum mkdir mknod more mount mv od pidof poweroff
  printf ps pwd reboot rm rmdir sed seq setsid sh sha256sum sleep sort stat stty sync tail tar tee test time top touch tr
  true tty umount uname uniq uptime vi wc which xargs yes zcat
`
  .trim()
  .split(/\s+/)

/** When a set of modules is loaded. */
const CONDITIONS = {
  virtio: 'grep -qs 0x1af4 /sys/bus/pci/devices/*/vendor',
  xen: 'grep -qs xen /sys/hypervisor/type',
}

const init = (condition, modules) => `#!/bin/sh
export PATH=/bin HOME=/ TERM=dumb PS1='/ # '
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs devtmpfs /dev
if ${condition}; then
  for module in ${modules.map(path => path.replace(/.*\//, '')).join(' ')}; do
    insmod /modules/$module
  done
fi
echo
echo "initramfs: $(uname -s) $(uname -r) $(uname -m), shell on $(cat /sys/class/tty/console/active)"
while :; do
  setsid cttyhack sh
done
`

/**
 * @param {{ busybox: Uint8Array, modules: Map<string, Uint8Array>, kind?: 'virtio' | 'xen' }} parts modules in load order, by
 *   path below `kernel/`; `kind` says on which machine they are loaded
 * @returns {Buffer} a gzip-compressed cpio archive
 */
export function makeInitramfs({ busybox, modules, kind = 'virtio' }) {
  const cpio = new CpioWriter()
  for (const name of ['bin', 'dev', 'proc', 'sys', 'tmp', 'mnt', 'modules']) cpio.directory(name)
  cpio.characterDevice('dev/console', 5, 1)
  cpio.file('bin/busybox', busybox, 0o755)
  for (const applet of kind === 'xen' ? [...APPLETS, ...XEN_APPLETS] : APPLETS) cpio.symlink(`bin/${applet}`, 'busybox')
  for (const [path, bytes] of modules) cpio.file(`modules/${path.replace(/.*\//, '')}`, bytes)
  cpio.file('init', Buffer.from(init(CONDITIONS[kind], [...modules.keys()])), 0o755)
  return gzipSync(cpio.finish(), { level: 9 })
}
