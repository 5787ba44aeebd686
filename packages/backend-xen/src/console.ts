/**
 * The PV console (xen/include/public/io/console.h): a page with a ring each way and an event channel, between the guest and
 * a console port. Indices run freely; a producer that claims more than the ring holds is taken to have filled it.
 */
import type { ConsolePort, GuestMemory, Snapshotable } from '@paragraft/core/ports'
import {
  CONSOLE_IN,
  CONSOLE_IN_CONS,
  CONSOLE_IN_PROD,
  CONSOLE_IN_SIZE,
  CONSOLE_OUT,
  CONSOLE_OUT_CONS,
  CONSOLE_OUT_PROD,
  CONSOLE_OUT_SIZE,
} from './abi/console.ts'
import type { BackendChannel } from './ports.ts'

/** Where the ring is; whether the guest has rung, so that somebody reads. */
export interface XenConsoleState {
  page: number
  rung: boolean
}

export class XenConsole implements Snapshotable<XenConsoleState> {
  readonly #memory: GuestMemory
  readonly #port: ConsolePort
  #page: number
  #channel: BackendChannel | null = null

  /** `page`: RAM address of the ring page. */
  constructor(memory: GuestMemory, port: ConsolePort, page: number) {
    this.#memory = memory
    this.#port = port
    this.#page = page
  }

  /** The channel by which the guest is told; from then on input is taken. */
  connect(channel: BackendChannel): void {
    this.#channel = channel
  }

  /** The guest rang: it has written, or it has read. */
  service(): void {
    // Nobody reads the ring before the guest has rung for the first time.
    this.#listen()
    const produced = this.#drain()
    const filled = this.#pull()
    if (produced || filled) this.#channel?.notify()
  }

  save(): XenConsoleState {
    return { page: this.#page, rung: this.#port.onInput !== null }
  }

  restore({ page, rung }: XenConsoleState): void {
    this.#page = page
    if (rung) this.#listen()
  }

  #listen(): void {
    this.#port.onInput ??= () => this.#fill()
  }

  #fill(): void {
    if (this.#pull()) this.#channel?.notify()
  }

  #drain(): boolean {
    const memory = this.#memory
    const producer = memory.read32(this.#page + CONSOLE_OUT_PROD)
    const consumer = memory.read32(this.#page + CONSOLE_OUT_CONS)
    const count = Math.min((producer - consumer) >>> 0, CONSOLE_OUT_SIZE)
    if (count === 0) return false
    const bytes = new Uint8Array(count)
    for (let i = 0; i < count; i++)
      bytes[i] = memory.read8(this.#page + CONSOLE_OUT + (((consumer + i) >>> 0) % CONSOLE_OUT_SIZE))
    memory.write32(this.#page + CONSOLE_OUT_CONS, producer)
    this.#port.write(bytes)
    return true
  }

  #pull(): boolean {
    const memory = this.#memory
    const producer = memory.read32(this.#page + CONSOLE_IN_PROD)
    const consumer = memory.read32(this.#page + CONSOLE_IN_CONS)
    let room = Math.max(0, CONSOLE_IN_SIZE - ((producer - consumer) >>> 0))
    let at = producer
    for (; room > 0; room--) {
      const byte = this.#port.read()
      if (byte < 0) break
      memory.write8(this.#page + CONSOLE_IN + (at % CONSOLE_IN_SIZE), byte)
      at = (at + 1) >>> 0
    }
    memory.write32(this.#page + CONSOLE_IN_PROD, at)
    return at !== producer
  }
}
