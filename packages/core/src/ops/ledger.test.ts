import { expect, test } from 'vitest'
import { eraOf } from './eras.ts'
import { formatLedger, formatTable, Ledger } from './ledger.ts'

const layout = {
  slots: eraOf('5.0').slots.map(({ slot, op }) => ({ slot, op, target: 0xc100_0000 + 16 * slot })),
  sites: [{ slot: 0 }, { slot: 9 }, { slot: 9 }, { slot: 9 }],
}

test('at first everything is the guest’s own', () => {
  const ledger = new Ledger(layout)
  expect(ledger.report()[9]).toEqual({
    op: 'lock.queued_spin_unlock',
    slot: 9,
    owner: 'guest',
    answer: 'native',
    sites: 3,
    patched: 0,
    calls: 0,
  })
  expect(ledger.rows()[9]).toMatchObject({ since: null, target: 0xc100_0090 })
})

test('installations, patches and calls are entered', () => {
  const ledger = new Ledger(layout)
  const at = { virtualNs: 2_500_000, instructions: 1000 }
  ledger.called(9)
  ledger.install(9, { owner: 'lite-ops', answer: 'host', target: 0xc200_0000, at, adapter: 'a over b' })
  ledger.called(9, 4)
  ledger.patched(9)
  ledger.patched(9, 2)
  expect(ledger.rows()[9]).toEqual({
    op: 'lock.queued_spin_unlock',
    slot: 9,
    owner: 'lite-ops',
    answer: 'host',
    sites: 3,
    patched: 3,
    calls: 5,
    since: at,
    target: 0xc200_0000,
    adapter: 'a over b',
  })
  ledger.install(9, { owner: 'guest', answer: 'native', target: 1, at })
  expect(ledger.rows()[9]).not.toHaveProperty('adapter')
})

test('rows are copies', () => {
  const ledger = new Ledger(layout)
  ledger.rows()[0]!.calls = 99
  ledger.report()[0]!.calls = 99
  expect(ledger.report()[0]!.calls).toBe(0)
})

test('a slot that the table lacks is a coded error', () => {
  const ledger = new Ledger(layout)
  for (const run of [
    () => ledger.called(13),
    () => ledger.patched(-1),
    () => ledger.install(13, { owner: 'x', answer: 'nop', target: 0, at: { virtualNs: 0, instructions: 0 } }),
  ]) {
    expect(run).toThrow(expect.objectContaining({ code: 'PG_LEDGER_SLOT' }))
  }
})

test('the table for people', () => {
  const ledger = new Ledger({ ...layout, slots: layout.slots.slice(0, 2) })
  ledger.install(1, {
    owner: 'lite-ops',
    answer: 'code',
    target: 0,
    at: { virtualNs: 1_234_567, instructions: 1 },
  })
  ledger.called(1, 40376)
  expect(formatLedger(ledger.rows())).toBe(
    [
      'slot  op                  owner     answer  since     sites  patched  calls',
      '   0  cpu.io_delay        guest     native  -             1        0      0',
      '   1  mmu.flush_tlb_user  lite-ops  code    1.235 ms      0        0  40376',
    ].join('\n'),
  )
  expect(formatTable(['a', 'b'], [])).toBe('a  b')
})
