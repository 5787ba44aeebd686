/**
 * Xenstore's protocol for one domain (docs/misc/xenstore.txt, "Communication with xenstore"): requests become operations on
 * the store, results become replies; watches become events. Strings are Latin-1, since values are bytes.
 */
import type { GuestMemory, Snapshotable } from '@paragraft/core/ports'
import type { BackendChannel } from '../ports.ts'
import { canonical, domainPath } from './path.ts'
import { type Store, StoreError } from './store.ts'
import type { Access, Permission } from './tree.ts'
import * as wire from './wire.ts'

const WATCHES_PER_DOMAIN = 128
/** Watches of no path: a domain appeared, or went. */
const SPECIAL = ['@introduceDomain', '@releaseDomain']

interface OwnWatch {
  /** As the guest named it. */
  readonly wanted: string
  readonly path: string
  readonly token: string
  readonly stop: () => void
}

export interface StoreServerState {
  ring: wire.StoreRingState
  watches: { wanted: string; path: string; token: string }[]
}

export class StoreServer implements Snapshotable<StoreServerState> {
  readonly #store: Store
  readonly #domid: number
  readonly #ring: wire.StoreRing
  #watches: OwnWatch[] = []
  #channel: BackendChannel | null = null
  #serving = false

  constructor(store: Store, domid: number, memory: GuestMemory, page: number) {
    this.#store = store
    this.#domid = domid
    this.#ring = new wire.StoreRing(memory, page, message => this.#request(message))
  }

  connect(channel: BackendChannel): void {
    this.#channel = channel
  }

  save(): StoreServerState {
    const watches = this.#watches.map(({ wanted, path, token }) => ({ wanted, path, token }))
    return { ring: this.#ring.save(), watches }
  }

  restore({ ring, watches }: StoreServerState): void {
    this.#ring.restore(ring)
    for (const { wanted, path, token } of watches) this.#begin(wanted, path, token)
  }

  /** The guest rang. */
  service(): void {
    this.#serving = true
    const moved = this.#ring.service()
    this.#serving = false
    if (moved) this.#channel?.notify()
  }

  #request(message: wire.Message): void {
    const { type, reqId, txId } = message
    try {
      const events: (() => void)[] = []
      const payload = bytesOf(this.#serve(message, events))
      if (payload.length > wire.XENSTORE_PAYLOAD_MAX) throw new StoreError('E2BIG')
      this.#ring.send({ type, reqId, txId, payload })
      for (const event of events) event()
    } catch (error) {
      if (!(error instanceof StoreError)) throw error
      this.#ring.send({ type: wire.XS_ERROR, reqId, txId, payload: bytesOf(`${error.code}\0`) })
    }
  }

  /** The reply's payload. `after`: what is to be sent behind it. */
  #serve({ type, txId, payload }: wire.Message, after: (() => void)[]): string {
    const store = this.#store
    const domid = this.#domid
    const text = textOf(payload)
    const strings = text.split('\0')
    const path = (): string => this.#path(strings[0]!)
    switch (type) {
      case wire.XS_DIRECTORY:
        return list(store.directory(domid, path(), txId))
      case wire.XS_READ:
        return store.read(domid, path(), txId)
      case wire.XS_GET_PERMS:
        return list(store.permissions(domid, path(), txId).map(entry => `${entry.access}${entry.domid}`))
      case wire.XS_WRITE:
        if (!text.includes('\0')) throw new StoreError('EINVAL')
        store.write(domid, path(), text.slice(strings[0]!.length + 1), txId)
        return 'OK\0'
      case wire.XS_MKDIR:
        store.mkdir(domid, path(), txId)
        return 'OK\0'
      case wire.XS_RM:
        store.remove(domid, path(), txId)
        return 'OK\0'
      case wire.XS_SET_PERMS:
        store.setPermissions(domid, path(), permissionsOf(strings.slice(1)), txId)
        return 'OK\0'
      case wire.XS_TRANSACTION_START:
        if (txId !== 0) throw new StoreError('EBUSY')
        return `${store.begin(domid)}\0`
      case wire.XS_TRANSACTION_END:
        if (strings[0] !== 'T' && strings[0] !== 'F') throw new StoreError('EINVAL')
        store.end(domid, txId, strings[0] === 'T')
        return 'OK\0'
      case wire.XS_WATCH:
        this.#watch(strings, after)
        return 'OK\0'
      case wire.XS_UNWATCH:
        this.#unwatch(strings)
        return 'OK\0'
      case wire.XS_RESET_WATCHES:
        for (const watch of this.#watches.splice(0)) watch.stop()
        return 'OK\0'
      case wire.XS_GET_DOMAIN_PATH:
        return `${domainPath(domidOf(strings[0]!))}\0`
      case wire.XS_IS_DOMAIN_INTRODUCED:
        // Only domain 0 may ask after others.
        throw new StoreError('EACCES')
      default:
        throw new StoreError('ENOSYS')
    }
  }

  #path(text: string): string {
    const path = canonical(text, this.#domid)
    if (path === undefined) throw new StoreError('EINVAL')
    return path
  }

  #watch(strings: string[], after: (() => void)[]): void {
    if (strings.length < 3) throw new StoreError('EINVAL')
    const [wanted, token] = strings as [string, string]
    const special = wanted.startsWith('@')
    if (special && !SPECIAL.includes(wanted)) throw new StoreError('EINVAL')
    const path = special ? wanted : this.#path(wanted)
    if (this.#watches.some(watch => watch.path === path && watch.token === token)) throw new StoreError('EEXIST')
    if (this.#watches.length >= WATCHES_PER_DOMAIN) throw new StoreError('E2BIG')
    this.#begin(wanted, path, token)
    // A new watch is told at once, whether or not anything is there.
    after.push(() => this.#event(wanted, token))
  }

  #begin(wanted: string, path: string, token: string): void {
    const special = wanted.startsWith('@')
    // Events name the path as the watch did: relative for a relative watch.
    const prefix = wanted.startsWith('/') || special ? '' : `${domainPath(this.#domid)}/`
    const tell = (changed: string): void => this.#event(changed.slice(prefix.length), token)
    const stop = special ? () => {} : this.#store.watch(this.#domid, path, tell)
    this.#watches.push({ wanted, path, token, stop })
  }

  #unwatch(strings: string[]): void {
    if (strings.length < 3) throw new StoreError('EINVAL')
    const [wanted, token] = strings as [string, string]
    const path = wanted.startsWith('@') ? wanted : this.#path(wanted)
    const at = this.#watches.findIndex(watch => watch.path === path && watch.token === token)
    if (at < 0) throw new StoreError('ENOENT')
    this.#watches.splice(at, 1)[0]!.stop()
  }

  #event(path: string, token: string): void {
    this.#ring.send({ type: wire.XS_WATCH_EVENT, reqId: 0, txId: 0, payload: bytesOf(`${path}\0${token}\0`) })
    // While a request is served its caller moves the queue.
    if (!this.#serving && this.#ring.flush()) this.#channel?.notify()
  }
}

/** Each with a NUL behind it. */
function list(strings: readonly string[]): string {
  return strings.map(text => `${text}\0`).join('')
}

function domidOf(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new StoreError('EINVAL')
  return Number(text)
}

function permissionsOf(strings: readonly string[]): Permission[] {
  const entries = strings.at(-1) === '' ? strings.slice(0, -1) : strings
  if (entries.length === 0) throw new StoreError('EINVAL')
  return entries.map(entry => {
    if (!/^[nrwb]\d{1,5}$/.test(entry)) throw new StoreError('EINVAL')
    return { access: entry[0] as Access, domid: Number(entry.slice(1)) }
  })
}

function textOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}

function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, character => character.charCodeAt(0))
}
