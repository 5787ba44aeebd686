/**
 * Tests that need what a machine may lack (gcc, QEMU, Debian's guests, Chromium …). Where it is missing the test is
 * skipped and says for want of what; with PARAGRAFT_REQUIRE=all, as in CI, it fails instead.
 */
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type TestContext, test } from 'vitest'

/** Where scripts/guests/fetch.mjs puts Debian's guests. */
export const guestsFolder: string = fileURLToPath(new URL('../../.guests/', import.meta.url))

/** The full path of a fetched guest (`vmlinuz-686-pae`, `initramfs.cpio.gz`, `gnumach` …). */
export function guest(name: string): string {
  return guestsFolder + name
}

/** A 32-bit program can be built and run here: `gcc -m32 -nostdlib` needs no 32-bit libraries. */
function gcc32(): boolean {
  return onPath('gcc') && process.arch === 'x64' && process.platform === 'linux'
}

/** A 32-bit program with a C library can be built and run. */
function gccMultilib(): boolean {
  if (!gcc32()) return false
  return spawnSync('gcc', ['-m32', '-x', 'c', '-', '-o', '/dev/null'], { input: 'int main(void) {}' }).status === 0
}

/** The workspace's pnpm can be run: it is cached, or a registry has it. */
function pnpm(): boolean {
  const { packageManager } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
  return spawnSync('npx', ['--yes', packageManager, '--version']).status === 0
}

function onPath(command: string): boolean {
  return spawnSync('sh', ['-c', `command -v ${command}`]).status === 0
}

/** What a test can need, and how to see whether it is there. */
const REQUIREMENTS = {
  gcc: gcc32,
  'gcc multilib': gccMultilib,
  qemu: () => onPath('qemu-system-i386'),
  'debian guests': () => existsSync(guest('manifest.json')),
  chromium: () => existsSync('/usr/bin/chromium'),
  gzip: () => onPath('gzip'),
  xz: () => onPath('xz'),
  lz4: () => onPath('lz4'),
  zstd: () => onPath('zstd'),
  pnpm,
  seabios: () => existsSync(guest('seabios.bin')),
} satisfies Record<string, () => boolean>

/** A thing that a machine may lack. */
export type Requirement = keyof typeof REQUIREMENTS

const seen = new Map<Requirement, boolean>()

/** True if the machine has it. */
function has(requirement: Requirement): boolean {
  let present = seen.get(requirement)
  if (present === undefined) seen.set(requirement, (present = REQUIREMENTS[requirement]()))
  return present
}

type Body = (context: TestContext) => void | Promise<void>

/** `test`, for a body that needs all of `requirements`: `needs('gcc', 'qemu')('title', () => { … })`. */
export function needs(...requirements: Requirement[]): (title: string, body: Body, timeout?: number) => void {
  return (title, body, timeout) => {
    test(title, timeout === undefined ? {} : { timeout }, async context => {
      const missing = requirements.filter(requirement => !has(requirement))
      if (missing.length > 0) {
        if (process.env['PARAGRAFT_REQUIRE'] === 'all') throw new Error(`this machine lacks ${missing.join(', ')}`)
        context.skip(missing.join(', '))
      }
      await body(context)
    })
  }
}
