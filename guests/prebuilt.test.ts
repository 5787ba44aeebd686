/** The guest programs in the repository are what their sources build. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { needs } from '../tests/support/needs.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

const firstLine = (command: string) =>
  spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? ''

for (const guest of ['bench', 'conformance', 'oldguest', 'second-entry']) {
  const want = readFileSync(here(`${guest}/toolchain.txt`), 'utf8').trim()
  needs('gcc')(`${guest}.elf is what its source builds`, context => {
    // Another compiler builds other bytes; CI has the one that toolchain.txt names, and there it must agree.
    const have = `${firstLine('gcc')}\n${firstLine('ld')}`
    if (have !== want && process.env['PARAGRAFT_REQUIRE'] !== 'all')
      context.skip('toolchain.txt names another compiler')
    const check = spawnSync(here('check.sh'), [guest], { encoding: 'utf8' })
    expect(check.stderr).toBe('')
    expect(check.status).toBe(0)
  })
}
