/**
 * Fetches the real guests that tests and benchmarks boot, from Debian's packages for i386, into `.guests/`:
 *
 *   vmlinuz-686-pae, vmlinux-686-pae   linux-image-686-pae: as shipped, and the ELF inside it
 *   busybox, initramfs.cpio.gz         busybox-static, and an initramfs around it
 *   initramfs-xen.cpio.gz              the same with the drivers of Xen's devices
 *   gnumach, memtest86+x32.bin, invaders
 *   gnumach-xen                        gnumach as a paravirtual guest of Xen
 *   grub-i386-xen_pvh.bin, grub-i386-xen.bin
 *   seabios.bin, vgabios.bin           firmware that peers need in bench/
 *   manifest.json                      package versions and SHA-256 of each file
 *
 *   node scripts/guests/fetch.mjs [--update]     without --update, files that are already there and intact are kept
 */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { AptUnavailable, PrivateApt, unpack } from './apt.mjs'
import { makeInitramfs, VIRTIO_MODULES, XEN_MODULES } from './initramfs.mjs'

const root = join(dirname(fileURLToPath(import.meta.url)), '../..')
const guests = join(root, '.guests')
const log = message => process.stderr.write(`guests: ${message}\n`)
const sha256 = bytes => createHash('sha256').update(bytes).digest('hex')

/** GRUB as a guest of Xen: by the PVH entry, and paravirtual. */
const XEN_GRUBS = ['grub-i386-xen_pvh.bin', 'grub-i386-xen.bin']

/** Bumped when what is made from the packages changes. */
const RECIPE = 4

function intact() {
  const manifestFile = join(guests, 'manifest.json')
  if (!existsSync(manifestFile)) return false
  const manifest = JSON.parse(readFileSync(manifestFile, 'utf8'))
  if (manifest.recipe !== RECIPE) return false
  return Object.entries(manifest.files).every(
    ([name, hash]) => existsSync(join(guests, name)) && sha256(readFileSync(join(guests, name))) === hash,
  )
}

/** The ELF inside a bzImage with an xz payload (boot protocol: payload_offset 0x248, payload_length 0x24C). */
function extractVmlinux(bzImage) {
  const setupSectors = bzImage[0x1f1] || 4
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248)
  const length = bzImage.readUInt32LE(0x24c)
  const size = bzImage.readUInt32LE(start + length - 4)
  const payload = bzImage.subarray(start, start + length - 4)
  const result = spawnSync('xz', ['--decompress', '--stdout', '--format=xz'], { input: payload, maxBuffer: 1 << 28 })
  if (result.error || result.status !== 0)
    throw new AptUnavailable('xz is needed to extract vmlinux (package xz-utils)')
  if (result.stdout.length !== size) throw new Error(`vmlinux: ${result.stdout.length} bytes, the payload says ${size}`)
  return result.stdout
}

function fetchAll() {
  mkdirSync(guests, { recursive: true })
  const state = join(guests, '.apt')
  const apt = new PrivateApt(state, 'i386')
  apt.update(log)
  const unpacked = join(state, 'unpacked')
  rmSync(unpacked, { recursive: true, force: true })
  rmSync(join(state, 'debs'), { recursive: true, force: true })
  mkdirSync(join(state, 'debs'))

  // linux-image-686-pae is a metapackage: its first dependency is the current kernel.
  const meta = apt.show('linux-image-686-pae')
  const kernel = /(linux-image-\S+-686-pae)/.exec(meta?.Depends ?? '')?.[1]
  if (kernel === undefined) throw new AptUnavailable('Debian has no linux-image-686-pae')
  const release = kernel.replace('linux-image-', '')
  const packages = {}
  for (const name of [
    kernel,
    'busybox-static',
    'gnumach-image-1.8-486',
    'gnumach-image-1.8-xen-486',
    'memtest86+',
    'grub-invaders',
    'grub-xen-host',
    'seabios',
  ]) {
    const { file, version } = apt.download(name)
    log(`${name} ${version}`)
    packages[name] = version
    unpack(file, unpacked)
  }

  const files = new Map()
  const from = path => readFileSync(join(unpacked, path))
  files.set('vmlinuz-686-pae', from(`boot/vmlinuz-${release}`))
  files.set('vmlinux-686-pae', extractVmlinux(files.get('vmlinuz-686-pae')))
  files.set('busybox', from('bin/busybox'))
  const moduleRoot = existsSync(join(unpacked, 'usr/lib/modules')) ? 'usr/lib/modules' : 'lib/modules'
  const modules = paths => new Map(paths.map(path => [path, from(`${moduleRoot}/${release}/kernel/${path}`)]))
  const busybox = files.get('busybox')
  files.set('initramfs.cpio.gz', makeInitramfs({ busybox, modules: modules(VIRTIO_MODULES) }))
  files.set('initramfs-xen.cpio.gz', makeInitramfs({ busybox, modules: modules(XEN_MODULES), kind: 'xen' }))
  files.set('gnumach', gunzipSync(from('boot/gnumach-1.8-486.gz')))
  files.set('gnumach-xen', gunzipSync(from('boot/gnumach-1.8-xen-486.gz')))
  files.set('memtest86+x32.bin', from('boot/memtest86+ia32.bin'))
  files.set('invaders', from('boot/invaders.exec'))
  for (const name of XEN_GRUBS) files.set(name, from(`usr/lib/grub-xen/${name}`))
  files.set('seabios.bin', from('usr/share/seabios/bios-256k.bin'))
  files.set('vgabios.bin', from('usr/share/seabios/vgabios-stdvga.bin'))

  const hashes = {}
  for (const [name, bytes] of files) {
    writeFileSync(join(guests, name), bytes)
    hashes[name] = sha256(bytes)
  }
  const manifest = { recipe: RECIPE, kernelRelease: release, packages, files: hashes }
  writeFileSync(join(guests, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  rmSync(state, { recursive: true, force: true })
}

try {
  if (!process.argv.includes('--update') && intact()) log('.guests is complete')
  else {
    fetchAll()
    log('.guests is ready')
  }
} catch (error) {
  if (!(error instanceof AptUnavailable)) throw error
  log(error.message)
  process.exitCode = 2
}
