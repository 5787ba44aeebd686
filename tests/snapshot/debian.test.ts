/**
 * Debian's kernel, saved in the middle of its boot and restored in a new process: the same trace as without. Three lines of
 * evidence: the console and the whole report to the end; every instruction's EIP over a stretch; registers, RAM and time
 * behind it.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import native from '@paragraft/backend-native'
import { expect } from 'vitest'
import nativeOps from '../../examples/native-ops/src/index.ts'
import { runTo, stateOf, watched } from '../support/machines.ts'
import { guest, needs } from '../support/needs.ts'
import { root, runWithReport, scratch } from '../support/paragraft.ts'

const debian = needs('debian guests')
const MINUTES = 60_000
const KERNEL = guest('vmlinuz-686-pae')
const SHORT = ['--append', 'cryptomgr.notests']
const LIMIT = ['--timeout', '900']
const SCRIPT = 'echo $((6 * 7))\npoweroff -f\n'
/** Half way to the shell. */
const MIDDLE = 240_000_000
/** Instructions of which each is compared. */
const STRETCH = 3_000_000

debian(
  'native, with ops of a module: saved in passing in the middle of the boot',
  async () => {
    const folder = scratch()
    const file = join(folder, 'middle')
    const parts = [KERNEL, '--ops', join(root, 'examples/native-ops'), ...LIMIT]
    const boot = [...parts, ...SHORT, '--initrd', guest('initramfs.cpio.gz')]
    const whole = await runWithReport(boot, { input: SCRIPT })
    expect(whole.report.stop).toEqual({ kind: 'powerOff' })

    // Saved by one process, gone on with by a second (which is given the script that the first had read by then) …
    const saved = await runWithReport([...boot, '--snapshot', file, '--snapshot-at', `${MIDDLE}`], { input: SCRIPT })
    expect([saved.stdout, { ...saved.report, seconds: 0 }]).toEqual([whole.stdout, { ...whole.report, seconds: 0 }])
    const restored = await runWithReport([...parts, '--restore', file])
    expect({ ...restored.report, seconds: 0 }).toEqual({ ...whole.report, seconds: 0 })
    expect(restored.stdout.length).toBeLessThan(whole.stdout.length)
    expect(whole.stdout.endsWith(restored.stdout)).toBe(true)

    // … and by a third, this one, which has a machine beside it that was never saved.
    const config = {
      image: new Uint8Array(readFileSync(KERNEL)),
      imageName: 'vmlinuz-686-pae',
      backend: native,
      ops: [nativeOps],
    }
    const snapshot = new Uint8Array(readFileSync(file))
    const without = await watched({
      ...config,
      initrd: new Uint8Array(readFileSync(guest('initramfs.cpio.gz'))),
      commandLine: SHORT[1]!,
    })
    runTo(without, MIDDLE)
    const continued = await watched({ ...config, snapshot })
    expect(continued.machine.instructions()).toBe(MIDDLE)
    expect(stateOf(continued)).toBe(stateOf(without))

    const traces = [without.traced(), continued.traced()]
    runTo(without, MIDDLE + STRETCH)
    runTo(continued, MIDDLE + STRETCH)
    expect(traces[1]!()).toBe(traces[0]!())
    expect(stateOf(continued)).toBe(stateOf(without))
  },
  20 * MINUTES,
)
