import { expect, test } from 'vitest'
import { ConsoleHub, IDLE_BEFORE_INPUT_NS } from './console.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

function hub() {
  const seen: string[] = []
  let output = ''
  const now = { instructions: 0, virtualNs: 0 }
  const console = new ConsoleHub({
    output: chunk => (output += new TextDecoder().decode(chunk)),
    stamp: () => ({ ...now }),
  })
  return { console, seen, now, output: () => output }
}

function drain(port: { read(): number }): string {
  let text = ''
  for (let byte = port.read(); byte >= 0; byte = port.read()) text += String.fromCharCode(byte)
  return text
}

test('output of every device goes the same way and is watched as one stream', () => {
  const { console, seen, output } = hub()
  const serial = console.port()
  const debug = console.port(() => false)
  console.watch('ok!', text => seen.push(text))
  serial.write(bytes('o'))
  debug.write(bytes('k'))
  expect(seen).toEqual([])
  serial.write(bytes('!'))
  expect(seen).toEqual(['ok!'])
  expect(output()).toBe('ok!')
})

// A process's standard output queues the array it is given while its reader is slow, and looks at it later.
test('what a receiver keeps stays as it was, though the device fills its buffer again', () => {
  const kept: Uint8Array[] = []
  const console = new ConsoleHub({
    output: chunk => kept.push(chunk),
    stamp: () => ({ instructions: 0, virtualNs: 0 }),
  })
  const serial = console.port()
  const buffer = new Uint8Array(1)
  for (const byte of bytes('kept')) {
    buffer[0] = byte
    serial.write(buffer)
  }
  expect(kept.map(chunk => new TextDecoder().decode(chunk)).join('')).toBe('kept')
})

test('typed input is there at once, and its arrival is on record', () => {
  const { console, now } = hub()
  const port = console.port()
  let called = 0
  port.onInput = () => called++
  now.instructions = 1000
  now.virtualNs = 2500
  console.type(bytes('ls\n'))
  expect(called).toBe(1)
  expect(drain(port)).toBe('ls\n')
  expect(console.arrivals).toEqual([{ instructions: 1000, virtualNs: 2500, bytes: 'ls\n' }])
})

test('held input comes a line at a time, after idle time without traffic', () => {
  const { console } = hub()
  const port = console.port()
  console.hold(bytes('one\ntwo'))
  expect(drain(port)).toBe('')
  expect(console.idleStillNeeded).toBe(IDLE_BEFORE_INPUT_NS)
  console.idled(IDLE_BEFORE_INPUT_NS - 1)
  expect(drain(port)).toBe('')
  console.idled(1)
  expect(drain(port)).toBe('one\n')
  // Output starts the wait again.
  console.idled(IDLE_BEFORE_INPUT_NS - 1)
  port.write(bytes('answer'))
  console.idled(1)
  expect(drain(port)).toBe('')
  console.idled(IDLE_BEFORE_INPUT_NS - 1)
  expect(drain(port)).toBe('two')
  expect(console.holding).toBe(false)
  expect(console.arrivals.map(arrival => arrival.bytes)).toEqual(['one\n', 'two'])
})

test('nothing is released while no device listens', () => {
  const { console } = hub()
  let ready = false
  const port = console.port(() => ready)
  console.hold(bytes('x\n'))
  expect(console.idleStillNeeded).toBe(Number.POSITIVE_INFINITY)
  console.idled(10 * IDLE_BEFORE_INPUT_NS)
  expect(console.holding).toBe(true)
  console.type(bytes('typed'))
  expect(port.read()).toBe(-1)
  ready = true
  expect(drain(port)).toBe('typed')
})

test('a guest that polls without end gets its line too, and is not called while it asks', () => {
  const { console } = hub()
  const port = console.port()
  port.onInput = () => {
    throw new Error('called from within read')
  }
  console.hold(bytes('y\n'))
  let polls = 0
  let byte = -1
  while (byte < 0 && polls < 100_000) {
    byte = port.read()
    polls++
  }
  expect(String.fromCharCode(byte)).toBe('y')
  expect(polls).toBe(20_000)
})
