/** The examples of docs/embedding.md, executed as they stand there. The page's is in browser.test.ts. */
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { embeddingExample, runUnnamed } from './support/embedding.ts'
import { userFolder } from './support/packages.ts'
import { root } from './support/paragraft.ts'

test('ten lines run a guest in Node, and the run is the command line’s', async () => {
  const cwd = userFolder(['paragraft', 'backend-native'], { 'embed.mjs': embeddingExample('Node') })
  copyFileSync(join(root, 'guests/oldguest/oldguest.elf'), join(cwd, 'oldguest.elf'))
  const embedded = spawnSync(process.execPath, ['embed.mjs'], { cwd, encoding: 'utf8' })
  expect([embedded.stderr, embedded.status]).toEqual([expect.any(String), 0])
  const { stdout, report } = await runUnnamed()
  expect(embedded.stdout).toBe(stdout)
  const [last, stop] = embedded.stderr.trimEnd().split('\n').reverse()
  expect(last).toBe(`powerOff after ${report.instructions} instructions`)
  // The OUT that switches the power off has not retired yet.
  expect(stop).toBe(`${report.instructions - 1} stop`)
})

test('they are ten lines', () => {
  for (const where of ['Node', 'a page'] as const) {
    expect(
      embeddingExample(where)
        .split('\n')
        .filter(line => line !== '').length,
    ).toBeLessThanOrEqual(10)
  }
})

test('the README’s example runs', () => {
  const code = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))?.[1]
  const cwd = userFolder(['paragraft', 'backend-native'], { 'readme.mjs': `${code}\nconsole.log(report.stop.kind)` })
  symlinkSync(join(root, 'guests'), join(cwd, 'guests'), 'dir')
  const { status, stdout } = spawnSync(process.execPath, ['readme.mjs'], { cwd, encoding: 'utf8' })
  expect(status).toBe(0)
  expect(stdout).toMatch(/^oldguest 1\.0[\s\S]*\npowerOff\n$/)
})
