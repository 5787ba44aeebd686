/**
 * oldguest's variant that looks for a VMI ROM by itself, on a bare PC with a ROM that needs no hypervisor: in QEMU, whose
 * firmware places it, and here. What it must find, and what it must leave alone.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import { runInQemu } from '../../guests/lib/qemu.ts'
import native from '../../packages/backend-native/src/index.ts'
import { createMachine, run } from '../../packages/paragraft/src/index.ts'
import { needs } from '../support/needs.ts'
import { scratch } from '../support/paragraft.ts'
import { nativeRom, withChecksum } from './native-rom.ts'

const IMAGE = fileURLToPath(new URL('../../guests/oldguest/oldguest-vmi.elf', import.meta.url))
const FOUND = /VMI: ROM at [0-9a-f]{5}: nobody native ROM, API version 3\.0, ROM version 1\.0/

async function boot(rom: Uint8Array, at: number, commandLine = ''): Promise<string> {
  let output = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(IMAGE)),
    backend: native,
    commandLine,
    memory: 64 * 2 ** 20,
    output: bytes => void (output += Buffer.from(bytes).toString('latin1')),
  })
  machine.memory.write(at, rom)
  const { stop } = await run(machine, { timeout: 300 })
  expect(stop).toEqual({ kind: 'powerOff' })
  return output
}

const failures = (console: string): string[] =>
  console.split(/\r?\n/).filter(line => /FAILED|panic|fault in/.test(line))

const ROMS: [title: string, defines: string[], sites: RegExp][] = [
  ['that wants jumps for its returns', [], /VMI: \d+ sites: 0 inlined, \d+ calls, 3 jumps, \d+ erased, 0 left/],
  [
    'that wants calls for its returns',
    ['IRET_BY_CALL'],
    /VMI: \d+ sites: 0 inlined, \d+ calls, 0 jumps, \d+ erased, 0 left/,
  ],
  [
    'that leaves most calls native',
    ['SPARSE'],
    /VMI: \d+ sites: [1-9]\d* inlined, \d+ calls, 2 jumps, \d+ erased, 0 left/,
  ],
]

for (const [title, defines, sites] of ROMS) {
  for (const paging of ['', 'nopae']) {
    const name = `with a ROM ${title}${paging && ', two-level tables'}`
    needs('gcc', 'qemu')(`${name}, in QEMU: passes its whole self-check`, async () => {
      const file = join(scratch(), 'rom.bin')
      writeFileSync(file, nativeRom(...defines))
      const { console, status } = await runInQemu(IMAGE, { append: paging, args: ['-option-rom', file] })
      expect(console).toMatch(FOUND)
      expect(console).toMatch(sites)
      expect(failures(console)).toEqual([])
      expect(status).toBe(0)
    })
  }
  needs('gcc')(`with a ROM ${title}, here: passes its whole self-check`, async () => {
    const console = await boot(nativeRom(...defines), 0xc8000)
    expect(console).toMatch(FOUND)
    expect(console).toMatch(sites)
    expect(failures(console)).toEqual([])
    expect(console).toMatch(/^selfcheck: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
    expect(console).toMatch(/^selfcheck, sites patched: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
  })
}

needs('gcc')('the fixed mappings go below what the ROM keeps for the hypervisor', async () => {
  expect(await boot(nativeRom('VIRTUAL_TOP=0xFC000000'), 0xc0000, 'noselfcheck')).toContain(
    'VMI: fixed mappings from fbc00000, hypervisor from fc000000',
  )
  expect(await boot(nativeRom('VIRTUAL_TOP=0xF8123000'), 0xc0000, 'noselfcheck')).toContain(
    'VMI: fixed mappings from f7c00000, hypervisor from f8123000',
  )
})

/** Broken in one place each; the checks of Linux 2.6.24 arch/x86/kernel/vmi_32.c, and the checksum. */
const BROKEN: [what: string, change: (rom: Uint8Array) => void, said: RegExp | null][] = [
  ['the option-ROM signature', rom => void (rom[0] = 0x56), null],
  ['the VMI signature', rom => void (rom[8] = 0x43), null],
  ['the major version', rom => void (rom[13] = 4), /API version 4\.0/],
  ['the PCI offset', rom => void rom.fill(0, 24, 26), /no PCI header/],
  [
    'the licence',
    rom =>
      void rom.set(
        [...'MIT\0'].map(c => c.charCodeAt(0)),
        licenseAt(rom),
      ),
    /its licence is 'MIT'/,
  ],
  ['the licence offset', rom => void rom.fill(0, 22, 24), /its licence is 'unknown'/],
  ['the length', rom => void (rom[2] = 0), /length 0/],
]
const licenseAt = (rom: Uint8Array): number => rom[22]! | (rom[23]! << 8)

needs('gcc')('a ROM that is broken in one thing is left alone', async () => {
  for (const [what, change, said] of BROKEN) {
    const rom = nativeRom()
    change(rom)
    const console = await boot(withChecksum(rom), 0xc8000, 'noselfcheck')
    expect(console, what).not.toMatch(FOUND)
    expect(console, what).toContain('paravirt: booting on bare hardware')
    if (said === null) expect(console, what).not.toContain('VMI:')
    else expect(console, what).toMatch(said)
    expect(console, what).toContain('Power down.')
  }
})

needs('gcc')('so is one with a wrong checksum, and one that is not at a step of 2 KiB', async () => {
  const rom = nativeRom()
  rom[rom.length - 1]! ^= 1
  expect(await boot(rom, 0xc8000, 'noselfcheck')).toMatch(/VMI: ROM at c8000: checksum [0-9a-f]{2}/)
  expect(await boot(nativeRom(), 0xc8200, 'noselfcheck')).not.toContain('VMI:')
})

needs('gcc')('of two ROMs the first good one is used', async () => {
  const two = new Uint8Array(0x2000)
  const broken = nativeRom()
  broken[13] = 2
  two.set(withChecksum(broken))
  two.set(nativeRom(), 0x1000)
  const console = await boot(two, 0xc8000, 'noselfcheck')
  expect(console).toContain('VMI: ROM at c8000: API version 2.0')
  expect(console).toContain('VMI: ROM at c9000: nobody native ROM')
})
