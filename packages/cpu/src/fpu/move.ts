/**
 * x87 data transfer: loads, stores, exchange, conditional moves, BCD. Intel SDM vol. 1, 8.3.1; vol. 2A by name.
 */
import type { CpuContext } from '../context.ts'
import { fromInteger } from './arithmetic.ts'
import { BCD_INDEFINITE, convert, fromBcd, toBcd, toInteger } from './convert.ts'
import { DE, type Float, type FloatEnv, IE, INDEFINITE, OE, PE, pack32, pack64, QNAN, UE } from './float.ts'
import {
  A,
  converted,
  fromRegister,
  pushLimbs,
  quickStoreAllowed,
  reportConverted,
  toDouble,
  toInt32,
  toSingle,
} from './limbs.ts'
import { fetched, fetchedLimbs, loadBits64, storeBits64 } from './memory.ts'
import {
  begin,
  invalidMasked,
  isEmpty,
  permitted,
  pop,
  push,
  pushWords,
  rawExponent,
  rawHigh,
  rawLow,
  read,
  rotate,
  SW_C1,
  setConditions,
  settle,
  stackFault,
  write,
  writeWords,
} from './registers.ts'

/**
 * FLD m32, m64, the fetched operand of `kind` (memory.ts). A denormal raises DE but is loaded even when that is unmasked; a signalling NaN
 * raises IE and is quieted.
 */
export function loadFloat(cpu: CpuContext, kind: number): void {
  if (!isEmpty(cpu, -1)) {
    push(cpu, INDEFINITE)
    return
  }
  if (fetchedLimbs(kind, A)) {
    pushLimbs(cpu)
    return
  }
  const value = fetched(kind)
  const env = begin(cpu)
  if (value.denormal) env.flags |= DE
  const result = value.kind >= QNAN ? convert(env, value) : value
  if (settle(cpu, env, IE)) push(cpu, result)
}

/** FILD m16, m32: the fetched operand. */
export function loadInteger(cpu: CpuContext, kind: number): void {
  if (isEmpty(cpu, -1) && fetchedLimbs(kind, A)) pushLimbs(cpu)
  else push(cpu, fetched(kind))
}

/** FILD m64. */
export function loadInteger64(cpu: CpuContext, lin: number): void {
  push(cpu, fromInteger(BigInt.asIntN(64, loadBits64(cpu, lin))))
}

/** FLD m80: bit for bit, no exceptions. */
export function load80(cpu: CpuContext, lin: number): void {
  const lo = cpu.read32(lin)
  const hi = cpu.read32((lin + 4) >>> 0)
  pushWords(cpu, lo, hi, cpu.read16((lin + 8) >>> 0))
}

/** FLD ST(i). */
export function loadRegister(cpu: CpuContext, i: number): void {
  if (isEmpty(cpu, i)) {
    if (!stackFault(cpu, false)) return
    rotate(cpu, -1)
    write(cpu, 0, INDEFINITE)
    return
  }
  pushWords(cpu, rawLow(cpu, i), rawHigh(cpu, i), rawExponent(cpu, i))
}

/** FBLD. */
export function loadBcd(cpu: CpuContext, lin: number): void {
  const bytes = new Uint8Array(10)
  for (let i = 0; i < 10; i++) bytes[i] = cpu.read8((lin + i) >>> 0)
  push(cpu, fromBcd(bytes))
}

const BLOCKING_STORE = IE | OE | UE

/**
 * A store: converts ST(0) by `encode`, writes it by `put`, and pops. An empty ST(0) stores the indefinite value when
 * that is masked. The write comes before any change of state, since it may be refused and the instruction run again.
 */
function store<T>(
  cpu: CpuContext,
  env: FloatEnv,
  blocking: number,
  popAfter: boolean,
  encode: (value: Float) => T,
  put: (encoded: T) => void,
): void {
  const empty = isEmpty(cpu, 0)
  const encoded = encode(empty ? INDEFINITE : read(cpu, 0))
  const allowed = empty ? invalidMasked(cpu) : permitted(env, blocking)
  if (allowed) put(encoded)
  if (empty) stackFault(cpu, false)
  else settle(cpu, env, blocking)
  if (allowed && popAfter) pop(cpu)
}

/** FST / FSTP m32 (`double` false) or m64. */
export function storeFloat(cpu: CpuContext, lin: number, double: boolean, popAfter: boolean): void {
  if (quickStoreAllowed(cpu) && !isEmpty(cpu, 0) && fromRegister(cpu, 0, A) && (double ? toDouble() : toSingle())) {
    cpu.write32(lin, converted[0] as number)
    if (double) cpu.write32((lin + 4) >>> 0, converted[1] as number)
    reportConverted(cpu)
    if (popAfter) pop(cpu)
    return
  }
  const env = begin(cpu)
  env.precision = double ? 53 : 24
  env.emin = double ? -1022 : -126
  env.emax = double ? 1023 : 127
  const put = double
    ? (value: Float) => storeBits64(cpu, lin, pack64(value))
    : (value: Float) => cpu.write32(lin, pack32(value))
  store(cpu, env, BLOCKING_STORE, popAfter, value => convert(env, value), put)
}

/** FSTP m80: bit for bit. */
export function store80(cpu: CpuContext, lin: number): void {
  const empty = isEmpty(cpu, 0)
  const allowed = !empty || invalidMasked(cpu)
  if (allowed) {
    cpu.write32(lin, empty ? 0 : rawLow(cpu, 0))
    cpu.write32((lin + 4) >>> 0, empty ? 0xc000_0000 : rawHigh(cpu, 0))
    cpu.write16((lin + 8) >>> 0, empty ? 0xffff : rawExponent(cpu, 0))
  }
  if (empty) stackFault(cpu, false)
  else setConditions(cpu, 0, SW_C1)
  if (allowed) pop(cpu)
}

/** FIST / FISTP of 16, 32 or 64 bits. */
export function storeInteger(cpu: CpuContext, lin: number, bits: number, popAfter: boolean): void {
  const env = begin(cpu)
  if (bits !== 16 && (env.masks & PE) !== 0 && !isEmpty(cpu, 0) && fromRegister(cpu, 0, A) && toInt32(env.rounding)) {
    const value = converted[0] as number
    cpu.write32(lin, value)
    if (bits === 64) cpu.write32((lin + 4) >>> 0, value >= 0x8000_0000 ? 0xffff_ffff : 0)
    reportConverted(cpu)
    if (popAfter) pop(cpu)
    return
  }
  store(
    cpu,
    env,
    IE,
    popAfter,
    value => BigInt.asUintN(bits, toInteger(env, value, bits, env.rounding)),
    result => {
      if (bits === 16) cpu.write16(lin, Number(result))
      else if (bits === 32) cpu.write32(lin, Number(result))
      else storeBits64(cpu, lin, result)
    },
  )
}

/** FBSTP. */
export function storeBcd(cpu: CpuContext, lin: number): void {
  const env = begin(cpu)
  store(
    cpu,
    env,
    IE,
    true,
    value => toBcd(env, value) ?? BCD_INDEFINITE,
    bytes => {
      bytes.forEach((byte, i) => {
        cpu.write8((lin + i) >>> 0, byte)
      })
    },
  )
}

/** FST / FSTP ST(i). */
export function storeRegister(cpu: CpuContext, i: number, popAfter: boolean): void {
  if (isEmpty(cpu, 0)) {
    if (!stackFault(cpu, false)) return
    write(cpu, i, INDEFINITE)
  } else {
    setConditions(cpu, 0, SW_C1)
    writeWords(cpu, i, rawLow(cpu, 0), rawHigh(cpu, 0), rawExponent(cpu, 0))
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
  const lo = rawLow(cpu, 0)
  const hi = rawHigh(cpu, 0)
  const se = rawExponent(cpu, 0)
  writeWords(cpu, 0, rawLow(cpu, i), rawHigh(cpu, i), rawExponent(cpu, i))
  writeWords(cpu, i, lo, hi, se)
}

/** FCMOVcc: the condition has been evaluated. */
export function conditionalMove(cpu: CpuContext, i: number, condition: boolean): void {
  if (isEmpty(cpu, 0) || isEmpty(cpu, i)) {
    if (stackFault(cpu, false)) write(cpu, 0, INDEFINITE)
    return
  }
  if (condition) writeWords(cpu, 0, rawLow(cpu, i), rawHigh(cpu, i), rawExponent(cpu, i))
}
