import { expect, test } from 'vitest'
import { TextWatch } from './until.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

test('finds a text that is cut anywhere', () => {
  const stream = 'booting\r\n/ # ready\r\n'
  for (let cut = 0; cut <= stream.length; cut++) {
    const watch = new TextWatch('/ # ')
    const hits = [watch.push(bytes(stream.slice(0, cut))), watch.push(bytes(stream.slice(cut)))]
    expect(hits.filter(Boolean)).toHaveLength(1)
    expect(watch.seen).toBe(true)
  }
})

test('a text whose beginning repeats is found although a partial match comes first', () => {
  const watch = new TextWatch('aab')
  expect(watch.push(bytes('aaab'))).toBe(true)
  const other = new TextWatch('abab!')
  expect(other.push(bytes('ababab!'))).toBe(true)
})

test('says so once, and not for what is only nearly there', () => {
  const watch = new TextWatch('login:')
  expect(watch.push(bytes('logi'))).toBe(false)
  expect(watch.push(bytes('n;login'))).toBe(false)
  expect(watch.seen).toBe(false)
  expect(watch.push(bytes(':'))).toBe(true)
  expect(watch.push(bytes('login:'))).toBe(false)
})

test('text beyond ASCII is compared as UTF-8', () => {
  const watch = new TextWatch('größe')
  expect(watch.push(bytes('die größe'))).toBe(true)
})
