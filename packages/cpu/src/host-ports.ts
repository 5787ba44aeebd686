/**
 * The processor as a host answer sees it: the ports of core's `ops/host.ts` over a Processor. What an instruction would
 * refuse with an exception is here a coded error, because the fault would be the answer's, not the guest's.
 */
import type {
  BackendProcessor,
  CallFrame,
  HypercallFrame,
  ProcessorControl,
  TableRegister,
  VirtualMemory,
} from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import type { HypercallInstruction } from '@paragraft/core/ports'
import { GuestFault } from './context.ts'
import { readAs, writeAs } from './mmu/access.ts'
import type { Processor } from './processor.ts'
import {
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  EFLAGS_SYS,
  ESI,
  ESP,
  FLAG_IF,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  SEG_SS,
} from './state.ts'
import { atLevel0, clts, hlt, readCr, timeStamp, writeCr } from './sys/control.ts'
import { visibleLeaf } from './sys/cpuid.ts'
import { readDr, writeDr } from './sys/debug.ts'
import { segBase } from './sys/descriptors.ts'
import { cpl, setSystemFlags } from './sys/flags.ts'
import { readMsr, writeMsr } from './sys/msr.ts'
import { lgdt, lidt, lldt, ltr, str } from './sys/tables.ts'

function slotOf(name: string): number {
  switch (name) {
    case 'EAX':
      return EAX
    case 'ECX':
      return ECX
    case 'EDX':
      return EDX
    case 'EBX':
      return EBX
    case 'ESP':
      return ESP
    case 'EBP':
      return EBP
    case 'ESI':
      return ESI
    case 'EDI':
      return EDI
    default:
      throw new RangeError(`no register ${name}`)
  }
}

/** Runs `action`; a guest exception in it becomes the coded error that `refuse` makes. */
function guarded<T>(action: () => T, refuse: (fault: GuestFault) => ParagraftError): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof GuestFault) throw refuse(error)
    throw error
  }
}

/** Registers and stack at the entry of an op, while its stub's opcode is being executed. */
export function callFrame(cpu: Processor): CallFrame {
  return new Frame(cpu)
}

/** What a hypervisor sees of the caller while VMCALL or VMMCALL is being executed. */
export function hypercallFrame(cpu: Processor, instruction: HypercallInstruction): HypercallFrame {
  return new Hypercall(cpu, instruction)
}

// Classes, because a guest may call a million times a second: an object of closures costs more than most calls.
class Frame implements CallFrame {
  readonly #cpu: Processor

  constructor(cpu: Processor) {
    this.#cpu = cpu
  }
  getRegister(name: string): number {
    return this.#cpu.u32[slotOf(name) >> 2]!
  }
  setRegister(name: string, value: number): void {
    this.#cpu.u32[slotOf(name) >> 2] = value
  }
  readStack(offset: number): number {
    const cpu = this.#cpu
    return readVirtual(cpu, (segBase(cpu, SEG_SS) + cpu.u32[ESP >> 2]! + offset) >>> 0, 4)
  }
}

class Hypercall extends Frame implements HypercallFrame {
  readonly instruction: HypercallInstruction
  readonly cpl: number

  constructor(cpu: Processor, instruction: HypercallInstruction) {
    super(cpu)
    this.instruction = instruction
    this.cpl = cpl(cpu)
  }
}

/** What a virtual address that the guest does not map is to whoever asked for it. */
function refusedMemory(va: number, what: 'read' | 'write'): (fault: GuestFault) => ParagraftError {
  return fault =>
    new ParagraftError('PG_HOST_MEMORY', `the guest's page tables do not let the kernel ${what} 0x${va.toString(16)}`, {
      fields: { address: va, errorCode: fault.errorCode, cr2: fault.cr2 },
      hint: 'Check the pointer that the op was given, and the layout of what it points to.',
    })
}

function readVirtual(cpu: Processor, va: number, size: number): number {
  return guarded(() => readAs(cpu, va, size, false), refusedMemory(va, 'read')) >>> 0
}

/** Guest virtual memory at kernel privilege. A miss throws `PG_HOST_MEMORY`; nothing is written then. */
export function virtualMemory(cpu: Processor): VirtualMemory {
  const write = (va: number, size: number, value: number): void =>
    guarded(() => writeAs(cpu, va, size, value, false), refusedMemory(va, 'write'))
  return {
    readVirtual8: va => readVirtual(cpu, va, 1),
    readVirtual16: va => readVirtual(cpu, va, 2),
    readVirtual32: va => readVirtual(cpu, va, 4),
    writeVirtual8: (va, value) => write(va, 1, value & 0xff),
    writeVirtual16: (va, value) => write(va, 2, value & 0xffff),
    writeVirtual32: (va, value) => write(va, 4, value >>> 0),
  }
}

/** The processor for a backend. */
export function backendProcessor(cpu: Processor): BackendProcessor {
  return {
    ...processorControl(cpu),
    resume() {
      if (cpu.shutDown) return
      cpu.halted = false
      cpu.attention()
    },
  }
}

/** The privileged operations, as at CPL 0. A value that the instruction refuses throws `PG_HOST_PROCESSOR`. */
export function processorControl(cpu: Processor): ProcessorControl {
  const checked = <T>(what: string, action: () => T): T =>
    guarded(
      () => atLevel0(cpu, action),
      fault =>
        new ParagraftError('PG_HOST_PROCESSOR', `${what} would raise exception ${fault.vector} here`, {
          fields: { what, vector: fault.vector, errorCode: fault.errorCode },
          hint: 'The value is one that the processor refuses in its present mode.',
        }),
    )
  const table = (base: number, limit: number): TableRegister => ({
    base: cpu.u32[base >> 2]!,
    limit: cpu.u32[limit >> 2]!,
  })
  return {
    flushTlb: () => cpu.flushTlb('nonglobal'),
    flushTlbGlobal: () => cpu.flushTlb('all'),
    invlpg: va => cpu.flushTlb(va >>> 0),
    readCr: number => checked(`reading CR${number}`, () => readCr(cpu, number)),
    writeCr: (number, value) => checked(`writing CR${number}`, () => writeCr(cpu, number, value >>> 0)),
    clts: () => atLevel0(cpu, () => clts(cpu)),
    readDr: number => checked(`reading DR${number}`, () => readDr(cpu, number)),
    writeDr: (number, value) => checked(`writing DR${number}`, () => writeDr(cpu, number, value >>> 0)),
    readMsr: index => readMsr(cpu, index),
    writeMsr: (index, value) => writeMsr(cpu, index, BigInt.asUintN(64, value)),
    readTsc: () => timeStamp(cpu),
    cpuid(leaf, subleaf) {
      const [eax, ebx, ecx, edx] = visibleLeaf(cpu, leaf, subleaf)
      return { eax, ebx, ecx, edx }
    },
    ioRead: (port, size) => cpu.ports.ioRead(port, size) >>> 0,
    ioWrite: (port, size, value) => cpu.ports.ioWrite(port, size, value),
    interruptsEnabled: () => (cpu.u32[EFLAGS_SYS >> 2]! & FLAG_IF) !== 0,
    setInterrupts(enabled) {
      const flags = cpu.u32[EFLAGS_SYS >> 2]!
      setSystemFlags(cpu, enabled ? flags | FLAG_IF : flags & ~FLAG_IF)
    },
    halt: () => atLevel0(cpu, () => hlt(cpu)),
    readGdtr: () => table(GDTR_BASE, GDTR_LIMIT),
    writeGdtr: ({ base, limit }) => atLevel0(cpu, () => lgdt(cpu, limit, base, 4)),
    readIdtr: () => table(IDTR_BASE, IDTR_LIMIT),
    writeIdtr: ({ base, limit }) => atLevel0(cpu, () => lidt(cpu, limit, base, 4)),
    writeLdtr: selector => checked('loading LDTR', () => lldt(cpu, selector)),
    writeTr: selector => checked('loading TR', () => ltr(cpu, selector)),
    readTr: () => checked('reading TR', () => str(cpu)),
  }
}
