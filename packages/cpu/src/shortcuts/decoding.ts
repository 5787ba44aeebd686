/**
 * The decoder of plain 32-bit code for shortcuts: what decode/decode.ts does, over the numbers of decode/tables.ts. It
 * declines what these do not have: SIMD instructions, undefined opcodes, 16-bit addresses, LOCK where it may not be.
 */
import { SLOT_MEMORY } from '../decode/table.ts'
import {
  DECODE_ENTRIES,
  DECODE_GROUPS,
  DECODE_OPCODES,
  DECODE_PREFIXES,
  DECODE_X87,
  ENTRY_A,
  ENTRY_B,
  ENTRY_BYTES,
  ENTRY_CONSTANT,
  ENTRY_FLAGS,
  ENTRY_IMM,
  ENTRY_LOCK,
  ENTRY_MEMORY,
  ENTRY_MODRM,
  ENTRY_OFFSET,
  ENTRY_POP,
  ENTRY_REGISTERS,
  ENTRY_SIGNED,
  ENTRY_SIZE,
  ENTRY_X87,
  GROUPED,
  PREFIX_LOCK,
  PREFIX_OPERAND,
  PREFIX_REPEAT,
  PREFIX_REPEAT_SHIFT,
  PREFIX_SEGMENT,
  REGISTER_BYTE,
  REGISTER_FIXED,
  REGISTER_FROM,
  REGISTER_NOT_CS,
  REGISTER_OPCODE,
  REGISTER_OR_MEMORY,
  REGISTER_SEGMENT,
  REGISTER_SHIFT,
  REGISTER_SHIFTS,
} from '../decode/tables.ts'
import { c32, type Expr, load } from '../ir/ir.ts'
import { ESP, SEG, SEG_CS, SEG_DS, SEG_GS, SEG_SIZE, SEG_SS, ZERO } from '../state.ts'
import type { ShortcutBuilder } from './module.ts'

/** SDM vol. 2, 2.3.11. */
export const MAX_LENGTH = 15
export const segAt = (i: number): Expr => c32(SEG + i * SEG_SIZE)

/**
 * An instruction's locals. `at`: host address of the next byte · `memory`: SLOT_MEMORY when a ModRM byte names memory ·
 * `short`: 1 behind a 66 prefix · `entry`: address of what is known of entry `number` · `a` and `b`: its register operands.
 */
const LOCALS = [
  'at',
  'opcode',
  'modrm',
  'memory',
  'short',
  'lock',
  'repeat',
  'number',
  'entry',
  'flags',
  'size',
  'a',
  'b',
  'base',
  'index',
  'scale',
  'disp',
  'segment',
  'imm',
  'extra',
] as const
export type Instruction = Readonly<Record<(typeof LOCALS)[number], Expr>>

export function instructionLocals(b: ShortcutBuilder): Instruction {
  return Object.fromEntries(LOCALS.map(name => [name, b.temp('i32')])) as Instruction
}

function skip(b: ShortcutBuilder, d: Instruction, bytes: Expr | number): void {
  b.set(d.at, b.add(d.at, bytes))
}

/** Decodes the instruction at `d.at`, be it ever so long, and goes behind it. */
export function decode(b: ShortcutBuilder, d: Instruction): void {
  for (const l of [d.short, d.lock, d.repeat, d.segment, d.scale, d.disp, d.imm, d.extra]) b.set(l, c32(0))
  for (const l of [d.base, d.index]) b.set(l, c32(ZERO))
  opcode(b, d)
  b.set(d.number, load('16u', b.add(b.op('mul', d.opcode, 6), b.shl(d.repeat, 1)), DECODE_OPCODES))
  b.set(d.modrm, load('8u', d.at))
  const grouped = b.let(b.bool(b.and(d.number, GROUPED)))
  b.if(grouped, () => {
    const member = b.add(b.shl(b.and(d.number, ~GROUPED), 4), b.shl(b.and(b.shr(d.modrm, 3), 7), 1))
    b.set(d.number, load('16u', member, DECODE_GROUPS))
  })
  b.declineIf(b.eqz(d.number))
  b.set(d.entry, b.add(b.op('mul', d.number, ENTRY_BYTES), DECODE_ENTRIES))
  b.set(d.flags, load('16u', d.entry, ENTRY_FLAGS))
  const is = (flag: number): Expr => b.bool(b.and(d.flags, flag))
  const hasModrm = b.let(b.or(grouped, is(ENTRY_MODRM)))
  skip(b, d, hasModrm)
  const inMemory = b.and(b.cmp('lt_u', d.modrm, 0xc0), b.eqz(is(ENTRY_REGISTERS)))
  b.set(d.memory, b.select(b.and(hasModrm, inMemory), c32(SLOT_MEMORY), c32(0)))
  b.declineIf(b.and(is(ENTRY_MEMORY), b.eqz(d.memory)))
  b.declineIf(b.and(d.lock, b.eqz(b.and(is(ENTRY_LOCK), b.bool(d.memory)))))
  b.if(d.memory, () => address(b, d))
  b.if(b.eqz(d.segment), () => b.set(d.segment, segAt(SEG_DS)))
  b.set(d.size, load('8u', b.add(d.entry, d.short), ENTRY_SIZE))
  b.if(b.and(is(ENTRY_POP), b.cmp('eq', d.base, ESP)), () => b.set(d.disp, b.add(d.disp, d.size)))
  register(b, d, d.a, ENTRY_A)
  register(b, d, d.b, ENTRY_B)
  immediate(b, d)
}

/** Prefixes, and the opcode: that of the 0F map with 100H added. */
function opcode(b: ShortcutBuilder, d: Instruction): void {
  const start = b.let(d.at)
  const next = (): void => {
    b.set(d.opcode, load('8u', d.at))
    skip(b, d, 1)
  }
  next()
  const prefix = b.temp('i32')
  const isPrefix = (): void => b.set(prefix, load('8u', d.opcode, DECODE_PREFIXES))
  isPrefix()
  b.if(prefix, () =>
    b.doWhile(
      () => {
        b.if(b.and(prefix, PREFIX_OPERAND), () => b.set(d.short, c32(1)))
        b.if(b.and(prefix, PREFIX_LOCK), () => b.set(d.lock, c32(1)))
        b.if(b.and(prefix, PREFIX_REPEAT), () => b.set(d.repeat, b.shr(prefix, PREFIX_REPEAT_SHIFT)))
        b.if(b.and(prefix, PREFIX_SEGMENT), () => b.set(d.segment, b.shl(prefix, 5)))
        next()
        isPrefix()
      },
      () => b.and(b.bool(prefix), b.cmp('lt_u', b.sub(d.at, start), MAX_LENGTH)),
    ),
  )
  b.if(b.cmp('eq', d.opcode, 0x0f), () => {
    next()
    b.set(d.opcode, b.or(d.opcode, 0x100))
  })
}

/** ModRM and SIB to base, index, scale, displacement and default segment (SDM vol. 2 tables 2-2, 2-3). */
function address(b: ShortcutBuilder, d: Instruction): void {
  const mod = b.let(b.shr(d.modrm, 6))
  const base = b.temp('i32')
  b.set(base, b.and(d.modrm, 7))
  b.if(b.cmp('eq', base, 4), () => {
    const sib = b.let(load('8u', d.at))
    skip(b, d, 1)
    b.set(base, b.and(sib, 7))
    const index = b.let(b.and(b.shr(sib, 3), 7))
    b.if(b.xor(index, 4), () => {
      b.set(d.index, b.shl(index, 3))
      b.set(d.scale, b.shr(sib, 6))
    })
  })
  const none = b.let(b.and(b.eqz(mod), b.cmp('eq', base, 5)))
  b.if(b.eqz(none), () => b.set(d.base, b.shl(base, 3)))
  b.if(
    b.cmp('eq', mod, 1),
    () => {
      b.set(d.disp, load('8s', d.at))
      skip(b, d, 1)
    },
    () =>
      b.if(b.or(none, b.cmp('eq', mod, 2)), () => {
        b.set(d.disp, load('32', d.at))
        skip(b, d, 4)
      }),
  )
  const stack = b.and(b.eqz(none), b.cmp('eq', b.and(base, 6), 4))
  b.if(b.eqz(d.segment), () => b.set(d.segment, b.select(stack, segAt(SEG_SS), segAt(SEG_DS))))
}

/** State address or number of a register operand, by the field of its entry. */
function register(b: ShortcutBuilder, d: Instruction, value: Expr, field: number): void {
  const how = b.let(load('32', d.entry, field))
  b.set(value, c32(0))
  const none = b.and(b.bool(b.and(how, REGISTER_OR_MEMORY)), b.bool(d.memory))
  b.if(b.and(b.bool(how), b.eqz(none)), () => {
    const from = b.select(b.and(how, REGISTER_OPCODE), d.opcode, d.modrm)
    const n = b.let(b.and(b.shr(from, b.and(how, REGISTER_FROM)), 7))
    b.if(b.and(how, REGISTER_SEGMENT), () => {
      const cs = b.and(b.bool(b.and(how, REGISTER_NOT_CS)), b.cmp('eq', n, SEG_CS))
      b.declineIf(b.or(cs, b.cmp('gt_u', n, SEG_GS)))
    })
    const byte = b.sub(b.shl(n, 3), b.select(b.cmp('ge_u', n, 4), c32(31), c32(0)))
    const word = b.shl(n, b.and(b.shr(how, REGISTER_SHIFT), REGISTER_SHIFTS))
    const computed = b.select(b.and(how, REGISTER_BYTE), byte, word)
    b.set(value, b.select(b.and(how, REGISTER_FIXED), b.shr(how, 16), computed))
  })
}

function immediate(b: ShortcutBuilder, d: Instruction): void {
  const { entry, flags } = d
  const bytes = b.let(load('8u', b.add(entry, d.short), ENTRY_IMM))
  b.if(
    bytes,
    () => {
      const unused = b.let(b.sub(c32(32), b.shl(bytes, 3)))
      const raw = b.let(b.shl(load('32', d.at), unused))
      b.set(d.imm, b.select(b.and(flags, ENTRY_SIGNED), b.sar(raw, unused), b.shr(raw, unused)))
      skip(b, d, bytes)
      b.if(b.and(flags, ENTRY_OFFSET), () => {
        b.set(d.disp, d.imm)
        b.set(d.imm, c32(0))
      })
    },
    () => b.set(d.imm, load('8u', entry, ENTRY_CONSTANT)),
  )
  b.if(b.and(flags, ENTRY_X87), () => {
    b.set(d.imm, b.or(b.shl(b.and(d.opcode, 0xff), 8), d.modrm))
    b.if(d.memory, () => {
      const at = b.or(b.shl(b.and(d.opcode, 7), 3), b.and(b.shr(d.modrm, 3), 7))
      b.set(d.extra, load('16u', b.shl(at, 1), DECODE_X87))
    })
  })
}
