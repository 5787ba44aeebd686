import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { OPS_OBJECT } from '../../../../examples/native-ops/src/ops-object.generated.ts'
import type { World } from '../cli/usage.ts'
import { objectCommand } from './object.ts'

async function run(bytes: Uint8Array, ...options: string[]): Promise<string> {
  const cwd = mkdtempSync(join(tmpdir(), 'object-'))
  onTestFinished(() => rmSync(cwd, { recursive: true }))
  writeFileSync(join(cwd, 'ops.o'), bytes)
  let said = ''
  const world = { cwd, stdout: (text: string) => void (said += text) } as unknown as World
  expect(await objectCommand.run(['ops.o', ...options], world)).toBe(0)
  return said
}

const native = Uint8Array.from(atob(OPS_OBJECT), character => character.charCodeAt(0))

test('functions are found by the names of ops, or of members, and what they ask of the guest is said', async () => {
  const { functions, wants } = JSON.parse(await run(native, '--json'))
  expect(functions).toContainEqual({
    symbol: 'native_ops_io_delay',
    bytes: 3,
    op: 'cpu.io_delay',
    signature: 'void (void)',
  })
  expect(functions.map(({ op }: { op: string }) => op)).toContain('lock.queued_spin_lock_slowpath')
  expect(wants).toContainEqual({
    symbol: 'pg_native_mmu_flush_tlb_others',
    weak: true,
    means: 'what the table held for mmu.flush_tlb_others',
  })
})

test('for an era, its ops and its signatures only', async () => {
  const said = await run(native, '--for', '1.3')
  expect(said).toMatch(/^ops\.o: it links; \d+ bytes in the guest, aligned to 16$/m)
  expect(said).toMatch(/^native_ops_flush_tlb_others +\d+ +mmu\.flush_tlb_others +void \(const cpumask \*cpus, /m)
  expect(said).toMatch(/^native_ops_queued_spin_unlock +\d+ +- *$/m)
})

test('a symbol that nobody has is refused by name, unless it is weak; so is what is no object', async () => {
  const bytes = Buffer.from(native)
  bytes.write('pg_native_mmu_flush_tlb_multj', bytes.indexOf('pg_native_mmu_flush_tlb_multi'))
  expect(await run(bytes)).toMatch(/^pg_native_mmu_flush_tlb_multj +nothing that the loader knows, or 0$/m)
  // st_value, st_size, st_info, st_other, st_shndx of a weak undefined symbol (gABI, "Symbol Table"): make it a global one.
  const weak = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0x20, 0, 0, 0])
  for (let at = bytes.indexOf(weak); at >= 0; at = bytes.indexOf(weak, at + 1)) bytes[at + 8] = 0x10
  await expect(run(bytes)).rejects.toMatchObject({
    code: 'PG_LINK_UNRESOLVED',
    fields: { symbols: ['pg_native_mmu_flush_tlb_multj'] },
  })
  await expect(run(Uint8Array.of(1, 2, 3))).rejects.toMatchObject({ code: expect.stringMatching(/^PG_IMAGE_/) })
})
