/**
 * x87 data transfer: loads, stores, exchange, conditional moves, BCD. Intel SDM vol. 1, 8.3.1; vol. 2A by name.
 */
import type { CpuContext } from '../context.ts'
import { BCD_INDEFINITE, convert, fromBcd, toBcd, toInteger } from './convert.ts'
import { DE, type Float, type FloatEnv, IE, INDEFINITE, OE, pack32, pack64, QNAN, UE } from './float.ts'
import { loadBits64, storeBits64 } from './memory.ts'
import {
  begin,
  invalidMasked,
  isEmpty,
  permitted,
  pop,
  push,
  pushRaw,
  rawExponent,
  rawSignificand,
  read,
  rotate,
  SW_C1,
  setConditions,
  settle,
  stackFault,
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
    storeBits64(cpu, lin, empty ? INDEFINITE.sig : rawSignificand(cpu, 0))
    cpu.write16((lin + 8) >>> 0, empty ? 0xffff : rawExponent(cpu, 0))
  }
  if (empty) stackFault(cpu, false)
  else setConditions(cpu, 0, SW_C1)
  if (allowed) pop(cpu)
}

/** FIST / FISTP of 16, 32 or 64 bits. */
export function storeInteger(cpu: CpuContext, lin: number, bits: number, popAfter: boolean): void {
  const env = begin(cpu)
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
