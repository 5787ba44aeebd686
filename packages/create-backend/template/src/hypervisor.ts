/** The host's side of the interface: what each call does. It sees the guest through ports, and never the machine. */
import type { BackendCounts, BackendInstance, BackendPorts, HypercallFrame } from '@paragraft/core/ops'
import type { CpuidRegisters, Snapshotable } from '@paragraft/core/ports'
import { ABI_VERSION, CPUID_SIGNATURE_LEAF, ENOSYS, HYPERCALLS, type Hypercall, SIGNATURE } from './abi.js'

/** What this hypervisor uses of what it is given; tests can make that up. */
export type Ports = Pick<BackendPorts, 'clock' | 'processor'>

/** What a snapshot keeps. */
export interface ExampleState {
  counts: Record<string, number>
}

export class ExampleHypervisor implements BackendInstance, Snapshotable<ExampleState> {
  readonly #ports: Ports
  #counts: Record<string, number> = {}

  constructor(ports: Ports) {
    this.#ports = ports
  }

  /** False: nobody here is meant, and the instruction is an invalid opcode. */
  hypercall(frame: HypercallFrame): boolean {
    if (frame.instruction !== 'vmcall' || frame.cpl !== 0) return false
    const number = frame.getRegister('EAX')
    const call = (Object.keys(HYPERCALLS) as Hypercall[]).find(name => HYPERCALLS[name] === number)
    if (call === undefined) {
      // A guest's mistake is the guest's to hear of.
      frame.setRegister('EAX', -ENOSYS >>> 0)
      return true
    }
    this.#counts[call] = (this.#counts[call] ?? 0) + 1
    this.#calls[call](frame)
    return true
  }

  /** Guests can find out what is underneath; all else is the processor's own answer. */
  cpuid(leaf: number): CpuidRegisters | undefined {
    if (leaf === CPUID_SIGNATURE_LEAF) {
      const text = new DataView(new TextEncoder().encode(SIGNATURE).buffer)
      return [CPUID_SIGNATURE_LEAF + 1, text.getUint32(0, true), text.getUint32(4, true), text.getUint32(8, true)]
    }
    return leaf === CPUID_SIGNATURE_LEAF + 1 ? [ABI_VERSION, 0, 0, 0] : undefined
  }

  /** For the run report. */
  counts(): BackendCounts {
    return { hypercalls: { ...this.#counts } }
  }

  save(): ExampleState {
    return { counts: { ...this.#counts } }
  }

  restore({ counts }: ExampleState): void {
    this.#counts = { ...counts }
  }

  readonly #calls: Readonly<Record<Hypercall, (frame: HypercallFrame) => void>> = {
    uptime: frame => {
      const now = BigInt(this.#ports.clock.now())
      frame.setRegister('EAX', Number(now & 0xffff_ffffn))
      frame.setRegister('EDX', Number(now >> 32n))
    },
    idle: () => {
      const { processor } = this.#ports
      processor.setInterrupts(true)
      processor.halt()
    },
    flushPage: frame => this.#ports.processor.invlpg(frame.getRegister('EDX')),
  }
}
