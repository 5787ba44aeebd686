/**
 * CVT…: between integers and floats, between f32 and f64, by MXCSR rounding or truncating. Intel SDM vol. 1, 11.4.4;
 * vol. 2A by name. Out of range gives IE and 80000000.
 */
import type { CpuContext } from '../context.ts'
import { fromInteger } from '../fpu/arithmetic.ts'
import { convert, toInteger } from '../fpu/convert.ts'
import { DE, type Float, type FloatEnv, PE, RC_ZERO } from '../fpu/float.ts'
import { beginFloat, endFloat, read32, read64 } from './mxcsr.ts'
import { nativeValue, ordinary, roundNative } from './native-path.ts'
import { checkMmx, checkSse, enterMmx, gpr, loadMemory, markMmx, mm, type SimdOp, xmm, xmmSource } from './op.ts'
import { commit, put32, put64, putNative, result32 } from './results.ts'

type Prefix = SimdOp['prefix']

function readFloat(cpu: CpuContext, at: number, size: number): Float {
  return size === 4 ? read32(cpu, at) : read64(cpu, at)
}

function put(i: number, value: Float, size: number): void {
  if (size === 4) put32(i, value)
  else put64(i, value)
}

/** Elements `count`, float of `size` at `s`, to int32 in the result. */
function floatsToIntegers(
  cpu: CpuContext,
  env: FloatEnv,
  s: number,
  count: number,
  size: number,
  truncate: boolean,
): void {
  const rounding = truncate ? RC_ZERO : env.rounding
  for (let i = 0; i < count; i++) {
    const at = s + i * size
    if (ordinary(cpu, at, size)) {
      const x = nativeValue(cpu, at, size)
      const rounded = roundNative(x, rounding)
      if (rounded >= -0x8000_0000 && rounded <= 0x7fff_ffff) {
        if (rounded !== x) env.flags |= PE
        result32[i] = rounded
        continue
      }
    }
    result32[i] = Number(BigInt.asUintN(32, toInteger(env, readFloat(cpu, at, size), 32, rounding)))
  }
}

/** Elements `count`, int32 at `s`, to floats of `size` in the result. */
function integersToFloats(cpu: CpuContext, env: FloatEnv, s: number, count: number, size: number): void {
  for (let i = 0; i < count; i++) {
    const value = cpu.i32[(s >> 2) + i] as number
    if (size === 8 || Math.fround(value) === value) putNative(i, value, size)
    else put(i, convert(env, fromInteger(BigInt(value))), size)
  }
}

/** f32 ↔ f64; a denormal operand raises DE. */
function resize(cpu: CpuContext, env: FloatEnv, s: number, count: number, from: number, to: number): void {
  for (let i = 0; i < count; i++) {
    if (ordinary(cpu, s + i * from, from)) {
      const x = nativeValue(cpu, s + i * from, from)
      const narrow = Math.fround(x)
      // Not exactly representable, or maybe denormal in f32: rounding and flags are for the exact path.
      if (to === 8 || (narrow === x && (x === 0 || Math.abs(x) >= 2 ** -126))) {
        putNative(i, x, to)
        continue
      }
    }
    const a = readFloat(cpu, s + i * from, from)
    if (a.denormal) env.flags |= DE
    put(i, convert(env, a), to)
  }
}

/** An XMM destination and an XMM or memory source of `bytes`. */
function xmmForm(
  mnemonic: string,
  prefix: Prefix,
  opcode: number,
  bytes: number,
  size: number,
  written: number,
  f: (cpu: CpuContext, env: FloatEnv, s: number) => void,
  clearHigh = false,
): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      const s = xmmSource(cpu, rm, seg, ea, bytes)
      const env = beginFloat(cpu, size)
      f(cpu, env, s)
      endFloat(cpu, env)
      commit(cpu, xmm(reg), written)
      if (clearHigh) for (let at = written; at < 16; at += 4) cpu.u32[(xmm(reg) + at) >> 2] = 0
    },
  }
}

/** CVTPI2PS, CVTPI2PD: two int32 of an MMX register or memory. */
function fromMmx(mnemonic: string, prefix: 0 | 0x66, size: number): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode: 0x2a,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      // A memory source leaves the x87 unit alone (the SDM says so of CVTPI2PD only; AMD does it for both).
      if (rm >= 0) checkMmx(cpu)
      const s = rm >= 0 ? mm(rm) : loadMemory(cpu, seg, ea, 8)
      const env = beginFloat(cpu, size)
      integersToFloats(cpu, env, s, 2, size)
      endFloat(cpu, env)
      if (rm >= 0) enterMmx(cpu)
      commit(cpu, xmm(reg), 2 * size)
    },
  }
}

/** CVTPS2PI, CVTTPS2PI, CVTPD2PI, CVTTPD2PI: to an MMX register. */
function toMmx(mnemonic: string, prefix: 0 | 0x66, opcode: number, size: number, truncate: boolean): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      checkMmx(cpu)
      const s = xmmSource(cpu, rm, seg, ea, 2 * size)
      const env = beginFloat(cpu, size)
      floatsToIntegers(cpu, env, s, 2, size, truncate)
      endFloat(cpu, env)
      enterMmx(cpu)
      commit(cpu, mm(reg), 8)
      markMmx(cpu, reg)
    },
  }
}

/** CVTSI2SS, CVTSI2SD: from a general register or m32. */
function fromGeneral(mnemonic: string, prefix: Prefix, size: number): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode: 0x2a,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      const s = rm >= 0 ? gpr(rm) : loadMemory(cpu, seg, ea, 4)
      const env = beginFloat(cpu, size)
      integersToFloats(cpu, env, s, 1, size)
      endFloat(cpu, env)
      commit(cpu, xmm(reg), size)
    },
  }
}

/** CVTSS2SI, CVTTSS2SI, CVTSD2SI, CVTTSD2SI: to a general register. */
function toGeneral(mnemonic: string, prefix: Prefix, opcode: number, size: number, truncate: boolean): SimdOp {
  return {
    mnemonic,
    prefix,
    opcode,
    imm8: false,
    run: (cpu, reg, rm, seg, ea) => {
      checkSse(cpu)
      const s = xmmSource(cpu, rm, seg, ea, size)
      const env = beginFloat(cpu, size)
      floatsToIntegers(cpu, env, s, 1, size, truncate)
      endFloat(cpu, env)
      cpu.u32[gpr(reg) >> 2] = result32[0] as number
    },
  }
}

export const CONVERT_OPS: readonly SimdOp[] = [
  fromMmx('CVTPI2PS', 0, 4),
  fromMmx('CVTPI2PD', 0x66, 8),
  fromGeneral('CVTSI2SS', 0xf3, 4),
  fromGeneral('CVTSI2SD', 0xf2, 8),
  toMmx('CVTTPS2PI', 0, 0x2c, 4, true),
  toMmx('CVTTPD2PI', 0x66, 0x2c, 8, true),
  toMmx('CVTPS2PI', 0, 0x2d, 4, false),
  toMmx('CVTPD2PI', 0x66, 0x2d, 8, false),
  toGeneral('CVTTSS2SI', 0xf3, 0x2c, 4, true),
  toGeneral('CVTTSD2SI', 0xf2, 0x2c, 8, true),
  toGeneral('CVTSS2SI', 0xf3, 0x2d, 4, false),
  toGeneral('CVTSD2SI', 0xf2, 0x2d, 8, false),
  xmmForm('CVTPS2PD', 0, 0x5a, 8, 8, 16, (cpu, env, s) => resize(cpu, env, s, 2, 4, 8)),
  xmmForm('CVTPD2PS', 0x66, 0x5a, 16, 4, 8, (cpu, env, s) => resize(cpu, env, s, 2, 8, 4), true),
  xmmForm('CVTSS2SD', 0xf3, 0x5a, 4, 8, 8, (cpu, env, s) => resize(cpu, env, s, 1, 4, 8)),
  xmmForm('CVTSD2SS', 0xf2, 0x5a, 8, 4, 4, (cpu, env, s) => resize(cpu, env, s, 1, 8, 4)),
  xmmForm('CVTDQ2PS', 0, 0x5b, 16, 4, 16, (cpu, env, s) => integersToFloats(cpu, env, s, 4, 4)),
  xmmForm('CVTPS2DQ', 0x66, 0x5b, 16, 4, 16, (cpu, env, s) => floatsToIntegers(cpu, env, s, 4, 4, false)),
  xmmForm('CVTTPS2DQ', 0xf3, 0x5b, 16, 4, 16, (cpu, env, s) => floatsToIntegers(cpu, env, s, 4, 4, true)),
  xmmForm('CVTDQ2PD', 0xf3, 0xe6, 8, 8, 16, (cpu, env, s) => integersToFloats(cpu, env, s, 2, 8)),
  xmmForm('CVTTPD2DQ', 0x66, 0xe6, 16, 8, 8, (cpu, env, s) => floatsToIntegers(cpu, env, s, 2, 8, true), true),
  xmmForm('CVTPD2DQ', 0xf2, 0xe6, 16, 8, 8, (cpu, env, s) => floatsToIntegers(cpu, env, s, 2, 8, false), true),
]
