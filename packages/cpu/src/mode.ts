/**
 * The key under which code is decoded: what an instruction's decoding and handler depend on beside its bytes. It is kept
 * in the MODE word and follows the segment registers at once, so that a change of code segment or privilege needs no
 * look of the run loop.
 */
import type { Processor } from './processor.ts'
import {
  MODE,
  SEG,
  SEG_ATTR,
  SEG_BASE,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_LIMIT,
  SEG_READ_LIMIT,
  SEG_SIZE,
  SEG_SS,
  SEG_WRITE_LIMIT,
} from './state.ts'

/** Bits of the mode key. */
export const MODE_CODE32 = 1
export const MODE_STACK32 = 2
/** The code segment's limit is below 4 GB: each block checks that it lies within. */
export const MODE_LIMIT = 4
/** A TRACE record goes before each instruction. */
export const MODE_TRACE = 8
/** Always set, so that no key is 0 (an empty entry of the block table). */
export const MODE_VALID = 16
/** DS, ES and SS are flat: base 0, limit 4 GB, readable and writable. */
export const MODE_FLAT = 32
/** CS does not start at 0. */
export const MODE_BASE = 64

const DESCRIPTOR_DB = 1 << 22
const CS = (SEG + SEG_CS * SEG_SIZE) >> 2
const SS = (SEG + SEG_SS * SEG_SIZE) >> 2
const DS = (SEG + SEG_DS * SEG_SIZE) >> 2
const ES = (SEG + SEG_ES * SEG_SIZE) >> 2

function isFlat(u32: Uint32Array, at: number): boolean {
  const limits = u32[at + (SEG_READ_LIMIT >> 2)]! & u32[at + (SEG_WRITE_LIMIT >> 2)]!
  return u32[at + (SEG_BASE >> 2)] === 0 && limits === -1
}

/** Brings MODE up to date with the segment registers; `cpu.tracing` is the engine's. */
export function refreshMode(cpu: Processor): void {
  const { u32 } = cpu
  let mode = MODE_VALID
  if ((u32[CS + (SEG_ATTR >> 2)]! & DESCRIPTOR_DB) !== 0) mode |= MODE_CODE32
  if ((u32[SS + (SEG_ATTR >> 2)]! & DESCRIPTOR_DB) !== 0) mode |= MODE_STACK32
  if (u32[CS + (SEG_LIMIT >> 2)] !== 0xffffffff) mode |= MODE_LIMIT
  if (u32[CS + (SEG_BASE >> 2)] !== 0) mode |= MODE_BASE
  if (isFlat(u32, ES) && isFlat(u32, SS) && isFlat(u32, DS)) mode |= MODE_FLAT
  if (cpu.tracing) mode |= MODE_TRACE
  u32[MODE >> 2] = mode
}
