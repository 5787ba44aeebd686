/** A graft whose module brings the entrypoint, for a head that enters with paging on and whose guests have frames of their own. */
import type { StartOfDay } from '@paragraft/core/image'
import { admit, code } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import { tinyKernel } from '../layouts/layouts.fixtures.ts'
import { arrayMemory } from '../testing-memory.ts'
import { applyGraft, codeCalls } from './apply.ts'
import { DELTA, layout, moduleFixture, RAM } from './graft.fixtures.ts'
import { planGraft } from './plan.ts'

const image = tinyKernel()
const admitted = admit(moduleFixture({ 'cpu.io_delay': code('quick') }), layout)
const request = { image, layout, modules: [admitted], memorySize: RAM, paging: true }
const graft = planGraft({ ...request, entry: { module: 0, symbol: 'quick' } })

/** Page n of the guest is the n-th last of RAM. */
const ramPage = (pa: number): number | undefined => (pa < RAM ? RAM - 4096 - pa : undefined)

const start: StartOfDay = {
  head: 'test',
  registers: { eip: graft.originalEntry, cs: 0xe019, ds: 0xe021, cr0: 0x80000011, esi: 7 },
  memoryMap: [],
  used: [],
  ramPage,
}

function place() {
  const memory = arrayMemory(RAM)
  for (const { paddr, bytes } of image.segments) {
    for (let at = 0; at < bytes.length; at++) {
      const pa = paddr + at
      memory.write8((ramPage(pa - (pa % 4096)) ?? 0) + (pa % 4096), bytes[at] as number)
    }
  }
  return memory
}

test('the installer writes the table at its linked address and goes on to the function of the module', () => {
  expect(graft.entry).toBeGreaterThanOrEqual(graft.room.va)
  const at = graft.entry - graft.room.va
  const view = new DataView(graft.bytes.buffer)
  expect([...graft.bytes.subarray(at, at + 2)]).toEqual([0xc7, 0x05])
  expect(view.getUint32(at + 2, true)).toBe(layout.tableVa)
  expect(graft.bytes[at + 10]).toBe(0xe9)
  expect((graft.entry + 15 + view.getInt32(at + 11, true)) >>> 0).toBe(graft.originalEntry)
  // `quick` is NOP, RET.
  const code = graft.originalEntry - graft.room.va
  expect([...graft.bytes.subarray(code, code + 2)]).toEqual([0x90, 0xc3])
})

test("the region goes where the guest's own frames are", () => {
  const memory = place()
  const applied = applyGraft(memory, start, graft)
  expect(applied.startOfDay.registers).toEqual({ ...start.registers, eip: graft.entry })
  for (let offset = 0; offset < graft.room.length; offset += 4096) {
    const at = ramPage(graft.room.pa + offset) as number
    expect(memory.read(at, 4096)).toEqual(graft.bytes.subarray(offset, offset + 4096))
  }
  expect(codeCalls(memory, applied).size).toBe(1)
})

test('a guest whose table is not where its frames say is not the planned one', () => {
  expect(() => applyGraft(arrayMemory(RAM), start, graft)).toThrow(
    expect.objectContaining({ code: 'PG_GRAFT_MISMATCH' }),
  )
})

test('an entry that the object does not define is refused by name', () => {
  expect(() => planGraft({ ...request, entry: { module: 0, symbol: 'nowhere' } })).toThrow(
    expect.objectContaining({ code: 'PG_GRAFT_SYMBOL', fields: expect.objectContaining({ entry: 'nowhere' }) }),
  )
  expect(graft.room.va - graft.room.pa).toBe(DELTA)
})
