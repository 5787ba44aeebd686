/** The guest programs in the repository are what their sources build. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { needs } from '../tests/support/needs.ts'
import { otherToolchain } from '../tests/support/toolchain.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

for (const guest of ['bench', 'conformance', 'oldguest', 'plain', 'second-entry']) {
  needs('gcc')(`${guest}.elf is what its source builds`, context => {
    if (otherToolchain(here(`${guest}/toolchain.txt`))) context.skip('toolchain.txt names another compiler')
    const check = spawnSync(here('check.sh'), [guest], { encoding: 'utf8' })
    expect(check.stderr).toBe('')
    expect(check.status).toBe(0)
  })
}
