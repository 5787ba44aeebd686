/** A processor's state as a snapshot keeps it. Decoded and translated code and the TLBs are caches, and not in it. */
import type { Processor } from './processor.ts'
import { loadRegisterImage, registerImage } from './register-image.ts'

export interface ProcessorState {
  /** Registers by name, in hexadecimal. */
  registers: Record<string, string>
  /** MSRs that are kept by index. */
  msrs: [index: number, value: bigint][]
  performance: { select: bigint[]; value: bigint[]; since: bigint[] }
  nmiBlocked: boolean
  /** DR6 bits of a debug exception on its way. */
  pendingDr6: number
  /** Exceptions since an instruction retired, and the count that they all came at. */
  storm: number
  stormAt: number
  runaway: boolean
  cpuidCount: number
}

export function saveProcessor(cpu: Processor): ProcessorState {
  const { select, value, since } = cpu.pmc
  const { nmiBlocked, pendingDr6, storm, stormAt, runaway, cpuidCount } = cpu
  return {
    registers: registerImage(cpu),
    msrs: [...cpu.msr],
    performance: { select: [...select], value: [...value], since: [...since] },
    nmiBlocked,
    pendingDr6,
    storm,
    stormAt,
    runaway,
    cpuidCount,
  }
}

/** Takes a state over. A state that is none throws a `RangeError` or `TypeError`. */
export function restoreProcessor(cpu: Processor, state: ProcessorState): void {
  const { registers, msrs, performance, ...rest } = state
  loadRegisterImage(cpu, registers)
  cpu.msr.clear()
  for (const [index, value] of msrs) cpu.msr.set(index, value)
  for (const word of ['select', 'value', 'since'] as const) {
    for (const n of [0, 1] as const) cpu.pmc[word][n] = BigInt.asUintN(64, performance[word][n]!)
  }
  cpu.nmiBlocked = rest.nmiBlocked
  cpu.pendingDr6 = rest.pendingDr6
  cpu.storm = rest.storm
  cpu.stormAt = rest.stormAt
  cpu.runaway = rest.runaway
  cpu.cpuidCount = rest.cpuidCount
}
