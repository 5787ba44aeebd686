/**
 * The x87 opcode map D8–DF: checks that precede an instruction, dispatch, instruction and data pointers.
 * Intel SDM vol. 2D, tables A-7 to A-22 (map); vol. 1, 8.1.8–8.1.9 (pointers), 8.7 (exception handling);
 * vol. 3A, 2.5 (CR0.EM, TS, MP, NE).
 *
 * Undocumented aliases (D9 D8+i, DC D0+i, DC D8+i, DD C8+i, DE D0+i, DF C0+i, DF C8+i, DF D0+i, DF D8+i) execute as on
 * every processor since the 8087. FISTTP belongs to SSE3 and is undefined here.
 */
import { type CpuContext, GuestFault } from '../context.ts'
import {
  CR0,
  CR0_EM,
  CR0_MP,
  CR0_NE,
  CR0_TS,
  EAX,
  FLAG_CF,
  FLAG_PF,
  FLAG_ZF,
  FPU_CS,
  FPU_CW,
  FPU_DP,
  FPU_DS,
  FPU_IP,
  FPU_OPCODE,
  FPU_SW,
  SEG,
  SEG_CS,
  SEG_SELECTOR,
  SEG_SIZE,
  VEC_MF,
  VEC_NM,
  VEC_UD,
} from '../state.ts'
import { arithmeticMemory, arithmeticRegister, changeSign, fprem, frndint, fscale, fsqrt, fxtract } from './basic.ts'
import { compareMemory, compareRegister, compareToFlags, ftst, fxam } from './compare.ts'
import {
  environmentSize,
  initialise,
  loadEnvironment,
  restoreState,
  saveSize,
  saveState,
  setControlWord,
  statusWord,
  storeEnvironment,
} from './environment.ts'
import { f2xm1, fcos, fpatan, fptan, fsin, fsincos, fyl2x, fyl2xp1, loadConstant } from './functions.ts'
import { fetch, INT16, INT32, M32, M64 } from './memory.ts'
import {
  conditionalMove,
  exchange,
  load80,
  loadBcd,
  loadFloat,
  loadInteger,
  loadInteger64,
  loadRegister,
  store80,
  storeBcd,
  storeFloat,
  storeInteger,
  storeRegister,
  storeRegisterQuiet,
} from './move.ts'
import { free, pop, rotate, SW_C1, SW_ES, SW_EXCEPTIONS, SW_SF, setConditions, updateSummary } from './registers.ts'

/** A form with a memory operand. */
interface MemoryOp {
  /** Bytes of the operand, for 16- and 32-bit operand size. */
  readonly size: readonly [number, number]
  readonly write: boolean
  /** Does not check for pending exceptions first. */
  readonly noWait: boolean
  /** Leaves the instruction and data pointers alone. */
  readonly control: boolean
  readonly run: (cpu: CpuContext, lin: number, operand32: boolean) => void
}

interface RegisterOp {
  readonly noWait: boolean
  readonly control: boolean
  readonly run: (cpu: CpuContext, i: number) => void
}

/** Indexed by (opcode & 7) << 3 | modrm.reg. */
const MEMORY: (MemoryOp | undefined)[] = new Array<MemoryOp | undefined>(64).fill(undefined)
/** Indexed by (opcode & 7) << 6 | modrm & 0x3f. */
const REGISTER: (RegisterOp | undefined)[] = new Array<RegisterOp | undefined>(512).fill(undefined)

function load(opcode: number, reg: number, size: number, run: MemoryOp['run']): void {
  MEMORY[((opcode & 7) << 3) | reg] = { size: [size, size], write: false, noWait: false, control: false, run }
}

function store(opcode: number, reg: number, size: number, run: MemoryOp['run']): void {
  MEMORY[((opcode & 7) << 3) | reg] = { size: [size, size], write: true, noWait: false, control: false, run }
}

function controlMemory(
  opcode: number,
  reg: number,
  size: readonly [number, number],
  write: boolean,
  noWait: boolean,
  run: MemoryOp['run'],
): void {
  MEMORY[((opcode & 7) << 3) | reg] = { size, write, noWait, control: true, run }
}

/** Register forms C0+… of one row: eight encodings, the stack index in the low bits. */
function row(opcode: number, modrm: number, run: RegisterOp['run']): void {
  for (let i = 0; i < 8; i++) one(opcode, modrm + i, run)
}

function one(opcode: number, modrm: number, run: RegisterOp['run']): void {
  REGISTER[((opcode & 7) << 6) | (modrm & 0x3f)] = { noWait: false, control: false, run }
}

function control(opcode: number, modrm: number, run: RegisterOp['run']): void {
  REGISTER[((opcode & 7) << 6) | (modrm & 0x3f)] = { noWait: true, control: true, run }
}

/* Arithmetic and comparison with memory: D8 m32, DA m32int, DC m64, DE m16int. */
const OPERANDS: readonly [number, number, number][] = [
  [0xd8, 4, M32],
  [0xda, 4, INT32],
  [0xdc, 8, M64],
  [0xde, 2, INT16],
]
/** A form whose operand is fetched first. */
function operand(
  opcode: number,
  reg: number,
  size: number,
  kind: number,
  run: (cpu: CpuContext, kind: number) => void,
): void {
  load(opcode, reg, size, (cpu, lin) => {
    fetch(cpu, kind, lin)
    run(cpu, kind)
  })
}
for (const [opcode, size, kind] of OPERANDS) {
  for (const reg of [0, 1, 4, 5, 6, 7]) operand(opcode, reg, size, kind, cpu => arithmeticMemory(cpu, reg, kind))
  operand(opcode, 2, size, kind, cpu => compareMemory(cpu, kind, 0))
  operand(opcode, 3, size, kind, cpu => compareMemory(cpu, kind, 1))
}

/* Arithmetic between registers. With ST(i) as destination the reversed forms change places (SDM table A-12). */
for (const reg of [0, 1, 4, 5, 6, 7]) {
  const reversed = reg >= 4 ? reg ^ 1 : reg
  row(0xd8, 0xc0 + 8 * reg, (cpu, i) => arithmeticRegister(cpu, reg, 0, i, false))
  row(0xdc, 0xc0 + 8 * reg, (cpu, i) => arithmeticRegister(cpu, reversed, i, 0, false))
  row(0xde, 0xc0 + 8 * reg, (cpu, i) => arithmeticRegister(cpu, reversed, i, 0, true))
}
for (const opcode of [0xd8, 0xdc]) {
  row(opcode, 0xd0, (cpu, i) => compareRegister(cpu, i, false, 0))
  row(opcode, 0xd8, (cpu, i) => compareRegister(cpu, i, false, 1))
}
row(0xde, 0xd0, (cpu, i) => compareRegister(cpu, i, false, 1))
one(0xde, 0xd9, cpu => compareRegister(cpu, 1, false, 2))
one(0xda, 0xe9, cpu => compareRegister(cpu, 1, true, 2))
row(0xdd, 0xe0, (cpu, i) => compareRegister(cpu, i, true, 0))
row(0xdd, 0xe8, (cpu, i) => compareRegister(cpu, i, true, 1))
row(0xdb, 0xe8, (cpu, i) => compareToFlags(cpu, i, true, false))
row(0xdb, 0xf0, (cpu, i) => compareToFlags(cpu, i, false, false))
row(0xdf, 0xe8, (cpu, i) => compareToFlags(cpu, i, true, true))
row(0xdf, 0xf0, (cpu, i) => compareToFlags(cpu, i, false, true))
one(0xd9, 0xe4, ftst)
one(0xd9, 0xe5, fxam)

/* Loads and stores. */
operand(0xd9, 0, 4, M32, loadFloat)
operand(0xdd, 0, 8, M64, loadFloat)
load(0xdb, 5, 10, load80)
operand(0xdb, 0, 4, INT32, loadInteger)
operand(0xdf, 0, 2, INT16, loadInteger)
load(0xdf, 5, 8, loadInteger64)
load(0xdf, 4, 10, loadBcd)
store(0xd9, 2, 4, (cpu, lin) => storeFloat(cpu, lin, false, false))
store(0xd9, 3, 4, (cpu, lin) => storeFloat(cpu, lin, false, true))
store(0xdd, 2, 8, (cpu, lin) => storeFloat(cpu, lin, true, false))
store(0xdd, 3, 8, (cpu, lin) => storeFloat(cpu, lin, true, true))
store(0xdb, 7, 10, store80)
store(0xdb, 2, 4, (cpu, lin) => storeInteger(cpu, lin, 32, false))
store(0xdb, 3, 4, (cpu, lin) => storeInteger(cpu, lin, 32, true))
store(0xdf, 2, 2, (cpu, lin) => storeInteger(cpu, lin, 16, false))
store(0xdf, 3, 2, (cpu, lin) => storeInteger(cpu, lin, 16, true))
store(0xdf, 7, 8, (cpu, lin) => storeInteger(cpu, lin, 64, true))
store(0xdf, 6, 10, storeBcd)
row(0xd9, 0xc0, loadRegister)
for (const [opcode, modrm] of [
  [0xd9, 0xc8],
  [0xdd, 0xc8],
  [0xdf, 0xc8],
] as const) {
  row(opcode, modrm, exchange)
}
row(0xdd, 0xd0, (cpu, i) => storeRegister(cpu, i, false))
for (const [opcode, modrm] of [
  [0xdd, 0xd8],
  [0xdf, 0xd0],
  [0xdf, 0xd8],
] as const) {
  row(opcode, modrm, (cpu, i) => storeRegister(cpu, i, true))
}

row(0xd9, 0xd8, storeRegisterQuiet)

/* FCMOVcc: DA moves on the condition, DB on its negation. */
const CONDITIONS = [FLAG_CF, FLAG_ZF, FLAG_CF | FLAG_ZF, FLAG_PF]
CONDITIONS.forEach((mask, n) => {
  row(0xda, 0xc0 + 8 * n, (cpu, i) => conditionalMove(cpu, i, (cpu.getEflags() & mask) !== 0))
  row(0xdb, 0xc0 + 8 * n, (cpu, i) => conditionalMove(cpu, i, (cpu.getEflags() & mask) === 0))
})

/* One-operand arithmetic, transcendental functions, constants. */
one(0xd9, 0xe0, cpu => changeSign(cpu, 0xffff, 0x8000))
one(0xd9, 0xe1, cpu => changeSign(cpu, 0x7fff, 0))
for (let n = 0; n < 7; n++) one(0xd9, 0xe8 + n, cpu => loadConstant(cpu, n))
one(0xd9, 0xf0, f2xm1)
one(0xd9, 0xf1, fyl2x)
one(0xd9, 0xf2, fptan)
one(0xd9, 0xf3, fpatan)
one(0xd9, 0xf4, fxtract)
one(0xd9, 0xf5, cpu => fprem(cpu, true))
one(0xd9, 0xf8, cpu => fprem(cpu, false))
one(0xd9, 0xf9, fyl2xp1)
one(0xd9, 0xfa, fsqrt)
one(0xd9, 0xfb, fsincos)
one(0xd9, 0xfc, frndint)
one(0xd9, 0xfd, fscale)
one(0xd9, 0xfe, fsin)
one(0xd9, 0xff, fcos)

/* Stack and unit control. */
one(0xd9, 0xd0, () => {})
one(0xd9, 0xf6, cpu => {
  rotate(cpu, -1)
  setConditions(cpu, 0, SW_C1)
})
one(0xd9, 0xf7, cpu => {
  rotate(cpu, 1)
  setConditions(cpu, 0, SW_C1)
})
row(0xdd, 0xc0, (cpu, i) => {
  setConditions(cpu, 0, SW_C1)
  free(cpu, i)
})
row(0xdf, 0xc0, (cpu, i) => {
  setConditions(cpu, 0, SW_C1)
  free(cpu, i)
  pop(cpu)
})
/* FNENI, FNDISI (8087) and FNSETPM (287): no operation on later processors. */
for (const modrm of [0xe0, 0xe1, 0xe4]) control(0xdb, modrm, () => {})
control(0xdb, 0xe2, cpu => {
  cpu.u16[FPU_SW >> 1] = (cpu.u16[FPU_SW >> 1] as number) & ~(SW_EXCEPTIONS | SW_SF)
  updateSummary(cpu)
})
control(0xdb, 0xe3, initialise)
control(0xdf, 0xe0, cpu => {
  cpu.u16[EAX >> 1] = statusWord(cpu)
})
controlMemory(0xd9, 4, [environmentSize(false), environmentSize(true)], false, false, loadEnvironment)
controlMemory(0xd9, 5, [2, 2], false, false, (cpu, lin) => {
  setControlWord(cpu, cpu.read16(lin))
  updateSummary(cpu)
})
controlMemory(0xd9, 6, [environmentSize(false), environmentSize(true)], true, true, (cpu, lin, operand32) => {
  storeEnvironment(cpu, lin, operand32)
  setControlWord(cpu, (cpu.u16[FPU_CW >> 1] as number) | 0x3f)
  updateSummary(cpu)
})
controlMemory(0xd9, 7, [2, 2], true, true, (cpu, lin) => cpu.write16(lin, cpu.u16[FPU_CW >> 1] as number))
controlMemory(0xdd, 4, [saveSize(false), saveSize(true)], false, false, restoreState)
controlMemory(0xdd, 6, [saveSize(false), saveSize(true)], true, true, saveState)
controlMemory(0xdd, 7, [2, 2], true, true, (cpu, lin) => cpu.write16(lin, statusWord(cpu)))

/** Added to the width of an operand that is written. */
export const X87_WRITES = 0x100

/** Bytes of the memory operand of opcode << 8 | ModRM for 32-bit operand size, and {@link X87_WRITES}; 0 when undefined. */
export function x87OperandWidth(imm: number): number {
  const op = MEMORY[((imm >> 5) & 0x38) | ((imm >> 3) & 7)]
  return op === undefined ? 0 : op.size[1] | (op.write ? X87_WRITES : 0)
}

/**
 * Pending unmasked exceptions, checked by every waiting instruction: #MF with CR0.NE = 1. With NE = 0 FERR# is asserted
 * and the instruction proceeds; the interrupt that the chipset makes of it comes at the next boundary.
 */
export function checkPending(cpu: CpuContext): void {
  if (((cpu.u16[FPU_SW >> 1] as number) & SW_ES) === 0) return
  if (((cpu.u32[CR0 >> 2] as number) & CR0_NE) !== 0) throw new GuestFault(VEC_MF)
  cpu.ports.ferr(true)
}

/** FWAIT / WAIT (9B). Throws #NM when CR0.MP and TS are set, #MF for a pending exception. */
export function fwait(cpu: CpuContext): void {
  const cr0 = cpu.u32[CR0 >> 2] as number
  if ((cr0 & CR0_MP) !== 0 && (cr0 & CR0_TS) !== 0) throw new GuestFault(VEC_NM)
  checkPending(cpu)
}

/**
 * Executes one x87 instruction.
 *
 * @param opcode first byte, D8–DF
 * @param modrm the ModRM byte
 * @param seg SEG_ index of the memory operand's segment (ignored for register forms)
 * @param ea its offset
 * @param operand32 operand size attribute is 32 bits (matters to FLDENV, FNSTENV, FRSTOR, FNSAVE)
 * @param ip offset in CS of the instruction's first byte, prefixes included: becomes FIP
 * @throws GuestFault #UD, #NM, #MF, or what the memory operand raises; nothing is committed then
 */
export function executeX87(
  cpu: CpuContext,
  opcode: number,
  modrm: number,
  seg: number,
  ea: number,
  operand32: boolean,
  ip: number,
): void {
  if (modrm >= 0xc0) {
    const op = REGISTER[((opcode & 7) << 6) | (modrm & 0x3f)]
    if (op === undefined) throw new GuestFault(VEC_UD)
    if (((cpu.u32[CR0 >> 2] as number) & (CR0_EM | CR0_TS)) !== 0) throw new GuestFault(VEC_NM)
    if (!op.noWait) checkPending(cpu)
    op.run(cpu, modrm & 7)
    if (!op.control) recordInstruction(cpu, opcode, modrm, ip)
    return
  }
  const op = MEMORY[((opcode & 7) << 3) | ((modrm >> 3) & 7)]
  if (op === undefined) throw new GuestFault(VEC_UD)
  if (((cpu.u32[CR0 >> 2] as number) & (CR0_EM | CR0_TS)) !== 0) throw new GuestFault(VEC_NM)
  if (!op.noWait) checkPending(cpu)
  const size = op.size[operand32 ? 1 : 0]
  const lin = cpu.linear(seg, ea, size, op.write)
  // Loads read their whole operand before they change anything; stores must know first.
  if (op.write) cpu.probe(lin, size, true)
  op.run(cpu, lin, operand32)
  if (op.control) return
  recordInstruction(cpu, opcode, modrm, ip)
  cpu.u32[FPU_DP >> 2] = ea >>> 0
  cpu.u32[FPU_DS >> 2] = cpu.u16[(SEG + SEG_SIZE * seg + SEG_SELECTOR) >> 1] as number
}

function recordInstruction(cpu: CpuContext, opcode: number, modrm: number, ip: number): void {
  cpu.u32[FPU_IP >> 2] = ip >>> 0
  cpu.u32[FPU_CS >> 2] = cpu.u16[(SEG + SEG_SIZE * SEG_CS + SEG_SELECTOR) >> 1] as number
  cpu.u32[FPU_OPCODE >> 2] = ((opcode & 7) << 8) | modrm
}
