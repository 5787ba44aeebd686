/**
 * x87 data transfer: loads, stores, exchange, conditional moves, BCD. Intel SDM vol. 1, 8.3.1; vol. 2A by name.
 */
import type { CpuContext } from '../context.ts'
import { BCD_INDEFINITE, convert, fromBcd, toBcd, toInteger } from './convert.ts'
import { DE, IE, INDEFINITE, OE, pack32, pack64, QNAN, UE, type Float } from './float.ts'
import { loadBits64, storeBits64 } from './memory.ts'
import {
  begin,
  isEmpty,
  pop,
  push,
  pushRaw,
  rawExponent,
  rawSignificand,
  read,
  rotate,
  setConditions,
  settle,
  stackFault,
  SW_C1,
  write,
  writeRaw,
} from './registers.ts'

/** FLD m32, m64: a denormal raises DE but is loaded even when that is unmasked; a signalling NaN raises IE and is quieted. */
export function loadFloat(cpu: CpuContext, value: Float): void {
  if (!isEmpty(cpu, -1)) {
    push(cpu, INDEFINITE)
    return
  }
  const env = begin(cpu)
  if (value.denormal) env.flags |= DE
  const result = value.kind >= QNAN ? convert(env, value) : value
  if (settle(cpu, env, IE)) push(cpu, result)
}

/** FLD m80: bit for bit, no exceptions. */
export function load80(cpu: CpuContext, lin: number): void {
  const sig = loadBits64(cpu, lin)
  pushRaw(cpu, sig, cpu.read16((lin + 8) >>> 0))
}

/** FLD ST(i). */
export function loadRegister(cpu: CpuContext, i: number): void {
  if (isEmpty(cpu, i)) {
    if (!stackFault(cpu, false)) return
    rotate(cpu, -1)
    write(cpu, 0, INDEFINITE)
    return
  }
  pushRaw(cpu, rawSignificand(cpu, i), rawExponent(cpu, i))
}

/** FBLD. */
export function loadBcd(cpu: CpuContext, lin: number): void {
  const bytes = new Uint8Array(10)
  for (let i = 0; i < 10; i++) bytes[i] = cpu.read8((lin + i) >>> 0)
  push(cpu, fromBcd(bytes))
}

const BLOCKING_STORE = IE | OE | UE

/** ST(0) for a store, or the indefinite value on a masked stack underflow, or nothing on an unmasked one. */
function storeSource(cpu: CpuContext): Float | undefined {
  if (!isEmpty(cpu, 0)) return read(cpu, 0)
  return stackFault(cpu, false) ? INDEFINITE : undefined
}

/** FST / FSTP m32 (`double` false) or m64. */
export function storeFloat(cpu: CpuContext, lin: number, double: boolean, popAfter: boolean): void {
  const faulted = isEmpty(cpu, 0)
  let value = storeSource(cpu)
  if (value === undefined) return
  if (!faulted) {
    const env = begin(cpu)
    env.precision = double ? 53 : 24
    env.emin = double ? -1022 : -126
    env.emax = double ? 1023 : 127
    value = convert(env, value)
    if (!settle(cpu, env, BLOCKING_STORE)) return
  }
  if (double) storeBits64(cpu, lin, pack64(value))
  else cpu.write32(lin, pack32(value))
  if (popAfter) pop(cpu)
}

/** FSTP m80: bit for bit. */
export function store80(cpu: CpuContext, lin: number): void {
  if (isEmpty(cpu, 0)) {
    if (!stackFault(cpu, false)) return
    storeBits64(cpu, lin, INDEFINITE.sig)
    cpu.write16((lin + 8) >>> 0, 0xffff)
  } else {
    setConditions(cpu, 0, SW_C1)
    storeBits64(cpu, lin, rawSignificand(cpu, 0))
    cpu.write16((lin + 8) >>> 0, rawExponent(cpu, 0))
  }
  pop(cpu)
}

/** FIST / FISTP of 16, 32 or 64 bits. */
export function storeInteger(cpu: CpuContext, lin: number, bits: number, popAfter: boolean): void {
  const faulted = isEmpty(cpu, 0)
  const value = storeSource(cpu)
  if (value === undefined) return
  const env = begin(cpu)
  const result = BigInt.asUintN(bits, toInteger(env, value, bits, env.rounding))
  if (!faulted && !settle(cpu, env, IE)) return
  if (bits === 16) cpu.write16(lin, Number(result))
  else if (bits === 32) cpu.write32(lin, Number(result))
  else storeBits64(cpu, lin, result)
  if (popAfter) pop(cpu)
}

/** FBSTP. */
export function storeBcd(cpu: CpuContext, lin: number): void {
  const faulted = isEmpty(cpu, 0)
  const value = storeSource(cpu)
  if (value === undefined) return
  const env = begin(cpu)
  const bytes = toBcd(env, value) ?? BCD_INDEFINITE
  if (!faulted && !settle(cpu, env, IE)) return
  for (let i = 0; i < 10; i++) cpu.write8((lin + i) >>> 0, bytes[i] as number)
  pop(cpu)
}

/** FST / FSTP ST(i). */
export function storeRegister(cpu: CpuContext, i: number, popAfter: boolean): void {
  if (isEmpty(cpu, 0)) {
    if (!stackFault(cpu, false)) return
    write(cpu, i, INDEFINITE)
  } else {
    setConditions(cpu, 0, SW_C1)
    writeRaw(cpu, i, rawSignificand(cpu, 0), rawExponent(cpu, 0))
  }
  if (popAfter) pop(cpu)
}

/** D9 D8+i (FSTPNCE): FSTP ST(i) that says nothing of an empty ST(0) and then only pops. */
export function storeRegisterQuiet(cpu: CpuContext, i: number): void {
  if (!isEmpty(cpu, 0)) {
    storeRegister(cpu, i, true)
    return
  }
  setConditions(cpu, 0, SW_C1)
  pop(cpu)
}

/** FXCH ST(i): empty registers take part as the indefinite value. */
export function exchange(cpu: CpuContext, i: number): void {
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
    if (!stackFault(cpu, false)) return
    if (isEmpty(cpu, 0)) write(cpu, 0, INDEFINITE)
    if (isEmpty(cpu, i)) write(cpu, i, INDEFINITE)
  } else {
    setConditions(cpu, 0, SW_C1)
  }
  const sig = rawSignificand(cpu, 0)
  const se = rawExponent(cpu, 0)
  writeRaw(cpu, 0, rawSignificand(cpu, i), rawExponent(cpu, i))
  writeRaw(cpu, i, sig, se)
}

/** FCMOVcc: the condition has been evaluated. */
export function conditionalMove(cpu: CpuContext, i: number, condition: boolean): void {
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
    if (stackFault(cpu, false)) write(cpu, 0, INDEFINITE)
    return
  }
  if (condition) writeRaw(cpu, 0, rawSignificand(cpu, i), rawExponent(cpu, i))
}
