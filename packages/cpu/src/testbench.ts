/**
 * A processor on a bench, for tests: recording ports, a GDT, an IDT and a TSS in low memory, and page-table writers.
 * Not part of the product.
 */
import type { ProcessorPorts } from '@paragraft/core/ports'
import { GuestFault } from './context.ts'
import { Decoder } from './decode/decode.ts'
import { simdDecoding } from './decode/simd.ts'
import { decodingTables } from './decode/tables.ts'
import { Blocks } from './interp/blocks.ts'
import { buildHandlers, type HandlerSet } from './interp/handlers.ts'
import type { Helpers } from './interp/wasm.ts'
import { markCodePage, unmarkCodePage } from './mmu/tlb.ts'
import { Processor } from './processor.ts'
import {
  CPL,
  DECODING,
  EIP,
  ESP,
  GDTR_BASE,
  GDTR_LIMIT,
  IDTR_BASE,
  IDTR_LIMIT,
  RAM,
  SEG,
  SEG_SELECTOR,
  SEG_SIZE,
} from './state.ts'
import type { CpuidModel } from './sys/cpuid.ts'
import { setStart } from './sys/reset.ts'

/** Where the bench keeps its tables (physical addresses). */
export const GDT = 0x1000
export const IDT = 0x2000
export const TSS = 0x3000
export const LDT = 0x4000

/** Access bytes (bits 8–15 of the high dword) of common descriptors. */
export const CODE0 = 0x9b
export const CODE3 = 0xfb
export const DATA0 = 0x93
export const DATA3 = 0xf3
/** Granularity and 32-bit flags, the upper nibble of byte 6. */
export const FLAT = 0xc

export interface Bench {
  cpu: Processor
  memory: WebAssembly.Memory
  log: string[]
  /** What `mmioRead` and `ioRead` answer. */
  answer: (address: number, size: number) => number
}

/** A processor with `megabytes` of RAM in flat protected mode (CS 08, DS 10, EIP 10000, ESP 8000). */
export function bench(options: { megabytes?: number; cpuid?: CpuidModel } = {}): Bench {
  const ramSize = (options.megabytes ?? 4) << 20
  const log: string[] = []
  const hex = (n: number): string => n.toString(16)
  const ports: ProcessorPorts = {
    ioRead(port, size) {
      log.push(`in ${hex(port)} ${size}`)
      return result.answer(port, size)
    },
    ioWrite: (port, size, value) => void log.push(`out ${hex(port)} ${size} ${hex(value)}`),
    mmioRead(pa, size) {
      log.push(`read ${hex(pa)} ${size}`)
      return result.answer(pa, size)
    },
    mmioWrite: (pa, size, value) => void log.push(`write ${hex(pa)} ${size} ${hex(value)}`),
    readMsr: index => (index === 0x1b ? 0xfee00900n : undefined),
    writeMsr: index => index === 0x1b,
    acknowledgeInterrupt: () => 0x20,
    hostOp: index => void log.push(`hostop ${index}`),
    ferr: level => void log.push(`ferr ${level}`),
    shutdown: () => void log.push('shutdown'),
    reporter: { report: key => void log.push(`report ${key}`) },
  }
  const memory = new WebAssembly.Memory({ initial: (RAM + ramSize) >>> 16 })
  const cpu = new Processor({ memory, ramSize, ports, ...(options.cpuid && { cpuid: options.cpuid }) })
  const result: Bench = { cpu, memory, log, answer: () => 0xffffffff }
  setStart(cpu, { eip: 0x10000, esp: 0x8000, cs: 8, ds: 0x10, gdt: { base: GDT, limit: 0xff } })
  cpu.u32[GDTR_BASE >> 2] = GDT
  cpu.u32[GDTR_LIMIT >> 2] = 0xff
  cpu.u32[IDTR_BASE >> 2] = IDT
  cpu.u32[IDTR_LIMIT >> 2] = 0x7ff
  writeDescriptor(cpu, 0x08, 0, 0xfffff, CODE0, FLAT)
  writeDescriptor(cpu, 0x10, 0, 0xfffff, DATA0, FLAT)
  writeDescriptor(cpu, 0x18, 0, 0xfffff, CODE3, FLAT)
  writeDescriptor(cpu, 0x20, 0, 0xfffff, DATA3, FLAT)
  writeDescriptor(cpu, 0x28, TSS, 0x2fff, 0x89, 0)
  return result
}

/** Helpers for `createShortcuts` of which only some may be called. */
export function someHelpers(some: Helpers): Helpers {
  const missing = (name: string) => () => {
    throw new Error(`helper ${name} was called`)
  }
  return new Proxy(some, { get: (known, name: string) => known[name] ?? missing(name) })
}

/** Writes a dword of RAM. */
export function poke32(cpu: Processor, pa: number, value: number): void {
  cpu.view.setUint32(RAM + pa, value, true)
}

/** Writes dwords from `pa` on. */
export function pokeAll(cpu: Processor, pa: number, values: readonly number[]): void {
  for (const [i, value] of values.entries()) poke32(cpu, pa + i * 4, value)
}

export function peek32(cpu: Processor, pa: number): number {
  return cpu.view.getUint32(RAM + pa, true)
}

export function peek16(cpu: Processor, pa: number): number {
  return cpu.view.getUint16(RAM + pa, true)
}

/** Writes the segment descriptor of `selector` (GDT, or LDT by bit 2): raw limit, access byte, G/D/L/AVL nibble. */
export function writeDescriptor(
  cpu: Processor,
  selector: number,
  base: number,
  limit: number,
  access: number,
  flags: number,
): void {
  const at = ((selector & 4) !== 0 ? LDT : GDT) + (selector & 0xfff8)
  poke32(cpu, at, (limit & 0xffff) | (base << 16))
  poke32(cpu, at + 4, ((base >>> 16) & 0xff) | (access << 8) | (limit & 0xf0000) | (flags << 20) | (base & 0xff000000))
}

/** Writes a gate: at an IDT vector (`table` IDT) or a GDT selector. */
export function writeGate(
  cpu: Processor,
  at: number,
  selector: number,
  offset: number,
  access: number,
  count = 0,
): void {
  poke32(cpu, at, (offset & 0xffff) | (selector << 16))
  poke32(cpu, at + 4, (offset & 0xffff0000) | (access << 8) | count)
}

/** Runs `action` and returns the GuestFault it throws as `vector` or `vector(errorCode)`; '' when it throws none. */
export function faultOf(action: () => unknown): string {
  try {
    action()
  } catch (thrown) {
    if (!(thrown instanceof GuestFault)) throw thrown
    return thrown.errorCode < 0 ? `${thrown.vector}` : `${thrown.vector}(${thrown.errorCode.toString(16)})`
  }
  return ''
}

/** `selector:eip cpl esp` in hexadecimal. */
export function where(cpu: Processor): string {
  const cs = selectorOf(cpu, 1).toString(16)
  return `${cs}:${cpu.u32[EIP >> 2]!.toString(16)} ${cpu.u32[CPL >> 2]} ${cpu.u32[ESP >> 2]!.toString(16)}`
}

export function selectorOf(cpu: Processor, seg: number): number {
  return cpu.u32[(SEG + seg * SEG_SIZE + SEG_SELECTOR) >> 2]!
}

/** The `count` dwords from linear address `at`, as hexadecimal words. */
export function dwords(cpu: Processor, at: number, count: number): string {
  return Array.from({ length: count }, (_, i) => cpu.readSys32(at + 4 * i).toString(16)).join(' ')
}

let handlerSet: HandlerSet | undefined

export interface BlocksBench {
  cpu: Processor
  memory: WebAssembly.Memory
  blocks: Blocks
}

/** A processor on a bench with the blocks of its code, as an engine has them, and nothing that runs them. */
export function blocksBench(): BlocksBench {
  const { cpu, memory } = bench({ megabytes: 1 })
  handlerSet ??= buildHandlers()
  const set = handlerSet
  const decoder = new Decoder(set.table, simdDecoding(set.simdId, set.simd))
  const pages = {
    markCodePage: (pa: number) => markCodePage(cpu, pa),
    unmarkCodePage: (pa: number) => unmarkCodePage(cpu, pa),
  }
  const blocks = new Blocks(cpu.buffer, cpu.ramSize, set, decoder, pages, true)
  cpu.u8.set(decodingTables(set.table, set.pairs, set.micro('END')), DECODING)
  cpu.onCodeWrite = (pa, size) => blocks.invalidate(pa, size)
  return { cpu, memory, blocks }
}
