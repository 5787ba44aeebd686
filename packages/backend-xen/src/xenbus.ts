/**
 * The back end's half of a device's life (xen/include/public/io/xenbus.h, xenbus_state): it says what it can do, waits for
 * the front end's particulars, connects, and lets go when the front end does.
 */
import type { Reporter, Snapshotable } from '@paragraft/core/ports'
import { BACKEND_DOMID } from './abi/xen.ts'
import type { BackendChannel, BackendEvents, BackendGrants } from './ports.ts'
import {
  type DevicePaths,
  XENBUS_CLOSED,
  XENBUS_CLOSING,
  XENBUS_CONNECTED,
  XENBUS_INIT_WAIT,
  XENBUS_INITIALISED,
  XENBUS_INITIALISING,
} from './toolstack.ts'
import { type Store, StoreError } from './xenstore/store.ts'

/** What a connected device does. */
export interface Connection<State> {
  /** The guest rang. */
  service(): void
  close(): void
  save(): State
}

/** A kind of device, as its driver. `State`: what a snapshot keeps of a connection. */
export interface BackendDriver<State> {
  /** Entries of the back end's directory that the front end may want to know before it begins. */
  readonly features: Readonly<Record<string, string>>
  /** Entries that it needs to know of the device. */
  readonly details: Readonly<Record<string, string>>
  /** Takes up the rings that the front end names. Undefined: it cannot; the guest's mistake. */
  connect(frontend: FrontendView): Connection<State> | undefined
  /** Goes on with a connection that was saved; its grants are mapped already. */
  resume(state: State, frontend: FrontendView): Connection<State>
}

/** What a driver sees of its front end. */
export interface FrontendView {
  /** An entry of the front end's directory. */
  read(key: string): string | undefined
  /** A number among them; undefined when it is none. */
  number(key: string): number | undefined
  readonly channel: { notify(): void }
}

export interface XenbusOptions {
  store: Store
  events: BackendEvents
  grants: BackendGrants
  reporter: Reporter
  paths: DevicePaths
  /** For reports and counts: `vbd 51712`. */
  name: string
}

export interface XenbusState<State> {
  state: number
  /** `port`: the channel's, as the front end named it. */
  connection: { port: number; state: State } | null
}

/** A connected device. */
interface Link<State> {
  readonly port: number
  readonly channel: BackendChannel
  readonly connection: Connection<State>
}

export class XenbusDevice<State> implements Snapshotable<XenbusState<State>> {
  readonly #options: XenbusOptions
  readonly #driver: BackendDriver<State>
  #link: Link<State> | null = null
  #state = 0

  constructor(options: XenbusOptions, driver: BackendDriver<State>) {
    this.#options = options
    this.#driver = driver
    this.#write(driver.features)
    this.#setState(XENBUS_INIT_WAIT)
    options.store.watch(BACKEND_DOMID, `${options.paths.frontend}/state`, () => this.#frontendChanged())
  }

  save(): XenbusState<State> {
    const link = this.#link
    return {
      state: this.#state,
      connection: link === null ? null : { port: link.port, state: link.connection.save() },
    }
  }

  /** On a device that is not connected, with event channels, grants and the store in place. */
  restore({ state, connection }: XenbusState<State>): void {
    this.#state = state
    if (connection === null) return
    const { port } = connection
    const channel = this.#options.events.resume(port, () => this.#serve(), this.#options.name)
    this.#link = { port, channel, connection: this.#driver.resume(connection.state, this.#view(channel)) }
  }

  #frontendChanged(): void {
    switch (this.#number('state')) {
      case XENBUS_INITIALISING:
        if (this.#state === XENBUS_CLOSED) this.#setState(XENBUS_INIT_WAIT)
        break
      case XENBUS_INITIALISED:
      case XENBUS_CONNECTED:
        if (this.#link === null) this.#connect()
        break
      case XENBUS_CLOSING:
        this.#disconnect()
        this.#setState(XENBUS_CLOSING)
        break
      case XENBUS_CLOSED:
      case undefined:
        this.#disconnect()
        this.#setState(XENBUS_CLOSED)
        break
    }
  }

  #connect(): void {
    const { events, reporter, name } = this.#options
    const port = this.#number('event-channel')
    const channel = port === undefined ? undefined : events.connect(port, () => this.#serve(), name)
    const connection = channel === undefined ? undefined : this.#driver.connect(this.#view(channel))
    if (port === undefined || channel === undefined || connection === undefined) {
      channel?.close()
      reporter.report(`xenbus ${name}`, `the front end of ${name} named an event channel or rings that cannot be used`)
      this.#setState(XENBUS_CLOSING)
      return
    }
    this.#link = { port, channel, connection }
    this.#write(this.#driver.details)
    this.#setState(XENBUS_CONNECTED)
    // What it asked for before we were there was not heard.
    connection.service()
  }

  #disconnect(): void {
    this.#link?.connection.close()
    this.#link?.channel.close()
    this.#link = null
  }

  #serve(): void {
    this.#link?.connection.service()
  }

  #view(channel: BackendChannel): FrontendView {
    return { read: key => this.#read(key), number: key => this.#number(key), channel }
  }

  #setState(state: number): void {
    if (state === this.#state) return
    this.#state = state
    this.#write({ state: `${state}` })
  }

  #write(entries: Readonly<Record<string, string>>): void {
    const { store, paths } = this.#options
    for (const [key, value] of Object.entries(entries)) store.write(BACKEND_DOMID, `${paths.backend}/${key}`, value)
  }

  #read(key: string): string | undefined {
    try {
      return this.#options.store.read(BACKEND_DOMID, `${this.#options.paths.frontend}/${key}`)
    } catch (error) {
      if (error instanceof StoreError) return undefined
      throw error
    }
  }

  #number(key: string): number | undefined {
    const text = this.#read(key)
    return text !== undefined && /^\d{1,10}$/.test(text) && Number(text) < 2 ** 32 ? Number(text) : undefined
  }
}
