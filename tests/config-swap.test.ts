/** One guest, one config: changing one word of it runs the same guest under another backend. */
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { RunReport } from '@paragraft/core'
import type { Comparison } from 'paragraft'
import { expect, test } from 'vitest'
import { userFolder } from './support/packages.ts'
import { paragraft, root } from './support/paragraft.ts'

const OLDGUEST = join(root, 'guests/oldguest/oldguest.elf')

/** Every backend that oldguest boots under, with the owner of an op that its default ops answer. */
const BACKENDS = {
  native: 'guest',
  vmi: '@paragraft/backend-vmi/ops',
  xen: '@paragraft/backend-xen/ops',
} as const

const config = (backend: string): string => `
  import { defineConfig } from 'paragraft'
  export default defineConfig({
    guest: 'oldguest.elf',
    memory: '64M',
    timeout: 300,
    backend: '${backend}',
    backends: { vmi: { rom: 'deferred' } },
    report: '${backend}.json',
  })`

test('oldguest, unchanged, boots under every backend by one word of the config', async () => {
  const cwd = userFolder(['paragraft', 'backend-native', 'backend-vmi', 'backend-xen'])
  const elf = readFileSync(OLDGUEST)
  copyFileSync(OLDGUEST, join(cwd, 'oldguest.elf'))
  for (const [backend, owner] of Object.entries(BACKENDS)) {
    writeFileSync(join(cwd, 'paragraft.config.ts'), config(backend))
    const { status, stdout, stderr } = await paragraft(['run'], { cwd })
    expect([stderr, status]).toEqual([stderr, 0])
    expect(stdout).not.toMatch(/FAILED|panic/)
    expect(stdout).toMatch(/^selfcheck: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
    expect(stdout).toMatch(/^selfcheck, sites patched: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
    const report = JSON.parse(readFileSync(join(cwd, `${backend}.json`), 'utf8')) as RunReport
    expect([report.backend, report.stop.kind]).toEqual([backend, 'powerOff'])
    expect(report.ops.find(({ op }) => op === 'mmu.write_cr3')?.owner).toBe(owner)
  }
  expect(readFileSync(join(cwd, 'oldguest.elf')).equals(elf)).toBe(true)

  const read = Object.keys(BACKENDS).flatMap(backend => ['--read', `${backend}.json`])
  const { status, stdout } = await paragraft(['compare', ...read, '--json'], { cwd })
  expect(status).toBe(0)
  const comparison = JSON.parse(stdout) as Comparison
  expect(comparison.runs.map(({ name, backend }) => [name, backend])).toEqual(
    Object.keys(BACKENDS).map(name => [name, name]),
  )
  const loads = comparison.ops.find(({ op }) => op === 'mmu.write_cr3')!
  expect(loads.answers.map(answer => answer?.owner)).toEqual(Object.values(BACKENDS))
  for (const answer of loads.answers) expect(answer?.calls).toBeGreaterThan(100)
  // Hypercalls by name: a bare PC counts none, and each hypervisor its own.
  const called = (name: string) => comparison.hypercalls.find(row => row.name === name)?.counts
  expect(called('SetCR3')).toEqual([null, expect.any(Number), 0])
  expect(called('mmu_update')).toEqual([null, 0, expect.any(Number)])

  const refused = await paragraft(['run', '--ops', 'none'], { cwd })
  expect([refused.status, refused.stdout]).toEqual([2, ''])
  expect(refused.stderr).toMatch(/a kernel that does not know Xen boots with an ops module .* \[PG_HEAD_NO_MATCH\]/)
})
