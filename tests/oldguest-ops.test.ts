/** What oldguest says of its 92 ops is what the catalogue says: order, identity, meaning, permitted refusals. */
import { readFileSync } from 'node:fs'
import { eraOf, opEntry } from '@paragraft/core/ops'
import { expect, test } from 'vitest'

const rows = readFileSync(new URL('../guests/oldguest/OPS.md', import.meta.url), 'utf8')
  .split('\n')
  .filter(line => /^\|\s*\d+\s*\|/.test(line))
  .map(line =>
    line
      .split('|')
      .slice(1, -1)
      .map(cell => cell.trim()),
  )

test('guests/oldguest/OPS.md has the slots of era 1.3 in order, with the names of that era', () => {
  expect(rows.map(([slot, member, op]) => [Number(slot), member, op])).toEqual(
    eraOf('1.3').slots.map(({ slot, member, op }) => [slot, member, op]),
  )
})

test.each(rows.map(row => [row[2]!, row] as const))('%s: meaning and refusal are the catalogue’s', (op, row) => {
  const { meaning, refusal } = opEntry(op)
  expect([row[3], row[5]]).toEqual([meaning, refusal ?? '-'])
})
