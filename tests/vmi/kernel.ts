/** Builds the VMI test kernels of guest/, and runs them: here on a backend, or in QEMU. */
import { spawnSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunOutcome } from '@paragraft/core'
import type { Backend, BackendOptionValues } from '@paragraft/core/ops'
import native from '../../packages/backend-native/src/index.ts'
import { createMachine, type EngineName, type PcMachine } from '../../packages/paragraft/src/index.ts'
import { scratch } from '../support/paragraft.ts'

const path = (name: string): string => fileURLToPath(new URL(name, import.meta.url))
const FLAGS =
  '-m32 -O1 -ffreestanding -fno-pic -fno-stack-protector -fcf-protection=none -mno-sse -nostdlib -static -Wall -Werror'
const LINK = `-Wl,-T,${path('../system/link.ld')} -Wl,--build-id=none -Wl,-z,norelro -Wl,--no-warn-rwx-segments`
const SHARED = ['../system/boot.S', '../system/lib.c', 'guest/call.S', 'guest/vmi.c']

const built = new Map<string, Uint8Array>()

/** An ELF image of the shared parts and `sources` (of guest/), with preprocessor definitions such as `PAE`. Built once. */
export function buildKernel(sources: readonly string[], defines: readonly string[] = []): Uint8Array {
  const key = [...sources, ...defines].join(' ')
  let image = built.get(key)
  if (image === undefined) built.set(key, (image = build(sources, defines)))
  return image
}

function build(sources: readonly string[], defines: readonly string[]): Uint8Array {
  const file = join(scratch(), 'kernel.elf')
  const args = [
    ...FLAGS.split(' '),
    ...LINK.split(' '),
    `-I${path('../../packages/backend-vmi/abi')}`,
    '-DAPIC_VA=0xD0000000',
    ...defines.map(define => `-D${define}`),
    ...['-o', file],
    ...[...SHARED, ...sources.map(name => `guest/${name}`)].map(path),
  ]
  const gcc = spawnSync('gcc', args, { encoding: 'utf8' })
  if (gcc.status !== 0) throw new Error(gcc.stderr)
  return new Uint8Array(readFileSync(file))
}

export interface KernelRun {
  console: string
  outcome: RunOutcome
  machine: PcMachine
}

export interface RunKernelOptions {
  backend?: Backend
  backendOptions?: BackendOptionValues
  /** Put at C8000h before the start, for a backend that brings no ROM. */
  rom?: Uint8Array
  engine?: EngineName
  instructions?: number
  /** Virtual time at which the run ends at the latest: a guest that sleeps executes nothing. Default: no limit. */
  untilVirtualNs?: number
}

/** Runs a kernel until it stops, or for so many instructions. */
export async function runKernel(image: Uint8Array, options: RunKernelOptions = {}): Promise<KernelRun> {
  let console = ''
  const machine = await createMachine({
    image,
    backend: options.backend ?? native,
    ...(options.backendOptions === undefined ? {} : { backendOptions: options.backendOptions }),
    memory: 64 * 2 ** 20,
    ...(options.engine === undefined ? {} : { engine: options.engine }),
    output: bytes => void (console += Buffer.from(bytes).toString('latin1')),
  })
  if (options.rom !== undefined) machine.memory.write(0xc8000, options.rom)
  const { instructions = 200_000_000, untilVirtualNs } = options
  const outcome = machine.run({ instructions, ...(untilVirtualNs === undefined ? {} : { untilVirtualNs }) })
  return { console, outcome, machine }
}

const QEMU =
  '-M pc -accel tcg -cpu coreduo -m 64 -nodefaults -display none -no-reboot -debugcon stdio -device isa-debug-exit,iobase=0x501,iosize=4'

/** The same in QEMU, with a ROM that its firmware places; the console. */
export function runKernelInQemu(image: Uint8Array, rom: Uint8Array): string {
  const folder = scratch()
  const [kernel, option] = [join(folder, 'kernel.elf'), join(folder, 'rom.bin')]
  writeFileSync(kernel, image)
  writeFileSync(option, rom)
  const run = spawnSync('qemu-system-i386', [...QEMU.split(' '), '-option-rom', option, '-kernel', kernel], {
    timeout: 60_000,
  })
  return run.stdout.toString('latin1')
}
