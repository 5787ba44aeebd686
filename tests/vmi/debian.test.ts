/**
 * Debian's i386 kernel, which has no VMI, on the VMI backend: it boots as on plain hardware, and what it sees of the ROM is a
 * PCI card that it has no driver for.
 */
import vmi, { builtInRom } from '@paragraft/backend-vmi'
import { expect } from 'vitest'
import { guest, needs } from '../support/needs.ts'
import { runWithReport } from '../support/paragraft.ts'

const ARGUMENTS = [guest('vmlinuz-686-pae'), '--initrd', guest('initramfs.cpio.gz'), '--append', 'cryptomgr.notests']

/** The kernel's log without time stamps, and without lines that tell of the card or of measured time. */
function log(output: string): string[] {
  return output
    .split(/\r?\n/)
    .map(line => line.replace(/^\[ *\d+\.\d+\] /, ''))
    .filter(line => !/0000:00:05\.0|usecs|tsc|clocksource|sched_clock|ns$|BogoMIPS|loops|random|cycles/i.test(line))
}

needs('debian guests')(
  'it reaches its shell and switches off, with the log of plain hardware, and calls nothing',
  async () => {
    const boot = (backend: string) =>
      runWithReport([...ARGUMENTS, '--backend', backend, '--timeout', '900'], {
        input: 'echo $((6 * 7))\npoweroff -f\n',
      })
    const [hardware, under] = [await boot('native'), await boot(vmi.name)]
    expect([under.status, under.report.stop]).toEqual([0, { kind: 'powerOff' }])
    expect(under.stdout).toMatch(/echo \$\(\(6 \* 7\)\)\r\n42\r\n/)
    expect(under.stdout).toContain('pci 0000:00:05.0: [15ad:0801] type 00 class 0x088000')
    expect(hardware.stdout).not.toContain('15ad')
    expect(log(under.stdout)).toEqual(log(hardware.stdout))
    expect(under.report.hypercalls).toEqual({})
    const answers = [...builtInRom('plain').answers!].map(([call, { relocation }]) => [call, relocation])
    expect(under.report.answers).toEqual(Object.fromEntries(answers))
    const missing = (report: typeof under.report) => report.reports?.map(({ key }) => key)
    expect(missing(under.report)).toEqual(missing(hardware.report))
  },
  900_000,
)
