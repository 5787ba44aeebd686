import { expect, test } from 'vitest'
import { differs } from './expected.ts'

test('plain lines must agree, in order and in number; carriage returns do not count', () => {
  expect(differs('a\r\nb\r\n', 'a\nb\n')).toBeUndefined()
  expect(differs('a\nc\n', 'a\nb\n')).toMatch('line 2: expected «b», got «c»')
  expect(differs('a\n', 'a\nb\n')).toMatch('the end')
  expect(differs('a\nb\nc\n', 'a\nb\n')).toMatch('nothing more')
})

test('places stand for numbers, hexadecimal numbers and anything; the rest is literal', () => {
  expect(differs('at 12 of ff: (x+y)', 'at <n> of <x>: (x+y)')).toBeUndefined()
  expect(differs('at 1f', 'at <n>')).toBeDefined()
  expect(differs('at xyz', 'at <x>')).toBeDefined()
  expect(differs('a?b', 'a.b')).toBeDefined()
  expect(differs('say what you like', 'say <...>')).toBeUndefined()
})

test('lines may be optional or repeated', () => {
  const expected = 'a\n?b\n*c <n>\nd'
  expect(differs('a\nd', expected)).toBeUndefined()
  expect(differs('a\nb\nc 1\nc 2\nd', expected)).toBeUndefined()
  expect(differs('a\nb\nb\nd', expected)).toBeDefined()
})

test('sequences may be interleaved, each in its order', () => {
  const expected = 'start\n{\na1\na2\n--\nb1\nb2\n}\nend'
  expect(differs('start\na1\nb1\nb2\na2\nend', expected)).toBeUndefined()
  expect(differs('start\nb1\nb2\na1\na2\nend', expected)).toBeUndefined()
  expect(differs('start\na2\na1\nb1\nb2\nend', expected)).toBeDefined()
  expect(differs('start\na1\nb1\nb2\nend', expected)).toMatch('expected one of «a2»')
})
