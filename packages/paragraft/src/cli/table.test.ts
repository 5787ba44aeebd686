import { expect, test } from 'vitest'
import { table } from './table.ts'

test('columns are as wide as their widest cell; numbers and their title stand at the right', () => {
  const text = table(
    [
      { title: 'op', cell: (row: { op: string; calls: number }) => row.op },
      { title: 'calls', cell: row => row.calls },
      { title: 'end', cell: () => '' },
    ],
    [
      { op: 'mmu.flush_tlb', calls: 7 },
      { op: 'x', calls: 1234567 },
    ],
  )
  expect(text).toBe('op               calls  end\nmmu.flush_tlb        7\nx              1234567\n')
})
