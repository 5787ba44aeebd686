/**
 * Runs a paravirtual 32-bit image under the real Xen: Debian's hypervisor in qemu-system-x86_64 (TCG, with SVM and nested pages), its
 * kernel and toolstack as domain 0, and in a PVH domain Debian's xen-shim, which has what Debian's hypervisor is built without:
 * paravirtual guests of 32 bits. Prints what the guest's console said, the shim's own messages among it.
 *
 *   node scripts/xen/real.mjs IMAGE [--memory MB] [--prompt TEXT] [--line TEXT]… [--patience SECONDS] [--out FILE] [--serial FILE]
 *
 * A --line is typed at each --prompt. It ends when the guest does, or says nothing for --patience seconds (30). Packages are
 * fetched into `.guests/real-xen` once. --serial keeps what Xen and domain 0 said. A run takes two to five minutes. Status 2: something that it needs is not there.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { AptUnavailable, PrivateApt, unpack } from '../guests/apt.mjs'
import { CpioWriter } from '../guests/cpio.mjs'

const here = dirname(fileURLToPath(import.meta.url))
const state = join(here, '../../.guests/real-xen')
const VERSION = '4.17'
const TOOLS = ['xl', 'xenstored', 'xenconsoled', 'xen-init-dom0', 'libxl-save-helper']
const MODULES = ['xen-evtchn', 'xen-gntdev', 'xen-gntalloc', 'xen-privcmd', 'xenfs/xenfs']
const PACKAGES = `
  xen-hypervisor-${VERSION}-amd64 xen-utils-${VERSION} xenstore-utils libxenmisc${VERSION} libxenstore4 libxencall1 libxenevtchn1
  libxenforeignmemory1 libxengnttab1 libxentoolcore1 libxentoollog1 libxendevicemodel1 libxenhypfs1 libyajl2 libuuid1
  zlib1g liblzma5 libzstd1 libc6 libgcc-s1 busybox-static
`
  .trim()
  .split(/\s+/)
const PVSHIM = { type: 'pvh', pvshim: 1, vcpus: 1, on_crash: 'destroy', on_reboot: 'destroy' }
/** QEMU 7.2's TCG reads the stack of a far return at privilege level 3 as the supervisor's, and knows no MWAIT with a hint. */
const CPU = 'EPYC,-smap,-smep,-monitor'
const XEN_OPTIONS = 'console=com1 com1=115200,8n1 dom0_mem=600M dom0_max_vcpus=1 spec-ctrl=no xpti=no smt=no cpuidle=no'
const LIMIT_SECONDS = 900

const log = message => process.stderr.write(`real xen: ${message}\n`)

/** The packages' files; fetched once. */
function packages() {
  const root = join(state, 'root')
  if (existsSync(join(state, 'complete'))) return root
  rmSync(state, { recursive: true, force: true })
  mkdirSync(join(state, 'apt/debs'), { recursive: true })
  const apt = new PrivateApt(join(state, 'apt'), 'amd64')
  apt.update(log)
  const kernel = /(linux-image-\S+-amd64)/.exec(apt.show('linux-image-amd64')?.Depends ?? '')?.[1]
  if (kernel === undefined) throw new AptUnavailable('Debian has no linux-image-amd64')
  for (const name of [...PACKAGES, kernel]) {
    const { file, version } = apt.download(name)
    log(`${name} ${version}`)
    unpack(file, root)
  }
  rmSync(join(state, 'apt'), { recursive: true })
  writeFileSync(join(state, 'complete'), '')
  return root
}

/** Files below a directory, by name; links are followed. */
function filesOf(directory, found = new Map()) {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) filesOf(path, found)
    else found.set(entry.name, path)
  }
  return found
}

/** Domain 0's file system, with the guest and what is to be done with it. */
function initramfs(root, { image, memory, prompt, lines, patience }) {
  const tools = join(root, `usr/lib/xen-${VERSION}`)
  const libraries = new Map([
    ...filesOf(join(root, 'usr/lib/x86_64-linux-gnu')),
    ...filesOf(join(root, 'lib/x86_64-linux-gnu')),
  ])
  const cpio = new CpioWriter()
  const directories =
    'bin dev proc sys tmp run run/xen mnt modules etc lib lib64 lib/x86_64-linux-gnu usr usr/lib var var/lib var/lib/xen var/lib/xenstored var/log var/log/xen var/lock var/run var/run/xen'
  for (const name of [
    ...directories.split(' '),
    `usr/lib/xen-${VERSION}`,
    `usr/lib/xen-${VERSION}/bin`,
    `usr/lib/xen-${VERSION}/boot`,
  ]) {
    cpio.directory(name)
  }
  cpio.characterDevice('dev/console', 5, 1)
  const put = (name, from) => cpio.file(name, readFileSync(from), 0o755)
  put('init', join(here, 'dom0-init.sh'))
  put('bin/busybox', join(root, 'bin/busybox'))
  put('bin/xenstore-read', join(root, 'usr/bin/xenstore-read'))
  put('lib64/ld-linux-x86-64.so.2', libraries.get('ld-linux-x86-64.so.2'))
  put(`usr/lib/xen-${VERSION}/boot/xen-shim`, join(tools, 'boot/xen-shim'))
  for (const tool of TOOLS) put(`usr/lib/xen-${VERSION}/bin/${tool}`, join(tools, 'bin', tool))
  const release = readdirSync(join(root, 'lib/modules'))[0]
  for (const module of MODULES) {
    put(
      `modules/${module.replace(/.*\//, '')}.ko`,
      join(root, 'lib/modules', release, 'kernel/drivers/xen', `${module}.ko`),
    )
  }
  for (const name of needed(
    [...TOOLS.map(tool => join(tools, 'bin', tool)), join(root, 'usr/bin/xenstore-read')],
    libraries,
  )) {
    put(`lib/x86_64-linux-gnu/${name}`, libraries.get(name))
  }
  const text = (name, contents) => cpio.file(name, Buffer.from(contents))
  cpio.file('guest', readFileSync(image))
  const config = { name: 'guest', kernel: '/guest', memory, ...PVSHIM }
  text(
    'guest.cfg',
    Object.entries(config)
      .map(([key, value]) => `${key}=${JSON.stringify(value)}\n`)
      .join(''),
  )
  text('prompt', prompt)
  text('lines', lines.map(line => `${line}\n`).join(''))
  text('patience', `${patience}`)
  return { cpio: cpio.finish(), kernel: join(root, `boot/vmlinuz-${release}`) }
}

/** Names of the shared libraries that programs need, and those need in turn; the C library loads one more when a thread is cancelled. */
function needed(programs, libraries) {
  const names = new Set(['libgcc_s.so.1'])
  const visit = path => {
    const { stdout, error } = spawnSync('objdump', ['-p', path], { encoding: 'utf8' })
    if (error) throw new AptUnavailable('objdump is needed (package binutils)')
    for (const [, name] of stdout.matchAll(/NEEDED\s+(\S+)/g)) {
      if (names.has(name) || name.startsWith('ld-linux')) continue
      if (!libraries.has(name)) throw new Error(`${path} needs ${name}`)
      names.add(name)
      visit(libraries.get(name))
    }
  }
  programs.forEach(visit)
  return names
}

/** Boots it all; the guest's console, and how it ended, in xl's words. */
function run(root, options) {
  const work = mkdtempSync(join(tmpdir(), 'real-xen-'))
  const { cpio, kernel } = initramfs(root, options)
  writeFileSync(join(work, 'initrd'), cpio)
  writeFileSync(join(work, 'xen'), gunzipSync(readFileSync(join(root, `boot/xen-${VERSION}-amd64.gz`))))
  const qemu = spawn(
    'qemu-system-x86_64',
    [
      ...[
        '-machine',
        'q35',
        '-accel',
        'tcg',
        '-cpu',
        CPU,
        '-m',
        '1200',
        '-no-reboot',
        '-display',
        'none',
        '-monitor',
        'none',
      ],
      ...['-kernel', join(work, 'xen'), '-append', XEN_OPTIONS],
      ...['-initrd', `${kernel} console=hvc0,${join(work, 'initrd')}`, '-serial', 'stdio'],
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const timer = setTimeout(() => qemu.kill(), LIMIT_SECONDS * 1000)
  let serial = ''
  qemu.stdout.on('data', bytes => {
    serial += bytes.toString('latin1')
  })
  return new Promise((resolve, reject) => {
    qemu.on('error', () => reject(new AptUnavailable('qemu-system-x86_64 is needed (package qemu-system-x86)')))
    qemu.on('close', () => {
      clearTimeout(timer)
      rmSync(work, { recursive: true })
      if (options.serial !== undefined) writeFileSync(options.serial, serial, 'latin1')
      const found = /REAL-XEN: end ([^\r\n]*)[\s\S]*?REAL-XEN: console\s([\s\S]*?)REAL-XEN: done/.exec(serial)
      if (found === null) reject(new Error(`domain 0 did not come to its end:\n${serial.slice(-4000)}`))
      else resolve({ end: found[1], console: Buffer.from(found[2], 'base64') })
    })
  })
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    memory: { type: 'string', default: '64' },
    prompt: { type: 'string', default: '' },
    line: { type: 'string', multiple: true, default: [] },
    patience: { type: 'string', default: '30' },
    out: { type: 'string' },
    serial: { type: 'string' },
  },
})
if (positionals.length !== 1) {
  log('give it one image')
  process.exit(1)
}
try {
  const { end, console: said } = await run(packages(), {
    image: positionals[0],
    memory: Number(values.memory),
    prompt: values.prompt,
    lines: values.line,
    patience: Number(values.patience),
    serial: values.serial,
  })
  if (values.out === undefined) process.stdout.write(said)
  else writeFileSync(values.out, said)
  log(end)
} catch (error) {
  if (!(error instanceof AptUnavailable)) throw error
  log(error.message)
  process.exitCode = 2
}
