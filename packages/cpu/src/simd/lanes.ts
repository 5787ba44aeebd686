/**
 * Packed integer operations on lanes: `d` and `s` are byte offsets of destination and source, `n` their length (8 for
 * MMX, 16 for SSE2). Intel SDM vol. 2B, by name. Source and destination may be the same register.
 */
import type { CpuContext } from '../context.ts'

/** d ← f(d, s) over `n` bytes. */
export type LaneOp = (cpu: CpuContext, d: number, s: number, n: number) => void

/** Lanes of one byte, unsigned in and wrapped out. */
export function bytes(f: (a: number, b: number) => number): LaneOp {
  return (cpu, d, s, n) => {
    const { u8 } = cpu
    for (let i = 0; i < n; i++) u8[d + i] = f(u8[d + i] as number, u8[s + i] as number)
  }
}

/** Lanes of one byte, signed in and wrapped out. */
export function signedBytes(f: (a: number, b: number) => number): LaneOp {
  return bytes((a, b) => f((a << 24) >> 24, (b << 24) >> 24))
}

/** Lanes of 16 bits, unsigned in and wrapped out. */
export function words(f: (a: number, b: number) => number): LaneOp {
  return (cpu, d, s, n) => {
    const { u16 } = cpu
    const end = (d + n) >> 1
    for (let i = d >> 1, j = s >> 1; i < end; i++, j++) u16[i] = f(u16[i] as number, u16[j] as number)
  }
}

/** Lanes of 16 bits, signed in and wrapped out. */
export function signedWords(f: (a: number, b: number) => number): LaneOp {
  return words((a, b) => f((a << 16) >> 16, (b << 16) >> 16))
}

/** Lanes of 32 bits, signed in and wrapped out. */
export function dwords(f: (a: number, b: number) => number): LaneOp {
  return (cpu, d, s, n) => {
    const { i32 } = cpu
    const end = (d + n) >> 2
    for (let i = d >> 2, j = s >> 2; i < end; i++, j++) i32[i] = f(i32[i] as number, i32[j] as number)
  }
}

/** Lanes of 64 bits; the result is wrapped. */
export function qwords(f: (a: bigint, b: bigint) => bigint): LaneOp {
  return (cpu, d, s, n) => {
    const { u64 } = cpu
    const end = (d + n) >> 3
    for (let i = d >> 3, j = s >> 3; i < end; i++, j++) u64[i] = f(u64[i] as bigint, u64[j] as bigint)
  }
}

/** Clamps to a signed byte. */
export function saturateByte(x: number): number {
  return Math.min(127, Math.max(-128, x))
}

/** Clamps to an unsigned byte. */
export function saturateUnsignedByte(x: number): number {
  return Math.min(255, Math.max(0, x))
}

/** Clamps to a signed word. */
export function saturateWord(x: number): number {
  return Math.min(32767, Math.max(-32768, x))
}

/** Clamps to an unsigned word. */
export function saturateUnsignedWord(x: number): number {
  return Math.min(65535, Math.max(0, x))
}

const a8 = new Uint8Array(16)
const a16 = new Uint16Array(a8.buffer)
const a32 = new Int32Array(a8.buffer)
const b8 = new Uint8Array(16)
const b16 = new Uint16Array(b8.buffer)
const b32 = new Int32Array(b8.buffer)
const out8 = new Uint8Array(16)
const out16 = new Uint16Array(out8.buffer)
const out32 = new Int32Array(out8.buffer)

/** Copies both operands aside, lets `fill` compute the result from the copies, writes it. */
function aside(fill: (n: number) => void): LaneOp {
  return (cpu, d, s, n) => {
    for (let i = 0; i < n; i++) {
      a8[i] = cpu.u8[d + i] as number
      b8[i] = cpu.u8[s + i] as number
    }
    fill(n)
    for (let i = 0; i < n; i++) cpu.u8[d + i] = out8[i] as number
  }
}

/** PUNPCKL / PUNPCKH with lanes of `width` bytes. */
export function unpack(width: number, high: boolean): LaneOp {
  return aside(n => {
    const start = high ? n / 2 : 0
    for (let i = 0; i < n / 2; i += width) {
      for (let k = 0; k < width; k++) {
        out8[2 * i + k] = a8[start + i + k] as number
        out8[2 * i + width + k] = b8[start + i + k] as number
      }
    }
  })
}

/** PACKSSWB, PACKUSWB. */
export function packWords(saturate: (x: number) => number): LaneOp {
  return aside(n => {
    const half = n / 2
    for (let i = 0; i < half; i++) {
      out8[i] = saturate(((a16[i] as number) << 16) >> 16)
      out8[half + i] = saturate(((b16[i] as number) << 16) >> 16)
    }
  })
}

/** PACKSSDW. */
export const packDwords: LaneOp = aside(n => {
  const quarter = n / 4
  for (let i = 0; i < quarter; i++) {
    out16[i] = saturateWord(a32[i] as number)
    out16[quarter + i] = saturateWord(b32[i] as number)
  }
})

/** PMADDWD. */
export const multiplyAdd: LaneOp = aside(n => {
  const signed = (x: number | undefined): number => ((x as number) << 16) >> 16
  for (let i = 0; i < n / 4; i++) {
    out32[i] = signed(a16[2 * i]) * signed(b16[2 * i]) + signed(a16[2 * i + 1]) * signed(b16[2 * i + 1])
  }
})

/** PSADBW: one sum per 8 bytes, in the low word. */
export const sumDifferences: LaneOp = aside(n => {
  out8.fill(0)
  for (let q = 0; q < n; q += 8) {
    let sum = 0
    for (let i = q; i < q + 8; i++) sum += Math.abs((a8[i] as number) - (b8[i] as number))
    out16[q >> 1] = sum
  }
})

/** PMULUDQ. */
export const multiplyUnsigned: LaneOp = qwords((a, b) => (a & 0xffff_ffffn) * (b & 0xffff_ffffn))
