/**
 * Block back end (`vbd`): requests of a front end's ring, on a block port. Data goes straight between the port and the pages
 * that the guest granted; what the guest or the medium got wrong becomes a status, never more.
 */
import type { BlockPort, GuestMemory, Reporter } from '@paragraft/core/ports'
import * as abi from '../abi/blkif.ts'
import { decode } from '../abi/layout.ts'
import { BackRing, type BackRingState } from '../back-ring.ts'
import type { BackendGrants } from '../ports.ts'
import type { BackendDriver, Connection, FrontendView } from '../xenbus.ts'

const SECTOR = 512

export interface VbdOptions {
  memory: GuestMemory
  grants: BackendGrants
  disk: BlockPort
  reporter: Reporter
}

/** A connection: its ring by the grant of it, and the layout that its front end speaks. */
export interface VbdState {
  ref: number
  protocol: string
  ring: BackRingState
}

export function vbdDriver(options: VbdOptions): BackendDriver<VbdState> {
  const { disk, grants } = options
  return {
    features: { 'feature-flush-cache': '1', 'feature-barrier': '1', 'feature-persistent': '0' },
    details: {
      sectors: `${disk.sectors}`,
      info: `${disk.readOnly ? abi.VDISK_READONLY : 0}`,
      'sector-size': `${SECTOR}`,
      'physical-sector-size': `${SECTOR}`,
    },
    connect(frontend) {
      const ref = frontend.number('ring-ref')
      // A guest that does not say speaks its own machine's: this one's is 32 bits wide.
      const protocol = frontend.read('protocol') ?? 'x86_32-abi'
      if (ref === undefined || !abi.BLKIF_PROTOCOLS.has(protocol)) return undefined
      const page = grants.map(ref, true)
      return page === undefined ? undefined : new Vbd(options, frontend, { ref, protocol, page })
    },
    resume({ ref, protocol, ring }, frontend) {
      const vbd = new Vbd(options, frontend, { ref, protocol, page: ring.page })
      vbd.restore(ring)
      return vbd
    },
  }
}

/** One segment of a request: sectors of a granted page. */
interface Segment {
  readonly ref: number
  readonly first: number
  readonly sectors: number
}

/** What a connection is made of; `page`: the ring's RAM address. */
interface VbdLink {
  readonly ref: number
  readonly protocol: string
  readonly page: number
}

class Vbd implements Connection<VbdState> {
  readonly #options: VbdOptions
  readonly #link: VbdLink
  readonly #protocol: abi.BlkifLayouts
  readonly #ring: BackRing
  readonly #frontend: FrontendView

  constructor(options: VbdOptions, frontend: FrontendView, link: VbdLink) {
    this.#options = options
    this.#frontend = frontend
    this.#link = link
    this.#protocol = abi.BLKIF_PROTOCOLS.get(link.protocol)!
    this.#ring = new BackRing(options.memory, link.page, this.#protocol.request.size)
  }

  close(): void {
    this.#options.grants.unmap(this.#link.ref, true)
  }

  save(): VbdState {
    const { ref, protocol } = this.#link
    return { ref, protocol, ring: this.#ring.save() }
  }

  restore(ring: BackRingState): void {
    this.#ring.restore(ring)
  }

  service(): void {
    const ring = this.#ring
    let served = false
    for (let waiting = ring.waiting; waiting > 0; waiting--) {
      const bytes = ring.take()
      const { operation, idLow, idHigh } = decode(this.#protocol.request, bytes)
      ring.put(this.#protocol.response, { idLow, idHigh, operation, status: this.#request(bytes) })
      served = true
    }
    if (ring.broken) this.#options.reporter.report('vbd ring', 'a block ring claims more requests than it holds')
    ring.rearm()
    if (served && ring.push()) this.#frontend.channel.notify()
  }

  #request(bytes: Uint8Array): number {
    const { operation, nrSegments, sectorNumber } = decode(this.#protocol.request, bytes)
    switch (operation) {
      case abi.BLKIF_OP_READ:
      case abi.BLKIF_OP_WRITE:
      case abi.BLKIF_OP_WRITE_BARRIER: {
        const empty = nrSegments === 0 && operation === abi.BLKIF_OP_WRITE_BARRIER
        if ((nrSegments === 0 && !empty) || nrSegments > abi.BLKIF_MAX_SEGMENTS_PER_REQUEST) return abi.BLKIF_RSP_ERROR
        const segments = this.#segments(bytes, nrSegments)
        if (segments === undefined) return abi.BLKIF_RSP_ERROR
        return this.#transfer(operation, sectorNumber, segments)
      }
      case abi.BLKIF_OP_FLUSH_DISKCACHE:
        return this.#onMedium('flush', () => this.#options.disk.flush())
      default:
        this.#options.reporter.report(`vbd operation ${operation}`, `a block request of kind ${operation} is refused`)
        return abi.BLKIF_RSP_EOPNOTSUPP
    }
  }

  #segments(bytes: Uint8Array, count: number): Segment[] | undefined {
    const segments: Segment[] = []
    for (let i = 0; i < count; i++) {
      const at = this.#protocol.segments + i * abi.BLKIF_REQUEST_SEGMENT.size
      const { gref, firstSect, lastSect } = decode(abi.BLKIF_REQUEST_SEGMENT, bytes.subarray(at))
      if (lastSect >= abi.SECTORS_PER_PAGE || firstSect > lastSect) return undefined
      segments.push({ ref: gref, first: firstSect, sectors: lastSect - firstSect + 1 })
    }
    return segments
  }

  #transfer(operation: number, start: number, segments: readonly Segment[]): number {
    const { disk } = this.#options
    const reads = operation === abi.BLKIF_OP_READ
    const total = segments.reduce((sum, { sectors }) => sum + sectors, 0)
    if (start + total > disk.sectors || (!reads && disk.readOnly)) return abi.BLKIF_RSP_ERROR
    let sector = start
    for (const segment of segments) {
      const status = this.#move(reads, sector, segment)
      if (status !== abi.BLKIF_RSP_OKAY) return status
      sector += segment.sectors
    }
    // A barrier is what came before it, safe.
    return operation === abi.BLKIF_OP_WRITE_BARRIER ? this.#onMedium('flush', () => disk.flush()) : abi.BLKIF_RSP_OKAY
  }

  #move(reads: boolean, sector: number, { ref, first, sectors }: Segment): number {
    const { disk, grants, memory } = this.#options
    const page = grants.map(ref, reads)
    if (page === undefined) return abi.BLKIF_RSP_ERROR
    try {
      return this.#onMedium(`${reads ? 'read' : 'write'} at sector ${sector}`, () => {
        if (reads) {
          const bytes = new Uint8Array(sectors * SECTOR)
          disk.read(sector, bytes)
          memory.write(page + first * SECTOR, bytes)
        } else disk.write(sector, memory.read(page + first * SECTOR, sectors * SECTOR))
      })
    } finally {
      grants.unmap(ref, reads)
    }
  }

  #onMedium(what: string, action: () => void): number {
    try {
      action()
      return abi.BLKIF_RSP_OKAY
    } catch (error) {
      this.#options.reporter.report('vbd medium', `the disk refused a ${what}: ${(error as Error).message}`)
      return abi.BLKIF_RSP_ERROR
    }
  }
}
