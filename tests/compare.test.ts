/** `paragraft compare`: runs by backend and by profile, refusals as columns, reports of earlier runs. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Comparison } from 'paragraft'
import { expect, test } from 'vitest'
import { userFolder } from './support/packages.ts'
import { flatGuest, paragraft, say } from './support/paragraft.ts'

const FOREVER = [0xeb, 0xfe]

test('each backend is a column, one that refuses the guest too', async () => {
  const cwd = userFolder(['backend-native', 'backend-vmi', 'backend-xen'])
  const args = ['compare', flatGuest([...say('hello'), ...FOREVER]), '--until', 'hello']
  const backends = ['--backend', 'native', '--backend', 'xen', '--backend', 'vmi']
  const { status, stdout } = await paragraft([...args, ...backends], { cwd })
  expect(status).toBe(0)
  expect(stdout).toMatch(/^ +native +xen +vmi$/m)
  expect(stdout).toMatch(/^stop +"hello" was seen +refused: PG_HEAD_NO_MATCH +"hello" was seen$/m)
  expect(stdout).toMatch(/^instructions +(\d+) +- +\1$/m)
  expect(stdout).toMatch(/^io exits +5 +- +5$/m)
  expect(stdout).toMatch(/^xen: backend xen cannot boot this image .* \[PG_HEAD_NO_MATCH\]$/m)
  const none = await paragraft([...args, '--backend', 'xen'], { cwd })
  expect(none.status).toBe(2)
})

test('without backends the config’s profiles are compared; a disk stays as it is', async () => {
  const cwd = userFolder(['backend-native'])
  writeFileSync(join(cwd, 'disk.img'), new Uint8Array(1024))
  const profiles = { fast: { memory: '2M' }, slow: { nsPerInstruction: 8 } }
  const config = { guest: flatGuest([...say('hi'), ...FOREVER]), until: 'hi', disk: 'disk.img', profiles }
  writeFileSync(join(cwd, 'paragraft.config.json'), JSON.stringify(config))
  const { status, stdout } = await paragraft(['compare', '--json'], { cwd })
  expect(status).toBe(0)
  const { runs } = JSON.parse(stdout) as Comparison
  expect(runs.map(({ name, stop }) => [name, stop?.kind])).toEqual([
    ['fast', 'until'],
    ['slow', 'until'],
  ])
  expect(runs[1]!.virtualNs).toBeGreaterThan(runs[0]!.virtualNs!)
})

test('bad usage is refused with its code', async () => {
  const cwd = userFolder([], { 'no.json': '{}', 'broken.json': '{' })
  for (const [args, code] of [
    [['x'], 'PG_USAGE'],
    [['x', '--backend'], 'PG_USAGE'],
    [['x', '--profile', 'p'], 'PG_CONFIG'],
    [['--read', 'nowhere.json'], 'PG_REPORT_FILE'],
    [['--read', 'no.json'], 'PG_REPORT_FILE'],
    [['--read', 'broken.json'], 'PG_REPORT_FILE'],
    [['x', '--read', 'no.json'], 'PG_USAGE'],
  ] as const) {
    const { status, stdout, stderr } = await paragraft(['compare', ...args], { cwd })
    expect([args, status, stdout]).toEqual([args, 2, ''])
    expect(stderr).toContain(`[${code}]`)
  }
})
