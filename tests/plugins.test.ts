/** What is within reach of a folder is known by what packages say of themselves; `inspect` asks every backend among it. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { install, userFolder } from './support/packages.ts'
import { paragraft, root } from './support/paragraft.ts'

const CODE = `
  import { writeFileSync } from 'node:fs'
  import { defineBackend } from '@paragraft/core/ops'
  writeFileSync(new URL('./ran', import.meta.url), '')
  export default defineBackend({ name: 'acme', version: '1.0.0', apiVersion: '^1.1.0', supports: [], heads: ['linux'], create: () => ({}) })`

const metadata = { kind: 'backend', name: 'acme', api: '^1.1.0', supports: [] }

test('plug-ins are listed by their metadata, and none of their code runs', async () => {
  const cwd = userFolder(['core', 'backend-vmi'], {
    'package.json': { dependencies: { 'acme-hv': '*', 'not-there': '*' } },
  })
  const home = install(cwd, 'acme-hv', { paragraft: metadata }, CODE)
  install(cwd, 'unrelated', { paragraft: metadata }, CODE)
  install(cwd, 'paragraft-ops-new', { paragraft: { kind: 'ops', name: 'new', api: '^9.0.0' } }, CODE)
  const { status, stdout } = await paragraft(['plugins', '--json'], { cwd })
  expect(status).toBe(0)
  const { plugins } = JSON.parse(stdout)
  const byName = Object.fromEntries(plugins.map((plugin: { package: string }) => [plugin.package, plugin]))
  expect(byName).toMatchObject({
    '@paragraft/backend-vmi': { metadata: { kind: 'backend', name: 'vmi', ops: './ops' } },
    'acme-hv': { version: '1.0.0', metadata },
    'paragraft-ops-new': { refused: { code: 'PG_API_VERSION' } },
  })
  expect(byName).not.toHaveProperty('unrelated')
  expect(byName).not.toHaveProperty('@paragraft/core')
  expect(existsSync(join(home, 'ran'))).toBe(false)

  const text = await paragraft(['plugins'], { cwd })
  expect(text.stdout).toMatch(/^backend +acme +acme-hv +1\.0\.0 +\^1\.1\.0/m)
  expect(text.stdout).toMatch(
    /paragraft-ops-new is written for plug-in API \^9\.0\.0; this is 1\..* \[PG_API_VERSION\]/,
  )

  const inspected = await paragraft(['inspect', join(root, 'guests/oldguest/oldguest.elf')], { cwd })
  expect(inspected.stdout).toMatch(/^ {2}acme-hv by linux: no: ./m)
  expect(existsSync(join(home, 'ran'))).toBe(true)
})
