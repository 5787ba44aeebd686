/**
 * Calling conventions of ops, as data, and arguments and results by them.
 *
 * i386: gcc's regparm(3), as the kernel builds with (-mregparm=3 -freg-struct-return): EAX, EDX, ECX in that order, a
 * u64 takes the next two, low half first. Once a parameter does not fit into the registers that are left, it and
 * everything after it is on the stack (gcc's `function_arg_advance_32` sets the register count to 0), 4 bytes apart.
 * A u64 result is EDX:EAX. The ops' own macros (PVOP_CALL in the paravirt headers) put arguments in the same places.
 * x86_64: System V AMD64 ABI 3.2.3.
 */
import { ParagraftError } from '../errors.ts'
import type { Arch } from './era.ts'
import { bitsOf, type OpType, type Signature } from './signature.ts'

/**
 * Where one machine word of a parameter is: a register, or the stack, in bytes above the stack pointer at entry. The
 * return address is at 0, so the first stack word is at 4 (i386) or 8 (x86_64).
 */
export type Place = { readonly register: string } | { readonly stack: number }

/** How one op is called. */
export interface CallingConvention {
  readonly arch: Arch
  readonly calleeSave: boolean
  /** One entry per parameter, in order; a u64 on i386 has two places, low half first. */
  readonly params: readonly (readonly Place[])[]
  /** Registers of the result, low half first; empty for void. */
  readonly result: readonly string[]
  /** Registers that the op may change (result registers included). */
  readonly clobbers: readonly string[]
  /** `jump`: entered by JMP with a frame on the stack and never returns to its caller (iret, sysexit). */
  readonly entered: 'call' | 'jump'
}

const REGPARM = ['EAX', 'EDX', 'ECX'] as const
const SYSV = ['RDI', 'RSI', 'RDX', 'RCX', 'R8', 'R9'] as const
/** Caller-saved general registers of the System V AMD64 ABI. */
const SYSV_CLOBBERS = ['RAX', 'RCX', 'RDX', 'RSI', 'RDI', 'R8', 'R9', 'R10', 'R11'] as const

/**
 * The convention for a signature. `calleeSave`: the slot is a `struct paravirt_callee_save`, whose function may change
 * EAX and EDX only (x86_64: RAX only).
 */
export function conventionFor(
  signature: Signature,
  arch: Arch,
  calleeSave: boolean,
  entered: 'call' | 'jump' = 'call',
): CallingConvention {
  const registers: readonly string[] = arch === 'i386' ? REGPARM : SYSV
  const word = arch === 'i386' ? 4 : 8
  let next = 0
  let stack = word
  const params = signature.params.map(({ type }): Place[] => {
    const words = Math.max(1, bitsOf(type, arch) / (word * 8))
    if (next + words <= registers.length) {
      const places = registers.slice(next, next + words).map(register => ({ register }))
      next += words
      return places
    }
    // gcc gives up on registers altogether on i386; the AMD64 ABI has no multi-word integers here.
    next = registers.length
    return Array.from({ length: words }, () => {
      const place = { stack }
      stack += word
      return place
    })
  })
  const wide = signature.result !== 'void' && bitsOf(signature.result, arch) > word * 8
  const result = signature.result === 'void' ? [] : arch === 'x86_64' ? ['RAX'] : wide ? ['EAX', 'EDX'] : ['EAX']
  const clobbers =
    arch === 'i386' ? (calleeSave ? ['EAX', 'EDX'] : ['EAX', 'EDX', 'ECX']) : calleeSave ? ['RAX'] : SYSV_CLOBBERS
  return { arch, calleeSave, params, result, clobbers, entered }
}

/** The guest's registers and stack at the entry of an i386 op, as the machine shows them. Values unsigned 32-bit. */
export interface CallFrame {
  /** `EAX`, `EDX`, `ECX`. */
  getRegister(name: string): number
  setRegister(name: string, value: number): void
  /** The word at [ESP + offset] at entry. */
  readStack(offset: number): number
}

/** The arguments of a call: numbers (`int` signed, `bool` 0 or 1, all else unsigned), `bigint` for u64. i386 only. */
export function readArguments(
  convention: CallingConvention,
  signature: Signature,
  frame: CallFrame,
): (number | bigint)[] {
  return signature.params.map(({ type }, n) => {
    const words = convention.params[n]!.map(place =>
      'register' in place ? frame.getRegister(place.register) : frame.readStack(place.stack),
    )
    return words.length === 2 ? (BigInt(words[1]! >>> 0) << 32n) | BigInt(words[0]! >>> 0) : narrow(words[0]!, type)
  })
}

/** Callers leave rubbish above a narrow argument: cut it as its type says. */
function narrow(word: number, type: OpType): number {
  switch (type) {
    case 'bool':
      return (word & 0xff) === 0 ? 0 : 1
    case 'u8':
      return word & 0xff
    case 'u16':
      return word & 0xffff
    case 'int':
      return word | 0
    default:
      return word >>> 0
  }
}

/**
 * Puts a result where the caller looks for it; writes nothing for void. i386 only. Throws `PG_HOST_RESULT` when the
 * value is missing, of the wrong kind, or does not fit.
 */
export function writeResult(
  convention: CallingConvention,
  signature: Signature,
  value: unknown,
  frame: CallFrame,
  op: string,
): void {
  const { result } = signature
  if (result === 'void') {
    if (value !== undefined) throw badResult(op, result, value)
    return
  }
  if (convention.result.length === 2) {
    if (typeof value !== 'bigint' || value < 0n || value >= 1n << 64n) throw badResult(op, result, value)
    frame.setRegister('EAX', Number(value & 0xffff_ffffn))
    frame.setRegister('EDX', Number(value >> 32n))
    return
  }
  const bits = bitsOf(result, convention.arch)
  const low = result === 'int' ? -(2 ** 31) : 0
  const number = typeof value === 'boolean' && result === 'bool' ? Number(value) : value
  if (typeof number !== 'number' || !Number.isInteger(number) || number < low || number >= 2 ** bits) {
    throw badResult(op, result, value)
  }
  frame.setRegister('EAX', number >>> 0)
}

function badResult(op: string, type: string, value: unknown): ParagraftError {
  return new ParagraftError('PG_HOST_RESULT', `the host answer to ${op} returned ${String(value)} (${typeof value})`, {
    fields: { op, type, value: String(value) },
    hint:
      type === 'void'
        ? 'The op has no result: return nothing.'
        : `The op's result is ${type}: return ${type === 'u64' ? 'a bigint from 0 to 2^64 - 1' : 'a number that fits'}.`,
  })
}
