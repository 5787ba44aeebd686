/** A machine that is none: what host answers are lent where there is no guest. */
import { ParagraftError } from '@paragraft/core/errors'
import type { HostPorts, ProcessorControl, VirtualMemory } from '@paragraft/core/ops'

/** Registers and time are whatever `word` gives; a page in two is not mapped. */
export function deadHost(word: () => number): HostPorts {
  /** `value`, if there is something at `va`. */
  const at = (va: number, value: number): number => {
    if ((va & 0x1000) === 0) return value
    throw new ParagraftError('PG_HOST_MEMORY', `nothing is mapped at 0x${va.toString(16)}`, { fields: { va } })
  }
  const memory: VirtualMemory = {
    readVirtual8: va => at(va, word() & 0xff),
    readVirtual16: va => at(va, word() & 0xffff),
    readVirtual32: va => at(va, word()),
    writeVirtual8: va => void at(va, 0),
    writeVirtual16: va => void at(va, 0),
    writeVirtual32: va => void at(va, 0),
  }
  const table = () => ({ base: word(), limit: word() & 0xffff })
  const processor: ProcessorControl = {
    flushTlb: () => {},
    flushTlbGlobal: () => {},
    invlpg: () => {},
    readCr: word,
    writeCr: () => {},
    clts: () => {},
    readDr: word,
    writeDr: () => {},
    readMsr: index => (index & 1 ? undefined : BigInt(word())),
    writeMsr: index => (index & 1) === 0,
    readTsc: () => BigInt(word()),
    cpuid: () => ({ eax: word(), ebx: word(), ecx: word(), edx: word() }),
    ioRead: (_port, size) => word() >>> (32 - 8 * size),
    ioWrite: () => {},
    interruptsEnabled: () => (word() & 1) !== 0,
    setInterrupts: () => {},
    halt: () => {},
    readGdtr: table,
    writeGdtr: () => {},
    readIdtr: table,
    writeIdtr: () => {},
    writeLdtr: () => {},
    writeTr: () => {},
    readTr: () => word() & 0xffff,
  }
  const timer = { cancel: () => {}, save: () => ({ at: 0, order: 0 }) }
  return {
    memory,
    processor,
    clock: { now: word, schedule: () => timer, resume: () => timer },
    reporter: { report: () => {} },
  }
}
