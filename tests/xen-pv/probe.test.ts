/**
 * Every refusal is Xen's: a guest asks for what it must not have, and its lines are compared with those of the same image on Xen itself,
 * by scripts/xen/real.mjs (xen-4.17.txt: Debian's xen-shim 4.17.7+13-g2445b30a44-0+deb12u1; the hypervisor's own lines left out):
 *
 *   PARAGRAFT_KEEP=probe.elf npx vitest run tests/xen-pv && node scripts/xen/real.mjs probe.elf
 */
import { spawnSync } from 'node:child_process'
import { copyFileSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import xen from '@paragraft/backend-xen'
import { createMachine } from 'paragraft'
import { expect } from 'vitest'
import { needs } from '../support/needs.ts'
import { scratch } from '../support/paragraft.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const FLAGS = `
  -m32 -O1 -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none -mno-sse -nostdlib -static -Wall -Werror
  -Wl,--build-id=none -Wl,--no-warn-rwx-segments -Wl,-z,noexecstack
`
  .trim()
  .split(/\s+/)
const MIB = 2 ** 20

/**
 * What is Xen's own and not done here. Its emulation of writes takes entries with caching attributes (PCD; bit 7 is PAT there), which
 * mmu_update and validation refuse a domain without devices; here they are refused every time.
 */
const XEN: readonly (readonly [line: RegExp, why: string])[] = [
  [/^write: (caching attributes|large)/, 'taken by writable page tables alone'],
]

/**
 * Where the shim is not the Xen that a domain of the toolstack's sees, with why: there is no domain 0 in it, it is built without what
 * is the control domain's, and it hands grants and events on to the Xen below.
 */
const SHIM: readonly (readonly [line: RegExp, why: string])[] = [
  [/domain 0/, 'there is no domain 0'],
  [/^platform_op/, 'built without it (CONFIG_PV_SHIM_EXCLUSIVE)'],
  [
    /^grants: (its frame|of nowhere|map|unmap|copy|operation|version)/,
    'pv_shim_grant_table_op: for the Xen below, or -EOPNOTSUPP',
  ],
  [/^event_channel_op 99/, 'pv_shim_event_channel_op: -EOPNOTSUPP'],
]

function build(): string {
  const file = join(scratch(), 'probe.elf')
  const sources = ['probe.S', 'probe.c'].map(name => join(FOLDER, name))
  const gcc = spawnSync('gcc', [...FLAGS, '-Wl,-T', join(FOLDER, 'probe.ld'), '-o', file, ...sources], {
    encoding: 'utf8',
  })
  if (gcc.status !== 0) throw new Error(gcc.stderr)
  const keep = process.env['PARAGRAFT_KEEP']
  if (keep !== undefined) copyFileSync(file, keep)
  return file
}

needs('gcc')('what a guest may not have is refused as by Xen', async () => {
  let output = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(build())),
    backend: xen,
    memory: 64 * MIB,
    output: bytes => (output += Buffer.from(bytes).toString('latin1')),
  })
  expect(machine.run({ instructions: 200_000_000 })).toEqual({ kind: 'powerOff' })
  const lines = output.split(/\r?\n/).filter(line => line !== '')
  const real = readFileSync(join(FOLDER, 'xen-4.17.txt'), 'latin1')
    .split('\n')
    .filter(line => line !== '')
  expect(lines.map(what)).toEqual(real.map(what))
  const known = [...SHIM, ...XEN]
  const explained = (line: string): boolean => known.some(([pattern]) => pattern.test(line))
  expect(lines.filter(line => !explained(line))).toEqual(real.filter(line => !explained(line)))
  // An explanation that nothing needs would hide something.
  for (const [pattern] of known) {
    expect([pattern, lines.some((line, i) => pattern.test(line) && line !== real[i])]).toEqual([pattern, true])
  }
})

/** A line without its result. */
function what(line: string): string {
  return line.replace(/ = .*/, '')
}
