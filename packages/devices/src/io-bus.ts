/**
 * The I/O port space: 65,536 byte ports, each decoded by at most one device. Wide accesses go to the device whole when
 * it decodes the whole width, else they are split into bytes, low address first (ISA bus cycles; Intel SDM vol. 1,
 * 19.5.1 "I/O addressing"). Nobody at home: reads float to all ones, writes vanish, and the reporter hears it.
 */
import { ParagraftError } from '@paragraft/core/errors'
import type { IoBus, IoHandler, Reporter, Snapshotable } from '@paragraft/core/ports'
import { hex } from './hex.ts'

const PORTS = 0x1_0000
/**
 * What an access takes where a device says nothing else, and where no device is: about a microsecond, by which guests
 * have counted short delays since the PC/AT (an OUT to port 80H).
 */
export const ISA_CYCLE_NS = 1000

interface Claim {
  readonly first: number
  /** First port past the claim. */
  readonly end: number
  readonly handler: IoHandler
  readonly read: IoHandler['ioRead']
  readonly write: IoHandler['ioWrite']
  readonly width: number
  readonly timeNs: number
  readonly name: string
}

/** All claims are made here, so that they are of one shape to V8. */
function claimOf(handler: IoHandler, first: number, end: number, name: string, width: number): Claim {
  const { ioRead: read, ioWrite: write, ioTimeNs: timeNs = ISA_CYCLE_NS } = handler
  if (!Number.isSafeInteger(timeNs) || timeNs < 0) {
    throw new ParagraftError('PG_IO_TIME', `${name}: an access cannot take ${timeNs} nanoseconds`, {
      fields: { device: name, timeNs },
      hint: 'Give ioTimeNs a whole number, 0 or more.',
    })
  }
  return { first, end, handler, read, write, width, timeNs, name }
}

/** Stands where no device is, and takes no access. */
const NOBODY = claimOf({ ioRead: () => 0, ioWrite: () => {} }, 0, 0, '', 0)
/** Index behind the ports. */
const APART = PORTS

/** Ports of which has been said that nobody is there. */
export interface PortBusState {
  /** Port, and what was tried: bit 0 a read, bit 1 a write. */
  reported: [port: number, tried: number][]
}

/** The port bus of one machine: devices claim on it, the processor's IN and OUT arrive at `ioRead` and `ioWrite`. */
export class PortBus implements IoBus, Snapshotable<PortBusState> {
  /** Who decodes each port, and at {@link APART} who takes what no device takes whole: there is always somebody to call. */
  readonly #claims: Claim[]
  /** One byte per port: bit 0, an unclaimed read was reported; bit 1, an unclaimed write. */
  readonly #reported = new Uint8Array(PORTS)
  readonly #reporter: Reporter
  readonly #spend: (ns: number) => void

  /** `spend` hears how long each access takes, when it is over. */
  constructor(reporter: Reporter, spend: (ns: number) => void = () => {}) {
    this.#reporter = reporter
    this.#spend = spend
    this.#claims = new Array<Claim>(PORTS).fill(NOBODY)
    const apart = {
      ioRead: (port: number, size: number) => this.#readApart(port, size),
      ioWrite: (port: number, size: number, value: number) => this.#writeApart(port, size, value),
    }
    // What it does takes the time of the accesses that it is made of.
    this.#claims.push(claimOf({ ...apart, ioTimeNs: 0 }, APART, APART + 1, '', 4))
  }

  /**
   * Claims `count` ports from `first` and returns what releases them.
   * @throws ParagraftError `PG_IO_OVERLAP` when a port has an owner, `PG_IO_RANGE` outside 0–0xFFFF, `PG_IO_TIME` for a time that
   * is no whole number.
   */
  claim(first: number, count: number, handler: IoHandler, name: string): () => void {
    const end = first + count
    if (!Number.isInteger(first) || !Number.isInteger(count) || first < 0 || count < 1 || end > PORTS) {
      throw new ParagraftError('PG_IO_RANGE', `${name} claims ports outside the I/O space`, {
        fields: { first, count },
      })
    }
    for (let port = first; port < end; port++) {
      const owner = this.#claims[port]
      if (owner !== undefined && owner !== NOBODY) {
        throw new ParagraftError('PG_IO_OVERLAP', `${name} claims port ${hex(port)}, which ${owner.name} owns`, {
          fields: { port, claimant: name, owner: owner.name },
          hint: 'Give one of the two devices another base port.',
        })
      }
    }
    const claim = claimOf(handler, first, end, name, handler.ioWidth ?? 4)
    this.#claims.fill(claim, first, end)
    return () => {
      for (let port = first; port < end; port++) {
        if (this.#claims[port] === claim) this.#claims[port] = NOBODY
      }
    }
  }

  /* The handlers are called by `call`, and there is no way past them: V8 compiles these two but once, with no device in them. */

  /** An IN of 1, 2 or 4 bytes. Never throws for a guest's choice of port; the space wraps at 64 K. */
  ioRead(port: number, size: number): number {
    const at = port & 0xffff
    const claim = this.#taking(at, size)
    const value = claim.read.call(claim.handler, at, size)
    this.#spend(claim.timeNs)
    return value
  }

  /** An OUT of 1, 2 or 4 bytes; `value` is unsigned and at most `size` bytes wide. */
  ioWrite(port: number, size: number, value: number): void {
    const at = port & 0xffff
    const claim = this.#taking(at, size)
    claim.write.call(claim.handler, at, size, value)
    this.#spend(claim.timeNs)
  }

  /** Whom an access is for. */
  #taking(port: number, size: number): Claim {
    const claims = this.#claims
    const { width, end } = claims[port]!
    return claims[size <= width && port + size <= end ? port : APART]!
  }

  /** By two halves, or nobody is there. */
  #readApart(port: number, size: number): number {
    if (size > 1 && this.#spans(port, size)) {
      const half = size >> 1
      const low = this.ioRead(port, half)
      return (low | (this.ioRead(port + half, half) << (half * 8))) >>> 0
    }
    this.#report(port, 'read', 1)
    this.#spend(ISA_CYCLE_NS)
    return size === 4 ? 0xffff_ffff : size === 2 ? 0xffff : 0xff
  }

  #writeApart(port: number, size: number, value: number): void {
    if (size > 1 && this.#spans(port, size)) {
      const half = size >> 1
      const bits = half * 8
      this.ioWrite(port, half, half === 2 ? value & 0xffff : value & 0xff)
      this.ioWrite(port + half, half, (value >>> bits) & (half === 2 ? 0xffff : 0xff))
      return
    }
    this.#report(port, 'write', 2)
    this.#spend(ISA_CYCLE_NS)
  }

  /** Name of the device that owns a port, for reports. */
  ownerOf(port: number): string | undefined {
    const claim = this.#claims[port & 0xffff]!
    return claim === NOBODY ? undefined : claim.name
  }

  save(): PortBusState {
    const reported: PortBusState['reported'] = []
    for (const [port, tried] of this.#reported.entries()) if (tried !== 0) reported.push([port, tried])
    return { reported }
  }

  restore({ reported }: PortBusState): void {
    for (const [port, tried] of reported) this.#reported[port] = tried
  }

  /** True when any byte of the access has an owner, so that it must be split rather than floated whole. */
  #spans(port: number, size: number): boolean {
    for (let i = 0; i < size; i++) if (this.#claims[(port + i) & 0xffff] !== NOBODY) return true
    return false
  }

  #report(port: number, what: string, bit: number): void {
    if (this.#reported[port]! & bit) return
    this.#reported[port]! |= bit
    this.#reporter.report(`ioport ${hex(port)} ${what}`, `${what} of port ${hex(port)}, where no device is`)
  }
}
