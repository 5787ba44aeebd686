/**
 * The reference backend: a PC whose board it brings itself, with a few hypercalls. Everything that reaches its guest goes through
 * its ports and its instance, so that a fault can be planted anywhere on the way.
 */
import {
  type Ability,
  type BackendInstance,
  type BackendPorts,
  defineBackend,
  type HypercallFrame,
} from '@paragraft/core/ops'
import type { NamedStates } from '@paragraft/core/snapshot'
import { createPcDevices, type PcDevices } from '@paragraft/devices'
import { HYPERCALLS } from './object.ts'

const CR4 = 4
const CR4_PAE = 0x20

interface ReferenceState {
  calls: Record<string, number>
  /** What the guest has set its wall clock to, less what the machine's says; seconds. */
  clockOffset: number
  /** An interrupt waits. */
  pending: boolean
  /** The guest sleeps in a hypercall. */
  blocked: boolean
}

class Reference implements BackendInstance {
  readonly #ports: BackendPorts
  readonly #board: PcDevices
  readonly #state: ReferenceState = { calls: {}, clockOffset: 0, pending: false, blocked: false }

  constructor(ports: BackendPorts) {
    this.#ports = ports
    const { io: ioBus, mmio: mmioBus, epochSeconds: rtcEpochSeconds, memory } = ports
    this.#board = createPcDevices({
      ...ports,
      ioBus,
      mmioBus,
      rtcEpochSeconds,
      memorySize: memory.size,
      intr: { set: level => this.#intr(level) },
      ...(ports.disks[0] === undefined ? {} : { disk: ports.disks[0] }),
    })
  }

  acknowledgeInterrupt(): number {
    return this.#board.interrupt.acknowledge()
  }

  readMsr(index: number): bigint | undefined {
    return this.#board.apic.readMsr(index)
  }

  writeMsr(index: number, value: bigint): boolean {
    return this.#board.apic.writeMsr(index, value)
  }

  /** The guest sleeps in a hypercall, with interrupts off; it is ours to wake. */
  wakes(): boolean {
    return this.#state.blocked
  }

  hypercall(frame: HypercallFrame): boolean {
    if (frame.cpl !== 0) return false
    const call = Object.entries(HYPERCALLS).find(([, number]) => number === frame.getRegister('EBX'))?.[0]
    if (call === undefined) return false
    this.#state.calls[call] = (this.#state.calls[call] ?? 0) + 1
    const [eax, edx, ecx] = (['EAX', 'EDX', 'ECX'] as const).map(name => frame.getRegister(name)) as [
      number,
      number,
      number,
    ]
    const { clock, processor } = this.#ports
    switch (call as keyof typeof HYPERCALLS) {
      case 'sched_clock': {
        const now = BigInt(clock.now())
        frame.setRegister('EAX', Number(now & 0xffff_ffffn))
        frame.setRegister('EDX', Number(now >> 32n))
        break
      }
      case 'get_wallclock':
        frame.setRegister('EAX', this.#wallclock())
        break
      case 'set_wallclock':
        this.#state.clockOffset += eax - this.#wallclock()
        frame.setRegister('EAX', 0)
        break
      case 'flush_tlb_one_user':
        processor.invlpg(eax)
        break
      case 'safe_halt':
        if (this.#state.pending) {
          processor.setInterrupts(true)
        } else {
          this.#state.blocked = true
          processor.halt()
        }
        break
      case 'set_pte':
        this.#setPte(eax, edx, ecx)
        break
    }
    return true
  }

  save() {
    const { clockOffset, pending, blocked, calls } = this.#state
    return { board: this.#board.save(), clockOffset, pending, blocked, calls: { ...calls } }
  }

  restore(state: unknown): void {
    const { board, ...own } = state as { board: NamedStates } & ReferenceState
    this.#board.restore(board)
    Object.assign(this.#state, own)
  }

  counts() {
    return { hypercalls: { ...this.#state.calls } }
  }

  #wallclock(): number {
    const { epochSeconds, clock } = this.#ports
    return epochSeconds + Math.floor(clock.now() / 1e9) + this.#state.clockOffset
  }

  /** The high half first: an entry is never present with half an address. */
  #setPte(va: number, low: number, high: number): void {
    const { virtual, processor } = this.#ports
    if (processor.readCr(CR4) & CR4_PAE) virtual.writeVirtual32(va + 4, high)
    virtual.writeVirtual32(va, low)
  }

  #intr(level: boolean): void {
    const { intr, processor } = this.#ports
    this.#state.pending = level
    intr.set(level)
    if (!level || !this.#state.blocked) return
    this.#state.blocked = false
    // Now the interrupt ends the halt.
    processor.setInterrupts(true)
  }
}

const API = '^1.1.0'
const SUPPORTS: readonly Ability[] = ['ops', 'disk', 'snapshot', 'guests:plain']

export const reference = defineBackend({
  name: 'reference',
  version: '1.0.0',
  apiVersion: API,
  heads: ['multiboot'],
  board: 'none',
  supports: SUPPORTS,
  create: ports => new Reference(ports),
})

/** What its package.json would say. */
export const manifest = {
  name: 'paragraft-backend-reference',
  paragraft: { kind: 'backend', name: 'reference', api: API, supports: SUPPORTS },
}
