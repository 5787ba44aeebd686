/**
 * The two performance counters of the P6 family: PERFEVTSEL0/1 (186H, 187H) and PERFCTR0/1 (C1H, C2H), 40 bits wide.
 * They count retired instructions (event C0H) and unhalted cycles (79H); other events stay at 0.
 * Intel SDM vol. 3B 18.6.8 "Performance monitoring (P6 family processor)".
 */
import type { Processor } from '../processor.ts'

const EVENT_INST_RETIRED = 0xc0
const EVENT_CPU_CLK_UNHALTED = 0x79
const SELECT_USR = 1n << 16n
const SELECT_OS = 1n << 17n
const SELECT_EN = 1n << 22n
const MASK_40 = (1n << 40n) - 1n

/** Selectors, and each counter's value at the moment `since` of its source. */
export class PerformanceCounters {
  readonly select = [0n, 0n]
  readonly value = [0n, 0n]
  readonly since = [0n, 0n]

  reset(): void {
    for (const words of [this.select, this.value, this.since]) words.fill(0n)
  }
}

/** The running source of a selector's event, or undefined when it does not count. EN of selector 0 enables both. */
function source(cpu: Processor, n: number): bigint | undefined {
  const select = cpu.pmc.select[n]!
  if ((cpu.pmc.select[0]! & SELECT_EN) === 0n || (select & (SELECT_USR | SELECT_OS)) === 0n) return undefined
  const event = Number(select & 0xffn)
  if (event === EVENT_INST_RETIRED) return BigInt(Math.floor(cpu.instructions()))
  if (event === EVENT_CPU_CLK_UNHALTED) return BigInt(Math.floor(cpu.cycles()))
  cpu.ports.reporter.report(`pmc event 0x${event.toString(16)}`, 'performance event is not counted; its counter stays')
  return undefined
}

function settle(cpu: Processor): void {
  for (let n = 0; n < 2; n++) {
    const now = source(cpu, n)
    if (now === undefined) continue
    cpu.pmc.value[n] = (cpu.pmc.value[n]! + now - cpu.pmc.since[n]!) & MASK_40
    cpu.pmc.since[n] = now
  }
}

/** Value of counter n, undefined when there is none. */
export function readCounter(cpu: Processor, n: number): bigint | undefined {
  if (n > 1) return undefined
  settle(cpu)
  return cpu.pmc.value[n]!
}

/** WRMSR of PERFCTRn: the low 32 bits, sign-extended to 40. */
export function writeCounter(cpu: Processor, n: number, value: bigint): void {
  settle(cpu)
  cpu.pmc.value[n] = BigInt.asIntN(32, value) & MASK_40
}

/** WRMSR of PERFEVTSELn. Counting starts from the source's present value. */
export function writeSelect(cpu: Processor, n: number, value: bigint): void {
  settle(cpu)
  cpu.pmc.select[n] = value & 0xffffffffn
  for (let i = 0; i < 2; i++) cpu.pmc.since[i] = source(cpu, i) ?? 0n
}
