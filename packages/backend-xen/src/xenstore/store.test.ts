/** docs/misc/xenstore.txt of Xen: permissions, transactions, watches. */
import { beforeEach, describe, expect, test } from 'vitest'
import { canonical } from './path.ts'
import { Store, StoreError } from './store.ts'

const GUEST = 1
const HOME = '/local/domain/1'
let store: Store

beforeEach(() => {
  store = new Store()
  store.mkdir(0, HOME)
  store.setPermissions(0, HOME, [
    { access: 'n', domid: 0 },
    { access: 'r', domid: GUEST },
  ])
  store.mkdir(0, `${HOME}/data`)
  store.setPermissions(0, `${HOME}/data`, [{ access: 'n', domid: GUEST }])
})

function refusal(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof StoreError) return error.code
    throw error
  }
  return 'done'
}

test('paths', () => {
  expect(canonical('data/x', GUEST)).toBe(`${HOME}/data/x`)
  expect(canonical('/', GUEST)).toBe('/')
  for (const bad of ['', '//', '/a/', 'a//b', '/a b', '/ä', `/${'a'.repeat(3072)}`, 'a'.repeat(2049)]) {
    expect(canonical(bad, GUEST)).toBeUndefined()
  }
})

test('a write makes the directories above it, with their permissions and the writer as owner', () => {
  store.write(GUEST, `${HOME}/data/a/b`, 'value')
  expect(store.read(GUEST, `${HOME}/data/a/b`)).toBe('value')
  expect(store.read(GUEST, `${HOME}/data/a`)).toBe('')
  expect(store.directory(GUEST, `${HOME}/data`)).toEqual(['a'])
  expect(store.permissions(GUEST, `${HOME}/data/a/b`)).toEqual([{ access: 'n', domid: GUEST }])
})

test('a guest reads what it may and writes where it owns', () => {
  store.write(0, `${HOME}/name`, 'guest')
  expect(store.read(GUEST, `${HOME}/name`)).toBe('guest')
  expect(refusal(() => store.write(GUEST, `${HOME}/name`, 'other'))).toBe('EACCES')
  expect(refusal(() => store.write(GUEST, '/local/domain/2/x', ''))).toBe('EACCES')
  expect(refusal(() => store.remove(GUEST, HOME))).toBe('EACCES')
  expect(refusal(() => store.setPermissions(GUEST, `${HOME}/name`, [{ access: 'b', domid: GUEST }]))).toBe('EACCES')
  // A node of its own can be opened to others, but not given away.
  expect(refusal(() => store.setPermissions(GUEST, `${HOME}/data`, [{ access: 'n', domid: 0 }]))).toBe('EACCES')
  store.mkdir(0, '/secret')
  store.setPermissions(0, '/secret', [{ access: 'n', domid: 0 }])
  expect(refusal(() => store.directory(GUEST, '/secret'))).toBe('EACCES')
  expect(refusal(() => store.read(GUEST, '/secret/deeper'))).toBe('EACCES')
  expect(refusal(() => store.read(GUEST, `${HOME}/nothing`))).toBe('ENOENT')
})

test('removing: all below goes; what is not there is fine if its directory is', () => {
  store.write(GUEST, `${HOME}/data/a/b/c`, '1')
  store.remove(GUEST, `${HOME}/data/a`)
  expect(store.directory(GUEST, `${HOME}/data`)).toEqual([])
  store.remove(GUEST, `${HOME}/data/a`)
  expect(refusal(() => store.remove(GUEST, `${HOME}/data/a/b`))).toBe('ENOENT')
})

describe('transactions', () => {
  test('are seen by nobody until they end well', () => {
    const id = store.begin(GUEST)
    store.write(GUEST, `${HOME}/data/x`, '1', id)
    expect(store.read(GUEST, `${HOME}/data/x`, id)).toBe('1')
    expect(refusal(() => store.read(GUEST, `${HOME}/data/x`))).toBe('ENOENT')
    store.end(GUEST, id, true)
    expect(store.read(GUEST, `${HOME}/data/x`)).toBe('1')
    expect(refusal(() => store.end(GUEST, id, true))).toBe('ENOENT')
  })

  test('leave nothing when they are given up', () => {
    const id = store.begin(GUEST)
    store.write(GUEST, `${HOME}/data/x`, '1', id)
    store.end(GUEST, id, false)
    expect(store.directory(GUEST, `${HOME}/data`)).toEqual([])
  })

  test('fail with EAGAIN when what they saw has changed, and only then', () => {
    store.write(GUEST, `${HOME}/data/x`, '1')
    const first = store.begin(GUEST)
    expect(store.read(GUEST, `${HOME}/data/x`, first)).toBe('1')
    store.write(GUEST, `${HOME}/data/y`, '2', first)
    store.write(0, `${HOME}/elsewhere`, '')
    store.end(GUEST, first, true)

    const second = store.begin(GUEST)
    expect(store.read(GUEST, `${HOME}/data/x`, second)).toBe('1')
    store.write(GUEST, `${HOME}/data/y`, '3', second)
    store.write(0, `${HOME}/data/x`, 'changed')
    expect(refusal(() => store.end(GUEST, second, true))).toBe('EAGAIN')
    expect(store.read(GUEST, `${HOME}/data/y`)).toBe('2')
  })

  test('belong to a domain, and there are ten of them', () => {
    const ids = Array.from({ length: 10 }, () => store.begin(GUEST))
    expect(refusal(() => store.begin(GUEST))).toBe('ENOSPC')
    expect(refusal(() => store.read(2, '/', ids[0]!))).toBe('ENOENT')
    expect(refusal(() => store.read(GUEST, '/', 99))).toBe('ENOENT')
  })
})

describe('watches', () => {
  test('hear of what happens at and below them', () => {
    const heard: string[] = []
    const stop = store.watch(GUEST, `${HOME}/data`, path => heard.push(path.slice(HOME.length)))
    store.write(GUEST, `${HOME}/data/a`, '1')
    store.write(0, `${HOME}/other`, '1')
    store.remove(GUEST, `${HOME}/data/a`)
    stop()
    store.write(GUEST, `${HOME}/data/a`, '2')
    expect(heard).toEqual(['/data/a', '/data/a'])
  })

  test('hear of a transaction when it is done, and of a tree that takes them along', () => {
    const heard: string[] = []
    store.write(GUEST, `${HOME}/data/a/b`, '1')
    store.watch(0, `${HOME}/data/a/b`, path => heard.push(path.slice(HOME.length)))
    const id = store.begin(GUEST)
    store.write(GUEST, `${HOME}/data/a/b`, '2', id)
    expect(heard).toEqual([])
    store.end(GUEST, id, true)
    store.remove(GUEST, `${HOME}/data`)
    expect(heard).toEqual(['/data/a/b', '/data/a/b'])
  })

  test('do not tell what their owner may not read', () => {
    const heard: string[] = []
    store.watch(GUEST, '/', path => heard.push(path))
    store.mkdir(0, '/secret')
    store.setPermissions(0, '/secret', [{ access: 'n', domid: 0 }])
    heard.length = 0
    store.write(0, '/secret/x', '1')
    expect(heard).toEqual([])
  })
})

test('a guest cannot fill the store', () => {
  for (let i = 0; ; i++) {
    const result = refusal(() => store.write(GUEST, `${HOME}/data/${i}`, ''))
    if (result === 'done') continue
    expect([result, i]).toEqual(['ENOSPC', 999])
    break
  }
  expect(refusal(() => store.write(GUEST, `${HOME}/data/0`, 'x'.repeat(2049)))).toBe('E2BIG')
})
