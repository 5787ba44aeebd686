/**
 * The processor's system side against QEMU's: small kernels, built here, run on both and tell what they saw; the texts
 * must be equal. Lines that begin with `!` are for what QEMU's TCG does not model, and hold our machine to the manual.
 */
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import native from '../../packages/backend-native/src/index.ts'
import { createMachine, type EngineName } from '../../packages/paragraft/src/index.ts'
import { needs } from '../support/needs.ts'
import { scratch } from '../support/paragraft.ts'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
const KERNELS = readdirSync(FOLDER)
  .filter(name => name.endsWith('.c') && name !== 'lib.c')
  .map(name => name.slice(0, -2))
const FLAGS = [
  '-m32',
  '-O1',
  '-ffreestanding',
  '-fno-pic',
  '-fno-stack-protector',
  '-fcf-protection=none',
  '-mno-sse',
  '-nostdlib',
  '-static',
  '-Wall',
  '-Werror',
]
const QEMU = [
  '-M',
  'pc',
  '-accel',
  'tcg',
  '-cpu',
  'coreduo',
  '-m',
  '64',
  '-nodefaults',
  '-display',
  'none',
  '-no-reboot',
  '-debugcon',
  'stdio',
  '-device',
  'isa-debug-exit,iobase=0x501,iosize=4',
]

function build(name: string): string {
  const file = join(scratch(), `${name}.elf`)
  const sources = ['boot.S', 'lib.c', `${name}.c`].map(source => join(FOLDER, source))
  const gcc = spawnSync('gcc', [
    ...FLAGS,
    '-Wl,-T',
    join(FOLDER, 'link.ld'),
    '-Wl,--build-id=none',
    '-Wl,-z,norelro',
    '-Wl,--no-warn-rwx-segments',
    '-o',
    file,
    ...sources,
  ])
  if (gcc.status !== 0) throw new Error(gcc.stderr.toString())
  return file
}

async function ours(file: string, engine: EngineName): Promise<string> {
  let output = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(file)),
    backend: native,
    memory: 64 * 2 ** 20,
    engine,
    output: bytes => void (output += Buffer.from(bytes).toString('latin1')),
  })
  const outcome = machine.run({ instructions: 50_000_000 })
  return `${output}[${outcome.kind}]`
}

const compared = (text: string): string =>
  text
    .split('\n')
    .filter(line => !line.startsWith('!'))
    .join('\n')

for (const name of KERNELS) {
  needs('gcc', 'qemu')(
    `${name}: as in QEMU, and by the manual where QEMU is not exact`,
    async () => {
      const file = build(name)
      const reference = spawnSync('qemu-system-i386', [...QEMU, '-kernel', file], { timeout: 60_000 })
      const qemu = `${reference.stdout.toString('latin1')}[${reference.status === 1 ? 'debugExit' : `status ${reference.status} ${reference.stderr}`}]`
      expect(qemu).toContain('\nend\n[debugExit]')
      for (const engine of ['interpreter', 'reference'] as const) {
        const output = await ours(file, engine)
        expect(output.split('\n').filter(line => line.startsWith('! WRONG'))).toEqual([])
        expect(compared(output)).toBe(compared(qemu))
      }
    },
    120_000,
  )
}
