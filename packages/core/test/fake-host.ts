/** Stand-ins for what the machine lends to host answers: guest memory as a map of words, a processor that notes. */
import type { CallFrame } from '../src/ops/calling.ts'
import { opEntry, opVersion } from '../src/ops/catalogue.ts'
import type { HostCall, ProcessorControl, VirtualMemory } from '../src/ops/host.ts'
import { type HostPorts, hostCall } from '../src/ops/invoke.ts'

const IDLE_TIMER = { cancel: () => {}, save: () => ({ at: 0, order: 0 }) }

export interface FakeHost extends HostPorts {
  /** Bytes of guest virtual memory that were set. */
  readonly bytes: Map<number, number>
  /** Processor operations in order, as text: `invlpg c0001000`. */
  readonly done: string[]
  cr3: number
}

export function fakeHost(): FakeHost {
  const bytes = new Map<number, number>()
  const done: string[] = []
  const read = (va: number, size: number) =>
    Array.from({ length: size }, (_, n) => (bytes.get(va + n) ?? 0) * 2 ** (8 * n)).reduce((a, b) => a + b)
  const write = (va: number, size: number, value: number) => {
    for (let n = 0; n < size; n++) bytes.set(va + n, (value >>> (8 * n)) & 0xff)
  }
  const memory: VirtualMemory = {
    readVirtual8: va => read(va, 1),
    readVirtual16: va => read(va, 2),
    readVirtual32: va => read(va, 4),
    writeVirtual8: (va, value) => write(va, 1, value),
    writeVirtual16: (va, value) => write(va, 2, value),
    writeVirtual32: (va, value) => write(va, 4, value),
  }
  const host: FakeHost = {
    bytes,
    done,
    cr3: 0x1000,
    memory,
    processor: new Proxy({} as ProcessorControl, {
      get(_, name: string) {
        return (...args: number[]) => {
          if (name === 'readCr') return args[0] === 3 ? host.cr3 : 0
          done.push([name, ...args.map(arg => arg.toString(16))].join(' '))
          return undefined
        }
      },
    }),
    clock: { now: () => 0, schedule: () => IDLE_TIMER, resume: () => IDLE_TIMER },
    reporter: { report: (key, message) => void done.push(`report ${key}: ${message}`) },
  }
  return host
}

/** A call of a slot's op with these arguments, as the slot's answer would get it. */
export function fakeCall(host: FakeHost, op: string, version: string, args: readonly (number | bigint)[]): HostCall {
  const { signature } = opVersion(opEntry(op), version)!
  return hostCall({ op, version, signature, arch: 'i386', slot: 0, slotOp: op, args, returnAddress: 0xc010_0000 }, host)
}

/** Registers and stack at the entry of an op. */
export function fakeFrame(registers: Record<string, number>, stack: Record<number, number> = {}): CallFrame {
  return {
    getRegister: name => registers[name] ?? 0,
    setRegister: (name, value) => {
      registers[name] = value
    },
    readStack: offset => {
      if (!(offset in stack)) throw new Error(`nothing at ESP+${offset}`)
      return stack[offset]!
    },
  }
}
