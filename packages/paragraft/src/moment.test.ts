import { expect, test } from 'vitest'
import { parseMoment } from './moment.ts'

test.each([
  ['5000000', { kind: 'instructions', count: 5_000_000 }],
  ['5_000_000', { kind: 'instructions', count: 5_000_000 }],
  ['1.5s', { kind: 'time', virtualNs: 1_500_000_000 }],
  ['20ms', { kind: 'time', virtualNs: 20_000_000 }],
  ['7us', { kind: 'time', virtualNs: 7000 }],
  ['9ns', { kind: 'time', virtualNs: 9 }],
  ['login:', { kind: 'text', text: 'login:' }],
  ['/ # ', { kind: 'text', text: '/ # ' }],
  ['text:42', { kind: 'text', text: '42' }],
  ['-5', { kind: 'text', text: '-5' }],
])('%s', (text, moment) => {
  expect(parseMoment(text, '--snapshot-at')).toEqual(moment)
})

test.each(['', 'text:', '99999999999999999999', '9999999999s'])('%j is no moment', text => {
  expect(() => parseMoment(text, '--snapshot-at')).toThrow(expect.objectContaining({ code: 'PG_USAGE' }))
})
