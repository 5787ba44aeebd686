/** Saving and going on by the command line: every restore is a new process. */
import { copyFileSync, existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { paragraft, root, runWithReport, scratch } from '../support/paragraft.ts'

const OLDGUEST = join(root, 'guests/oldguest/oldguest.elf')
const PARTS = [OLDGUEST, '--ops', join(root, 'examples/native-ops'), '--memory', '16M']

/** A report without what only the host's clock decides. */
function timeless({ report }: { report: object }): object {
  return { ...report, seconds: 0 }
}

test('saved in passing and where a run ends, restored in another process: the same console and the same report', async () => {
  const folder = scratch()
  const whole = await runWithReport(PARTS)
  for (const [name, options] of [
    ['instructions', ['--snapshot-at', '5_000_000']],
    ['time', ['--snapshot-at', '30ms']],
    ['text', ['--snapshot-at', 'process compute']],
  ] as const) {
    const file = join(folder, name)
    const passing = await runWithReport([...PARTS, '--snapshot', file, ...options])
    expect(passing.stderr).toContain(`saved as ${file}`)
    expect([name, passing.stdout, timeless(passing)]).toEqual([name, whole.stdout, timeless(whole)])
    const restored = await runWithReport([...PARTS.slice(0, 3), '--restore', file])
    expect([name, timeless(restored)]).toEqual([name, timeless(whole)])
    expect(restored.stdout.length).toBeLessThan(whole.stdout.length)
    expect(whole.stdout.endsWith(restored.stdout)).toBe(true)
  }

  const file = join(folder, 'until')
  const before = await paragraft(['run', ...PARTS, '--until', 'process compute', '--snapshot', file])
  expect(before.status).toBe(0)
  const after = await runWithReport([...PARTS, '--restore', file])
  expect(before.stdout + after.stdout).toBe(whole.stdout)
  expect(timeless(after)).toEqual(timeless(whole))
})

test('what cannot be saved or restored ends with status 2, its code and no file', async () => {
  const folder = scratch()
  const file = join(folder, 'snapshot')
  const late = await paragraft(['run', ...PARTS, '--snapshot', file, '--snapshot-at', '1000s'])
  expect([late.status, existsSync(file)]).toEqual([2, false])
  expect(late.stderr).toContain('PG_SNAPSHOT_MOMENT')
  const nowhere = await paragraft(['run', ...PARTS, '--snapshot-at', '5'])
  expect([nowhere.status, nowhere.stderr]).toEqual([2, expect.stringContaining('PG_USAGE')])

  await paragraft(['run', ...PARTS, '--until', 'paravirt', '--snapshot', file])
  const smaller = await paragraft(['run', ...PARTS.slice(0, 3), '--memory', '8M', '--restore', file])
  expect([smaller.status, smaller.stdout]).toEqual([2, ''])
  expect(smaller.stderr).toMatch(/16777216 bytes.*8388608 bytes.*PG_SNAPSHOT_MISMATCH/)
  copyFileSync(OLDGUEST, join(folder, 'other'))
  const other = await paragraft(['run', ...PARTS, '--restore', join(folder, 'other')])
  expect([other.status, other.stderr]).toEqual([2, expect.stringContaining('PG_SNAPSHOT_FORMAT')])
})
