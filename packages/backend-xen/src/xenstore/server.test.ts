/** The ring and the messages (xs_wire.h), as a guest's driver uses them. */
import { beforeEach, expect, test } from 'vitest'
import { TestMemory } from '../testing.ts'
import { StoreServer } from './server.ts'
import { Store } from './store.ts'
import * as wire from './wire.ts'

const PAGE = 0x1000
const REQ_CONS = PAGE + 2048
const REQ_PROD = PAGE + 2052
const RSP_CONS = PAGE + 2056
const RSP_PROD = PAGE + 2060

let memory: TestMemory
let store: Store
let server: StoreServer
let rung: number

beforeEach(() => {
  memory = new TestMemory(0x3000)
  store = new Store()
  store.write(0, '/local/domain/1/name', 'guest')
  store.mkdir(0, '/local/domain/1/data')
  store.setPermissions(0, '/local/domain/1/data', [{ access: 'n', domid: 1 }])
  server = new StoreServer(store, 1, memory, PAGE)
  rung = 0
  server.connect({ notify: () => rung++, close: () => {} })
})

function put(bytes: Iterable<number>): void {
  let producer = memory.read32(REQ_PROD)
  for (const byte of bytes) {
    memory.write8(PAGE + (producer % 1024), byte)
    producer = (producer + 1) >>> 0
  }
  memory.write32(REQ_PROD, producer)
}

function header(...words: number[]): Uint8Array {
  const bytes = new Uint8Array(16)
  const view = new DataView(bytes.buffer)
  for (const [i, word] of words.entries()) view.setUint32(4 * i, word, true)
  return bytes
}

function request(type: number, text: string, tx = 0, id = 7): void {
  put([...header(type, id, tx, text.length), ...[...text].map(c => c.charCodeAt(0))])
  server.service()
}

/** Everything in the response ring, as `[type, id, text]`. */
function replies(): [number, number, string][] {
  const found: [number, number, string][] = []
  let consumer = memory.read32(RSP_CONS)
  const byte = (): number => memory.read8(PAGE + 1024 + (consumer++ % 1024))
  const word = (): number => byte() | (byte() << 8) | (byte() << 16) | (byte() << 24)
  while (consumer < memory.read32(RSP_PROD)) {
    const [type, id, , length] = [word(), word(), word(), word()]
    found.push([type, id, String.fromCharCode(...Array.from({ length }, byte))])
  }
  memory.write32(RSP_CONS, consumer)
  return found
}

test('a request and its answer', () => {
  request(wire.XS_READ, 'name\0')
  expect(replies()).toEqual([[wire.XS_READ, 7, 'guest']])
  expect(rung).toBe(1)
  request(wire.XS_WRITE, 'data/x\0v\0w')
  request(wire.XS_READ, '/local/domain/1/data/x\0')
  request(wire.XS_DIRECTORY, 'data\0')
  request(wire.XS_GET_PERMS, 'data/x\0')
  request(wire.XS_GET_DOMAIN_PATH, '1\0')
  expect(replies().map(([, , text]) => text)).toEqual(['OK\0', 'v\0w', 'x\0', 'n1\0', '/local/domain/1\0'])
})

test('errors are names', () => {
  const cases: [number, string, number, string][] = [
    [wire.XS_READ, 'nothing\0', 0, 'ENOENT\0'],
    [wire.XS_READ, '/local//x\0', 0, 'EINVAL\0'],
    [wire.XS_WRITE, 'name\0other', 0, 'EACCES\0'],
    [wire.XS_WRITE, 'no NUL', 0, 'EINVAL\0'],
    [wire.XS_READ, 'name\0', 42, 'ENOENT\0'],
    [wire.XS_TRANSACTION_END, 'X\0', 0, 'EINVAL\0'],
    [wire.XS_TRANSACTION_END, 'T\0', 0, 'ENOENT\0'],
    [wire.XS_SET_PERMS, 'data\0z1\0', 0, 'EINVAL\0'],
    [wire.XS_SET_PERMS, 'data\0', 0, 'EINVAL\0'],
    [wire.XS_UNWATCH, 'data\0token\0', 0, 'ENOENT\0'],
    [wire.XS_WATCH, '@other\0token\0', 0, 'EINVAL\0'],
    [wire.XS_IS_DOMAIN_INTRODUCED, '1\0', 0, 'EACCES\0'],
    [8, '2\0', 0, 'ENOSYS\0'],
    [0xffffffff, '', 0, 'ENOSYS\0'],
  ]
  for (const [type, text, tx, error] of cases) {
    request(type, text, tx)
    expect([text, replies()]).toEqual([text, [[wire.XS_ERROR, 7, error]]])
  }
})

test('a watch fires at once, then with every change, by the name that it was given', () => {
  request(wire.XS_WATCH, 'data\0token\0')
  expect(replies()).toEqual([
    [wire.XS_WATCH, 7, 'OK\0'],
    [wire.XS_WATCH_EVENT, 0, 'data\0token\0'],
  ])
  store.write(0, '/local/domain/1/data/x', '1')
  expect(replies()).toEqual([[wire.XS_WATCH_EVENT, 0, 'data/x\0token\0']])
  request(wire.XS_WATCH, 'data\0token\0')
  expect(replies()).toEqual([[wire.XS_ERROR, 7, 'EEXIST\0']])
  request(wire.XS_UNWATCH, 'data\0token\0')
  replies()
  store.write(0, '/local/domain/1/data/x', '2')
  expect(replies()).toEqual([])
})

test('a transaction over the wire', () => {
  request(wire.XS_TRANSACTION_START, '\0')
  const id = Number.parseInt(replies()[0]![2], 10)
  request(wire.XS_WRITE, 'data/x\x001', id)
  request(wire.XS_TRANSACTION_END, 'T\0', id)
  expect(replies().map(([, , text]) => text)).toEqual(['OK\0', 'OK\0'])
  expect(store.read(0, '/local/domain/1/data/x')).toBe('1')
})

test('a request may come in pieces, an answer may be longer than the ring', () => {
  const value = 'x'.repeat(2000)
  store.write(0, '/local/domain/1/data/long', value)
  put(header(wire.XS_READ, 9, 0, 10).subarray(0, 10))
  server.service()
  put(header(wire.XS_READ, 9, 0, 10).subarray(10))
  put([...'data/long\0'].map(c => c.charCodeAt(0)))
  server.service()
  let bytes = 0
  for (let round = 0; round < 5; round++) {
    bytes += memory.read32(RSP_PROD) - memory.read32(RSP_CONS)
    memory.write32(RSP_CONS, memory.read32(RSP_PROD))
    server.service()
  }
  expect(bytes).toBe(16 + 2000)
})

test('forged indices and lengths harm nobody', () => {
  for (const [producer, consumer] of [
    [0xffffffff, 0],
    [0, 0xffffffff],
    [0x80000000, 5],
    [5000, 1],
  ] as const) {
    memory.write32(REQ_PROD, producer)
    memory.write32(REQ_CONS, consumer)
    memory.write32(RSP_PROD, consumer)
    memory.write32(RSP_CONS, producer)
    server.service()
  }
  const other = new StoreServer(store, 1, memory, PAGE)
  for (const at of [REQ_PROD, REQ_CONS, RSP_PROD, RSP_CONS]) memory.write32(at, 0)
  put(header(wire.XS_READ, 1, 0, 4097))
  other.service()
  // As xenstored does, it stops listening.
  put([...header(wire.XS_READ, 1, 0, 5), 0x6e, 0x61, 0x6d, 0x65, 0])
  other.service()
  expect(memory.read32(RSP_PROD)).toBe(0)
})
