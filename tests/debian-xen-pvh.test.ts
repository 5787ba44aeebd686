/**
 * Debian's i386 kernel by its PVH entry on the Xen backend: it knows that it runs on Xen, talks by Xen's console, takes
 * Xen's time, has its disk through blkfront and its network through netfront, and powers off.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import xen from '@paragraft/backend-xen'
import { isParagraftError } from '@paragraft/core/errors'
import { createMachine } from 'paragraft'
import { expect, test } from 'vitest'
import { minixDisk } from './support/minix.ts'
import { guest, needs } from './support/needs.ts'
import { paragraft, runWithReport, scratch } from './support/paragraft.ts'

const MINUTES = 60_000
const debian = needs('debian guests')

function boot(extra: string[], script: string[]) {
  const args = [guest('vmlinux-686-pae'), '--backend', 'xen', '--initrd', guest('initramfs-xen.cpio.gz')]
  const input = script.map(line => `${line}\n`).join('')
  return runWithReport([...args, '--append', 'cryptomgr.notests', '--timeout', '900', ...extra], { input })
}

/** Frames of a capture (IETF draft-ietf-opsawg-pcap), without their headers. */
function framesOf(file: string): Buffer[] {
  const bytes = readFileSync(file)
  expect(bytes.readUInt32LE(0)).toBe(0xa1b2c3d4)
  const frames: Buffer[] = []
  for (let at = 24; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 8)
    frames.push(bytes.subarray(at + 16, at + 16 + length))
    at += 16 + length
  }
  return frames
}

/** `arp 1`, `icmp 8`: what a frame is, and its operation or type; undefined for anything else. */
function kind(frame: Buffer): string | undefined {
  const type = frame.readUInt16BE(12)
  if (type === 0x0806) return `arp ${frame.readUInt16BE(20)}`
  return type === 0x0800 && frame[23] === 1 ? `icmp ${frame[34]}` : undefined
}

debian(
  'it runs on Xen: console, clock, disk, network, power',
  async () => {
    const folder = scratch()
    const [disk, capture] = [join(folder, 'disk.img'), join(folder, 'net.pcap')]
    writeFileSync(disk, minixDisk(256, { greeting: 'hello from the host\n' }))
    const { status, stdout, report } = await boot(
      ['--disk', disk, '--net', `peer=${capture}`],
      [
        'mount -t minix /dev/xvda /mnt && cat /mnt/greeting',
        'echo hello from the guest > /mnt/answer; umount /mnt; sync',
        'ifconfig eth0 10.0.0.2; ping -c 3 10.0.0.1',
        'cat /sys/devices/system/clocksource/clocksource0/current_clocksource; date +%Y',
        'cat /sys/hypervisor/type /sys/hypervisor/version/major /sys/hypervisor/version/minor',
        'poweroff -f',
      ],
    )
    expect([status, report.stop]).toEqual([0, { kind: 'powerOff' }])
    expect(report.head).toBe('xen-pvh')
    expect(stdout).toContain('Hypervisor detected: Xen HVM')
    expect(stdout).toContain('Booting kernel on Xen PVH')
    expect(stdout).toContain('Xen HVM callback vector for event delivery is enabled')
    expect(stdout).toContain('printk: console [hvc0] enabled')
    expect(stdout).toContain('Switched to clocksource xen')
    expect(stdout).toContain('shell on hvc0')
    expect(stdout).toMatch(/\nxen\r\n2026\r\n/)
    expect(stdout).toMatch(/\nxen\r\n4\r\n17\r\n/)
    expect(stdout).toMatch(/greeting\r\nhello from the host\r\n/)
    expect(readFileSync(disk).includes('hello from the guest\n')).toBe(true)

    expect(stdout).toContain('3 packets transmitted, 3 packets received, 0% packet loss')
    const kinds = framesOf(capture).map(kind)
    const count = (what: string): number => kinds.filter(each => each === what).length
    expect([count('arp 1'), count('arp 2')]).toEqual([1, 1])
    expect([count('icmp 8'), count('icmp 0')]).toEqual([3, 3])

    const { hypercalls = {}, events = {} } = report
    for (const name of ['hvm_op', 'memory_op', 'event_channel_op', 'vcpu_op', 'grant_table_op', 'xen_version']) {
      expect([name, hypercalls[name] ?? 0]).not.toEqual([name, 0])
    }
    const sources = Object.keys(events).map(name => name.replace(/^\d+ /, ''))
    expect(sources).toEqual(expect.arrayContaining(['console', 'xenstore', 'virq 0', 'vbd 51712', 'vif 0']))
    // Nothing that a kernel needs was refused for want of it.
    expect((report.reports ?? []).filter(({ key }) => key.startsWith('hypercall '))).toEqual([])
  },
  15 * MINUTES,
)

debian(
  'the same boot is the same run, on either engine',
  async () => {
    const runs = []
    for (const engine of ['auto', 'interpreter']) {
      const { status, stdout, report } = await boot(['--engine', engine], ['poweroff -f'])
      expect(status).toBe(0)
      runs.push({ stdout, report: { ...report, seconds: 0 } })
    }
    expect(runs[1]).toEqual(runs[0])
  },
  15 * MINUTES,
)

debian('inspect says which head takes it, and why the other does not', async () => {
  const { status, stdout } = await paragraft(['inspect', guest('vmlinux-686-pae')])
  expect(status).toBe(0)
  expect(stdout).toContain('xen by xen-pvh: yes, at 0x10002e0 (linux, by its note PHYS32_ENTRY)')
  expect(stdout).toContain('xen by xen-pv: no: its notes have no ENTRY')
})

debian(
  'ops can be grafted onto it, there as on bare hardware',
  async () => {
    const { status, stdout, report } = await boot(['--ops', 'examples/native-ops'], ['poweroff -f'])
    expect([status, report.head]).toEqual([0, 'xen-pvh'])
    expect(stdout).toContain('Booting kernel on Xen PVH')
    const unlock = report.ops.find(({ op }) => op === 'lock.queued_spin_unlock')!
    expect([unlock.owner, unlock.patched]).toEqual(['@paragraft-examples/native-ops', unlock.sites])
    expect(unlock.calls).toBeGreaterThan(1000)
  },
  15 * MINUTES,
)

test('a kernel without a PVH entry is refused, with the reason of each head', async () => {
  const image = new Uint8Array(readFileSync(new URL('../guests/oldguest/oldguest.elf', import.meta.url)))
  const refused = await createMachine({ image, backend: xen, output: () => {} }).catch((error: unknown) => error)
  if (!isParagraftError(refused)) throw refused
  expect(refused.code).toBe('PG_HEAD_NO_MATCH')
  const why = "no ELF note of Xen's, and no section __xen_guest"
  expect(refused.fields['reasons']).toEqual({ 'xen-pvh': why, 'xen-pv': expect.stringContaining(why) })
})
