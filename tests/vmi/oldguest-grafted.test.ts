/**
 * VMI's ops grafted onto plain oldguest, on a bare PC with a ROM that needs no hypervisor: the module alone, before any
 * backend comes in.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { RunReport } from '@paragraft/core'
import { expect } from 'vitest'
import native from '../../packages/backend-native/src/index.ts'
import vmiOps from '../../packages/backend-vmi/src/ops/index.ts'
import { createMachine, run } from '../../packages/paragraft/src/index.ts'
import { needs } from '../support/needs.ts'
import { nativeRom } from './native-rom.ts'

const IMAGE = fileURLToPath(new URL('../../guests/oldguest/oldguest.elf', import.meta.url))

/** Where the guest sees the ROM. */
const ROM_VA = 0xc00c8000

async function boot(
  rom: Uint8Array | null,
  commandLine = '',
): Promise<{ console: string; report: RunReport; inRom: Set<number> }> {
  let console = ''
  const inRom = new Set<number>()
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(IMAGE)),
    backend: native,
    ops: [vmiOps],
    commandLine,
    memory: 64 * 2 ** 20,
    onInstruction: eip => eip >= ROM_VA && eip < ROM_VA + 4096 && inRom.add(eip - ROM_VA),
    output: bytes => void (console += Buffer.from(bytes).toString('latin1')),
  })
  if (rom !== null) machine.memory.write(0xc8000, rom)
  const report = await run(machine, { timeout: 300 })
  expect(console).not.toMatch(/FAILED|panic|fault in/)
  expect(console).toMatch(/^selfcheck: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
  expect(console).toMatch(/^selfcheck, sites patched: \d+ ops ok, \d+ refused \(allowed\), 0 failed/m)
  expect(report.stop).toEqual({ kind: 'powerOff' })
  return { console, report, inRom }
}

for (const defines of [[], ['IRET_BY_CALL'], ['SPARSE']]) {
  needs('gcc')(`with a ROM ${defines[0] ?? 'that answers everything'} it passes its whole self-check`, async () => {
    const { report, inRom } = await boot(nativeRom(...defines))
    expect(inRom.size).toBeGreaterThan(defines[0] === 'SPARSE' ? 10 : 80)
    const own = report.ops.filter(row => row.owner === vmiOps.name)
    expect(own).toHaveLength(58)
    expect(own.filter(row => row.calls === 0).map(row => row.op)).toEqual([])
  })
}

needs('gcc')('with two-level page tables as well', async () => {
  const { console } = await boot(nativeRom(), 'nopae')
  expect(console).toContain('two-level page tables')
})

needs('gcc')('without a ROM every op goes to the function that the guest had', async () => {
  const { report, inRom } = await boot(null)
  expect(inRom.size).toBe(0)
  expect(report.ops.filter(row => row.owner === vmiOps.name)).toHaveLength(58)
})
