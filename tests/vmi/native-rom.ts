/** Builds the test ROM of native-rom.S: raw bytes with the right checksum. Needs gcc. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { scratch } from '../support/paragraft.ts'

const SOURCE = fileURLToPath(new URL('native-rom.S', import.meta.url))

/** `defines` are preprocessor definitions: `IRET_BY_CALL`, `SPARSE`, `VIRTUAL_TOP=0xF0000000`. */
export function nativeRom(...defines: string[]): Uint8Array {
  const folder = scratch()
  const run = (command: string, ...args: string[]): void => {
    const done = spawnSync(command, args, { encoding: 'utf8' })
    if (done.status !== 0) throw new Error(`${command}: ${done.stderr}`)
  }
  const [object, binary] = [join(folder, 'rom.o'), join(folder, 'rom.bin')]
  run('gcc', '-m32', '-c', ...defines.map(define => `-D${define}`), '-o', object, SOURCE)
  run('ld', '-m', 'elf_i386', '-Ttext', '0', '--oformat', 'binary', '-o', binary, object)
  return withChecksum(new Uint8Array(readFileSync(binary)))
}

/** The image with its last byte such that all add up to 0 modulo 256 (PCI Firmware Specification 3.0, 5.2.1.1). */
export function withChecksum(rom: Uint8Array): Uint8Array {
  const image = rom.slice()
  image[image.length - 1] = 0
  image[image.length - 1] = -image.reduce((sum, byte) => sum + byte, 0) & 0xff
  return image
}
