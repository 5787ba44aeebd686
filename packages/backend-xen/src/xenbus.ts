/**
 * The back end's half of a device's life (xen/include/public/io/xenbus.h, xenbus_state): it says what it can do, waits for
 * the front end's particulars, connects, and lets go when the front end does.
 */
import type { Reporter } from '@paragraft/core/ports'
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
export interface Connection {
  /** The guest rang. */
  service(): void
  close(): void
}

/** A kind of device, as its driver. */
export interface BackendDriver {
  /** Entries of the back end's directory that the front end may want to know before it begins. */
  readonly features: Readonly<Record<string, string>>
  /** Entries that it needs to know of the device. */
  readonly details: Readonly<Record<string, string>>
  /** Takes up the rings that the front end names. Undefined: it cannot; the guest's mistake. */
  connect(frontend: FrontendView): Connection | undefined
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

export class XenbusDevice {
  readonly #options: XenbusOptions
  readonly #driver: BackendDriver
  #connection: Connection | null = null
  #channel: BackendChannel | null = null
  #state = 0

  constructor(options: XenbusOptions, driver: BackendDriver) {
    this.#options = options
    this.#driver = driver
    this.#write(driver.features)
    this.#setState(XENBUS_INIT_WAIT)
    options.store.watch(BACKEND_DOMID, `${options.paths.frontend}/state`, () => this.#frontendChanged())
  }

  #frontendChanged(): void {
    switch (this.#number('state')) {
      case XENBUS_INITIALISING:
        if (this.#state === XENBUS_CLOSED) this.#setState(XENBUS_INIT_WAIT)
        break
      case XENBUS_INITIALISED:
      case XENBUS_CONNECTED:
        if (this.#connection === null) this.#connect()
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
    const channel = port === undefined ? undefined : events.connect(port, () => this.#connection?.service(), name)
    const connection =
      channel === undefined
        ? undefined
        : this.#driver.connect({
            read: key => this.#read(key),
            number: key => this.#number(key),
            channel,
          })
    if (channel === undefined || connection === undefined) {
      channel?.close()
      reporter.report(`xenbus ${name}`, `the front end of ${name} named an event channel or rings that cannot be used`)
      this.#setState(XENBUS_CLOSING)
      return
    }
    this.#channel = channel
    this.#connection = connection
    this.#write(this.#driver.details)
    this.#setState(XENBUS_CONNECTED)
    // What it asked for before we were there was not heard.
    connection.service()
  }

  #disconnect(): void {
    this.#connection?.close()
    this.#channel?.close()
    this.#connection = null
    this.#channel = null
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
