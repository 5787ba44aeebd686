import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import type { InputSink } from '../run.ts'
import { EscapeFilter, stdinSource } from './stdin.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test.each([
  ['ls\r', 'ls\r', false],
  ['\x01x', '', true],
  ['a\x01xb', 'a', true],
  ['\x01\x01', '\x01', false],
  ['\x01c', '\x01c', false],
  ['x', 'x', false],
])('typing %j gives the guest %j', (typed, passed, leave) => {
  const result = new EscapeFilter().push(bytes(typed))
  expect(result).toEqual({ bytes: bytes(passed), leave })
})

test('the escape may come in two pieces', () => {
  const filter = new EscapeFilter()
  expect(filter.push(bytes('\x01'))).toEqual({ bytes: bytes(''), leave: false })
  expect(filter.push(bytes('x'))).toEqual({ bytes: bytes(''), leave: true })
})

test('a pipe is read from the beginning, and its end is told', async () => {
  const pipe = new PassThrough()
  const source = stdinSource(pipe as unknown as NodeJS.ReadStream)
  expect(source.manner).toBe('held')
  pipe.write('early\n')
  await new Promise(resolve => setTimeout(resolve, 5))
  const got: string[] = []
  const sink: InputSink = {
    data: chunk => got.push(new TextDecoder().decode(chunk)),
    end: () => got.push('<end>'),
    leave: () => got.push('<leave>'),
  }
  source.start(sink)
  pipe.end('late\n')
  await new Promise(resolve => setTimeout(resolve, 5))
  source.stop()
  expect(got.join('')).toMatch(/^early\nlate\n(<end>)+$/)
})
