/**
 * The 0F AE group: FXSAVE, FXRSTOR, LDMXCSR, STMXCSR, the fences and CLFLUSH.
 * Intel SDM vol. 1, 10.5 and table 10-2 (image); vol. 2A FXSAVE, FXRSTOR; vol. 1, 10.2.3 (MXCSR).
 */
import { type CpuContext, GuestFault } from '../context.ts'
import { setControlWord, setStatusWord, statusWord } from '../fpu/environment.ts'
import { updateSummary } from '../fpu/registers.ts'
import {
  CR0,
  CR0_EM,
  CR0_TS,
  CR4,
  CR4_OSFXSR,
  FPR,
  FPU_CS,
  FPU_CW,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_TOP,
  FPU_TW,
  MXCSR,
  VEC_GP,
  VEC_NM,
  XMM,
} from '../state.ts'
import { checkSse, loadMemory, prepareStore, type SimdOp } from './op.ts'

/** Writable bits of MXCSR; others raise #GP. Bit 6 (DAZ) is implemented. */
const MXCSR_MASK = 0xffff

const IMAGE_SIZE = 512
/** Bytes that hold state: header, x87 registers, XMM0–7. */
const IMAGE_USED = 288

function checkFx(cpu: CpuContext): void {
  if (((cpu.u32[CR0 >> 2] as number) & (CR0_EM | CR0_TS)) !== 0) throw new GuestFault(VEC_NM)
}

function withSse(cpu: CpuContext): boolean {
  return ((cpu.u32[CR4 >> 2] as number) & CR4_OSFXSR) !== 0
}

function fxsave(cpu: CpuContext, seg: number, ea: number): void {
  checkFx(cpu)
  const lin = prepareStore(cpu, seg, ea, IMAGE_SIZE, true)
  const put16 = (at: number, value: number): void => cpu.write16((lin + at) >>> 0, value & 0xffff)
  const put32 = (at: number, value: number): void => cpu.write32((lin + at) >>> 0, value >>> 0)
  let abridged = 0
  for (let p = 0; p < 8; p++) if ((((cpu.u16[FPU_TW >> 1] as number) >> (2 * p)) & 3) !== 3) abridged |= 1 << p
  put16(0, cpu.u16[FPU_CW >> 1] as number)
  put16(2, statusWord(cpu))
  put16(4, abridged)
  put16(6, (cpu.u16[FPU_OPCODE >> 1] as number) & 0x7ff)
  put32(8, cpu.u32[FPU_IP >> 2] as number)
  put32(12, cpu.u16[FPU_CS >> 1] as number)
  put32(16, cpu.u32[FPU_DP >> 2] as number)
  put32(20, cpu.u16[FPU_DS >> 1] as number)
  for (let i = 0; i < 8; i++) {
    const from = FPR + 16 * (((cpu.u32[FPU_TOP >> 2] as number) + i) & 7)
    put32(32 + 16 * i, cpu.u32[from >> 2] as number)
    put32(36 + 16 * i, cpu.u32[(from + 4) >> 2] as number)
    put32(40 + 16 * i, cpu.u16[(from + 8) >> 1] as number)
    put32(44 + 16 * i, 0)
  }
  put32(24, cpu.u32[MXCSR >> 2] as number)
  put32(28, MXCSR_MASK)
  if (!withSse(cpu)) return
  for (let at = 0; at < 128; at += 4) put32(160 + at, cpu.u32[(XMM + at) >> 2] as number)
}

const image = new Uint8Array(IMAGE_USED)
const imageView = new DataView(image.buffer)

function fxrstor(cpu: CpuContext, seg: number, ea: number): void {
  checkFx(cpu)
  const lin = cpu.linear(seg, ea, IMAGE_SIZE, false)
  if ((lin & 15) !== 0) throw new GuestFault(VEC_GP, 0)
  for (let at = 0; at < IMAGE_USED; at += 4) imageView.setUint32(at, cpu.read32((lin + at) >>> 0), true)
  const mxcsr = imageView.getUint32(24, true)
  if (withSse(cpu) && (mxcsr & ~MXCSR_MASK) !== 0) throw new GuestFault(VEC_GP, 0)
  setControlWord(cpu, imageView.getUint16(0, true))
  setStatusWord(cpu, imageView.getUint16(2, true))
  const abridged = image[4] as number
  let tags = 0
  for (let p = 0; p < 8; p++) if ((abridged & (1 << p)) === 0) tags |= 3 << (2 * p)
  cpu.u32[FPU_TW >> 2] = tags
  cpu.u32[FPU_OPCODE >> 2] = imageView.getUint16(6, true) & 0x7ff
  cpu.u32[FPU_IP >> 2] = imageView.getUint32(8, true)
  cpu.u32[FPU_CS >> 2] = imageView.getUint16(12, true)
  cpu.u32[FPU_DP >> 2] = imageView.getUint32(16, true)
  cpu.u32[FPU_DS >> 2] = imageView.getUint16(20, true)
  for (let i = 0; i < 8; i++) {
    const to = FPR + 16 * (((cpu.u32[FPU_TOP >> 2] as number) + i) & 7)
    cpu.u32[to >> 2] = imageView.getUint32(32 + 16 * i, true)
    cpu.u32[(to + 4) >> 2] = imageView.getUint32(36 + 16 * i, true)
    cpu.u16[(to + 8) >> 1] = imageView.getUint16(40 + 16 * i, true)
  }
  updateSummary(cpu)
  if (!withSse(cpu)) return
  cpu.u32[MXCSR >> 2] = mxcsr
  for (let at = 0; at < 128; at += 4) cpu.u32[(XMM + at) >> 2] = imageView.getUint32(160 + at, true)
}

function fence(mnemonic: string, ext: number): SimdOp {
  return { mnemonic, prefix: 0, opcode: 0xae, ext, regOnly: true, imm8: false, run: () => {} }
}

function group(mnemonic: string, ext: number, run: (cpu: CpuContext, seg: number, ea: number) => void): SimdOp {
  return {
    mnemonic,
    prefix: 0,
    opcode: 0xae,
    ext,
    memOnly: true,
    imm8: false,
    run: (cpu, _reg, _rm, seg, ea) => run(cpu, seg, ea),
  }
}

export const STATE_OPS: readonly SimdOp[] = [
  group('FXSAVE', 0, fxsave),
  group('FXRSTOR', 1, fxrstor),
  group('LDMXCSR', 2, (cpu, seg, ea) => {
    checkSse(cpu)
    const value = cpu.u32[loadMemory(cpu, seg, ea, 4) >> 2] as number
    if ((value & ~MXCSR_MASK) !== 0) throw new GuestFault(VEC_GP, 0)
    cpu.u32[MXCSR >> 2] = value
  }),
  group('STMXCSR', 3, (cpu, seg, ea) => {
    checkSse(cpu)
    cpu.write32(prepareStore(cpu, seg, ea, 4), cpu.u32[MXCSR >> 2] as number)
  }),
  // One processor whose memory accesses are in order, and no cache: nothing to wait for, nothing to write back.
  fence('LFENCE', 5),
  fence('MFENCE', 6),
  fence('SFENCE', 7),
  group('CLFLUSH', 7, (cpu, seg, ea) => {
    cpu.probe(cpu.linear(seg, ea, 1, false), 1, false)
  }),
]
