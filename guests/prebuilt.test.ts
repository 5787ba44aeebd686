/** The guest programs in the repository are what their sources build. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { has, needs } from '../tests/support/needs.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const firstLine = (command: string) =>
  spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? ''

for (const guest of ['bench', 'oldguest', 'second-entry']) {
  const want = readFileSync(here(`${guest}/toolchain.txt`), 'utf8').trim()
  const same = has('gcc') && want === `${firstLine('gcc')}\n${firstLine('ld')}`
  // Another compiler builds other bytes; CI has the one that toolchain.txt names, and there it must agree.
  const run = same || process.env['PARAGRAFT_REQUIRE'] === 'all' ? needs('gcc') : test.skip
  run(`${guest}.elf is what its source builds`, () => {
    const check = spawnSync(here('check.sh'), [guest], { encoding: 'utf8' })
    expect(check.stderr).toBe('')
    expect(check.status).toBe(0)
  })
}
