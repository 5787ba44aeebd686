/** The i32 locals that every region has: its parameter, the registers' homes, the description of the flags, the way out. */
import type { Expr } from '../ir/ir.ts'

export const PARAMETER = 0
export const LOCALS = {
  /** Eight general registers in encoding order. */
  gpr: 1,
  /** Instructions that may still retire. */
  fuel: 9,
  /** How deep in wasm calls. */
  depth: 10,
  kind: 11,
  flagA: 12,
  flagB: 13,
  flagR: 14,
  /** On the way out: EIP, how the region ends, address of the word with the slot of the region to go on in. */
  eip: 15,
  code: 16,
  link: 17,
  /** The first that is free. */
  first: 18,
} as const

const home = (n: number): Expr & { k: 'local' } => ({ k: 'local', t: 'i32', i: LOCALS.gpr + n })
export const HOMES: readonly (Expr & { k: 'local' })[] = [0, 1, 2, 3, 4, 5, 6, 7].map(home)
const i32 = (i: number): Expr & { k: 'local' } => ({ k: 'local', t: 'i32', i })
export const FUEL: Expr & { k: 'local' } = i32(LOCALS.fuel)
export const KIND: Expr & { k: 'local' } = i32(LOCALS.kind)
export const FLAG_A: Expr & { k: 'local' } = i32(LOCALS.flagA)
export const FLAG_B: Expr & { k: 'local' } = i32(LOCALS.flagB)
export const FLAG_R: Expr & { k: 'local' } = i32(LOCALS.flagR)
export const LEAVE_EIP: Expr & { k: 'local' } = i32(LOCALS.eip)
export const LEAVE_CODE: Expr & { k: 'local' } = i32(LOCALS.code)
export const LEAVE_LINK: Expr & { k: 'local' } = i32(LOCALS.link)
export const DEPTH: Expr & { k: 'local' } = i32(LOCALS.depth)
export const PARAM: Expr & { k: 'local' } = i32(PARAMETER)
