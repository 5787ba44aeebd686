/**
 * Debian's own i386 kernel, unmodified, on the whole machine: to a shell and off again, alone and with the example
 * module's ops grafted onto it.
 *
 * `cryptomgr.notests` leaves out self-tests of the kernel's cryptography, three quarters of its boot; one test boots with
 * a plain command line.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import native from '@paragraft/backend-native'
import type { LedgerRow, OpReport } from '@paragraft/core'
import { parseImage, requireLayout } from '@paragraft/loader'
import { createMachine, run } from 'paragraft'
import { expect } from 'vitest'
import nativeOps from '../examples/native-ops/src/index.ts'
import { guest, needs } from './support/needs.ts'
import { runWithReport, scratch } from './support/paragraft.ts'

const SHORT = ['--append', 'cryptomgr.notests']
const LIMIT = ['--timeout', '900']
const MINUTES = 60_000

const debian = needs('debian guests')

function boot(image: string, extra: string[], input: string) {
  return runWithReport([guest(image), '--initrd', guest('initramfs.cpio.gz'), ...LIMIT, ...extra], { input })
}

const release = (): string => JSON.parse(readFileSync(guest('manifest.json'), 'utf8')).kernelRelease

/** The kernel's log without its time stamps. */
function log(output: string): string[] {
  return output.split(/\r?\n/).map(line => line.replace(/^\[ *\d+\.\d+\] /, ''))
}

function warnings(output: string): string[] {
  return log(output).filter(line => /WARNING|BUG|Oops|Call Trace|insecure|unchecked|stall/i.test(line))
}

debian(
  'vmlinuz reaches a shell, which answers; poweroff -f ends with status 0',
  async () => {
    const { status, stdout, report } = await boot('vmlinuz-686-pae', [], 'uname -r\necho $((6 * 7))\npoweroff -f\n')
    expect([status, report.stop]).toEqual([0, { kind: 'powerOff' }])
    expect(stdout).toMatch(new RegExp(`/ # .*uname -r\\r\\n${release()}\\r\\n`))
    expect(stdout).toMatch(/\/ # .*echo \$\(\(6 \* 7\)\)\r\n42\r\n/)
    expect(stdout).toContain('reboot: Power down')
    expect(stdout).toContain('NX (Execute Disable) protection: active')
    expect(report.head).toBe('linux')
    expect(report.input.map(arrival => arrival.bytes)).toEqual(['uname -r\n', 'echo $((6 * 7))\n', 'poweroff -f\n'])
  },
  15 * MINUTES,
)

debian(
  'vmlinux does the same, with a disk whose sectors the guest reads and writes',
  async () => {
    const disk = join(scratch(), 'disk.img')
    const bytes = Buffer.alloc(2 ** 20)
    bytes.write('from the host', 0)
    writeFileSync(disk, bytes)
    const script = 'head -c 13 /dev/vda\necho -n from the guest | dd of=/dev/vda seek=3 conv=fsync\nsync\npoweroff -f\n'
    const { status, stdout } = await boot('vmlinux-686-pae', [...SHORT, '--disk', disk], script)
    expect(status).toBe(0)
    expect(stdout).toContain('from the host/ #')
    expect(
      readFileSync(disk)
        .subarray(3 * 512, 3 * 512 + 14)
        .toString(),
    ).toBe('from the guest')
  },
  10 * MINUTES,
)

const CALLED = ['lock.queued_spin_unlock', 'mmu.flush_tlb_one_user', 'cpu.io_delay', 'mmu.tlb_remove_table']
const NEVER_ON_ONE_PROCESSOR = ['lock.wait', 'lock.kick', 'lock.queued_spin_lock_slowpath', 'mmu.flush_tlb_multi']

debian(
  'with other ops grafted it boots as if nothing had happened, and twice the same',
  async () => {
    const input = 'echo hello\npoweroff -f\n'
    const plain = await boot('vmlinuz-686-pae', SHORT, input)
    const graft = await boot('vmlinuz-686-pae', [...SHORT, '--ops', 'examples/native-ops'], input)
    expect([plain.status, graft.status]).toEqual([0, 0])
    expect(graft.stdout).toContain('NX (Execute Disable) protection: active')
    expect(warnings(graft.stdout)).toEqual(warnings(plain.stdout))

    const row = (op: string): OpReport => graft.report.ops.find(candidate => candidate.op === op) as OpReport
    const own = graft.report.ops.filter(({ owner }) => owner === nativeOps.name)
    expect(graft.report.ops).toHaveLength(13)
    expect(own.length).toBeGreaterThanOrEqual(9)
    expect(new Set(own.map(({ answer }) => answer))).toEqual(new Set(['host', 'code']))
    expect(CALLED.filter(op => row(op).calls === 0)).toEqual([])
    expect(NEVER_ON_ONE_PROCESSOR.filter(op => row(op).calls !== 0)).toEqual([])
    // Every site that the kernel's patcher owns has been rewritten, to the module's functions.
    expect(own.map(({ op, patched }) => [op, patched])).toEqual(own.map(({ op, sites }) => [op, sites]))

    const again = await boot('vmlinuz-686-pae', [...SHORT, '--ops', 'examples/native-ops'], input)
    expect(again.stdout).toBe(graft.stdout)
    expect({ ...again.report, seconds: 0 }).toEqual({ ...graft.report, seconds: 0 })
  },
  15 * MINUTES,
)

/** Where the kernel is linked, minus where it is loaded. */
const OFFSET = 0xc0000000

debian(
  "the ledger's counts are those of an instruction trace",
  async () => {
    const file = (name: string): Uint8Array => new Uint8Array(readFileSync(guest(name)))
    // Executions by virtual address of the first 64 MB; before paging is on, by physical address.
    const executed = new Uint32Array(2 ** 26)
    const machine = await createMachine({
      image: file('vmlinux-686-pae'),
      backend: native,
      ops: [nativeOps],
      initrd: file('initramfs.cpio.gz'),
      commandLine: 'cryptomgr.notests',
      output: () => {},
      onInstruction: eip => executed[(eip >= OFFSET ? eip - OFFSET : eip) & (2 ** 26 - 1)]!++,
    })
    const { stop } = await run(machine, { until: '/ # ', timeout: 800 })
    expect(stop.kind).toBe('until')
    // An answer of the module counts where it is entered; what stayed the guest's counts where it is called.
    const { sites } = requireLayout(await parseImage(file('vmlinux-686-pae')))
    const traced = ({ slot, owner, target }: LedgerRow): number =>
      owner === nativeOps.name
        ? executed[target - OFFSET]!
        : sites.filter(site => site.slot === slot).reduce((sum, site) => sum + executed[site.pa]!, 0)
    const rows = machine.ops() as LedgerRow[]
    expect(rows.map(({ op, calls }) => [op, calls])).toEqual(rows.map(row => [row.op, traced(row)]))
    expect(CALLED.filter(op => !rows.some(row => row.op === op && row.calls > 0))).toEqual([])
  },
  15 * MINUTES,
)
