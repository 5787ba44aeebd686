/**
 * The machine under a VMI ROM: puts the image where guests look for option ROMs and on a card of the PCI bus, serves the calls that
 * leave the ROM, and takes what waits in the ROM's queue whenever something needs it.
 */
import {
  type BackendCounts,
  type BackendInstance,
  type BackendPorts,
  type CallFrame,
  type GuestException,
  readArguments,
  writeResult,
} from '@paragraft/core/ops'
import { type CallEntry, callShape } from '../abi/calls.ts'
import { PCI_CLASS_CODE, PCI_DEVICE_ID, PCI_VENDOR_ID, ROM_PROBE_END } from '../abi/rom.ts'
import { VMI_CALL_OF } from '../ops/routes.ts'
import { romError } from '../rom/errors.ts'
import { callOfIndex, HOST_INIT, PAGE } from '../rom/format.ts'
import type { Rom } from '../rom/read.ts'
import { SERVICES } from './calls.ts'
import { UpdateQueue } from './queue.ts'
import { type SavedVmiState, VmiState } from './state.ts'

/** Where the ROM lies: behind the place of a video BIOS, where the specification has guests begin to look. */
export const ROM_BASE = 0xc_8000
const VEC_PF = 14

/**
 * Calls before which what waits must be done, as the specification's "VMI_SetDeferredMode" has it: invalidations and flushes, what
 * changes the address space or a page's use, and updates that do not wait themselves.
 */
const DRAINING: ReadonlySet<string> = new Set([
  'SetCR0',
  'SetCR3',
  'SetCR4',
  'SetPxE',
  'SetPxELong',
  'UpdatePxE',
  'UpdatePxELong',
  'AllocatePage',
  'ReleasePage',
  'InvalPage',
  'FlushTLB',
  'SetLinearMapping',
])

/** What a snapshot keeps; the ROM itself is part of what the machine is made of. */
export interface VmiMachineState {
  exits: Record<string, number>
  state: SavedVmiState
}

export class VmiMachine implements BackendInstance {
  readonly state: VmiState
  readonly rom: Rom
  readonly #ports: BackendPorts
  readonly #exits: Record<string, number> = {}

  /** Puts the ROM in its place. Throws `PG_VMI_ROM_LENGTH` when it does not fit there. */
  constructor(ports: BackendPorts, rom: Rom, stolenPercent: number) {
    this.#ports = ports
    this.rom = rom
    const { scratch, bytes, queue } = rom
    const end = ROM_BASE + (scratch.length > 0 ? scratch.offset + scratch.length : bytes.length)
    if (end > ROM_PROBE_END) {
      throw romError(
        'PG_VMI_ROM_LENGTH',
        rom.name,
        `it needs memory up to 0x${end.toString(16)}`,
        'Option ROMs end at E0000h.',
        {
          end,
        },
      )
    }
    ports.memory.write(ROM_BASE, bytes)
    ports.memory.fill(ROM_BASE + scratch.offset, 0, scratch.length)
    ports.hostCalls.allow(ROM_BASE, Math.ceil(bytes.length / PAGE) * PAGE)
    ports.board?.plug({
      name: 'vmi',
      vendor: PCI_VENDOR_ID,
      device: PCI_DEVICE_ID,
      classCode: PCI_CLASS_CODE,
      rom: bytes,
    })
    const waiting = queue ? new UpdateQueue(ports.memory, ROM_BASE + scratch.offset, scratch.length) : undefined
    this.state = new VmiState(ports, waiting, stolenPercent)
  }

  hostCall(index: number, frame: CallFrame): boolean {
    if (index === HOST_INIT) {
      frame.setRegister('EAX', 0)
      this.#count('Init')
      return true
    }
    const call = callOfIndex(index)
    if (call === undefined) return false
    if (call.abi === 'cpuid') this.#cpuid(frame)
    else if (!this.#serve(call, frame)) return false
    this.#count(call.name)
    return true
  }

  /** A page fault because of an update that still waits: it is made, and the instruction runs again. */
  exception({ vector }: GuestException): boolean {
    if (vector !== VEC_PF || this.state.waiting === 0) return false
    this.state.drain()
    this.#count('PageFault')
    return true
  }

  save(): VmiMachineState {
    return { exits: { ...this.#exits }, state: this.state.save() }
  }

  restore({ exits, state }: VmiMachineState): void {
    Object.assign(this.#exits, exits)
    this.state.restore(state)
  }

  counts(): BackendCounts {
    const { answers } = this.rom
    const counted = { hypercalls: { ...this.#exits }, events: { alarm: this.state.time.fired } }
    if (answers === undefined) return counted
    const relocation = (call: string) => answers.get(call)!.relocation
    return {
      ...counted,
      answers: Object.fromEntries([...answers.keys()].map(call => [call, relocation(call)])),
      // A guest that has not started the ROM has its own ops.
      ...(this.#exits['Init'] === undefined
        ? {}
        : { ops: Object.fromEntries([...VMI_CALL_OF].map(([op, call]) => [op, `${call}: ${relocation(call)}`])) }),
    }
  }

  /** A call by the convention of its prototype. */
  #serve(call: CallEntry, frame: CallFrame): boolean {
    const service = SERVICES[call.name]
    if (service === undefined) return false
    const { signature, convention } = callShape(call)
    const args = readArguments(convention, signature, frame)
    const endsLazy = call.name === 'SetLazyMode' && args[0] === 0
    if (endsLazy || DRAINING.has(call.name)) this.state.drain()
    const result = service(args, this.state)
    writeResult(convention, signature, result, frame, call.name)
    return true
  }

  #cpuid(frame: CallFrame): void {
    const { eax, ebx, ecx, edx } = this.#ports.processor.cpuid(frame.getRegister('EAX'), frame.getRegister('ECX'))
    for (const [name, value] of Object.entries({ EAX: eax, EBX: ebx, ECX: ecx, EDX: edx }))
      frame.setRegister(name, value)
  }

  #count(call: string): void {
    this.#exits[call] = (this.#exits[call] ?? 0) + 1
  }
}
