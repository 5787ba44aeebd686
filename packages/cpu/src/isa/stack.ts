/** The stack (SDM vol. 2: PUSH, POP, PUSHA, POPA, ENTER, LEAVE). */
import { c32 } from '../ir/ir.ts'
import {
  EAX,
  EBP,
  EBX,
  ECX,
  EDI,
  EDX,
  ESI,
  ESP,
  MODE,
  SEG,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_SELECTOR,
  SEG_SIZE,
  SEG_SS,
} from '../state.ts'
import type { Builder } from './builder.ts'
import type { Insn } from './define.ts'

const SREG = [
  ['ES', '06', '07', SEG_ES],
  ['CS', '0E', '', SEG_CS],
  ['SS', '16', '17', SEG_SS],
  ['DS', '1E', '1F', SEG_DS],
  ['FS', '0F A0', '0F A1', SEG_FS],
  ['GS', '0F A8', '0F A9', SEG_GS],
] as const

function pushAll(b: Builder): void {
  const esp = b.let(b.gpr(ESP, 4))
  const regs = [EAX, ECX, EDX, EBX, ESP, EBP, ESI, EDI]
  // If any page faults, nothing has been committed to ESP.
  for (let i = 0; i < 8; i++) {
    const v = regs[i] === ESP ? esp : b.gpr(regs[i])
    b.writeMem(b.size, b.stackAt(esp, -b.size * (i + 1)).offset, b.ss(), v)
  }
  b.setGpr(ESP, b.stackAt(esp, -b.size * 8).esp, 4)
}

function popAll(b: Builder): void {
  const esp = b.let(b.gpr(ESP, 4))
  const regs = [EDI, ESI, EBP, ESP, EBX, EDX, ECX, EAX]
  const values = regs.map((_, i) => b.readMem(b.size, b.stackAt(esp, b.size * i).offset, b.ss()))
  for (const [i, at] of regs.entries()) if (at !== ESP) b.setGpr(at, values[i])
  b.setGpr(ESP, b.stackAt(esp, b.size * 8).esp, 4)
}

export const STACK: readonly Insn[] = [
  {
    mnemonic: 'PUSH',
    stack: true,
    encodings: ['50+r Zv', 'FF/6 Ev'],
    semantics: b => b.push(b.read(0)),
  },
  { mnemonic: 'PUSHI', stack: true, size: 'v', encodings: ['68 Iz', '6A Ibs'], semantics: b => b.push(b.imm()) },
  {
    mnemonic: 'POP',
    stack: true,
    popAddress: true,
    encodings: ['58+r Zv', '8F/0 Ev'],
    semantics(b) {
      const { v, esp } = b.top()
      if (b.isMem(0)) {
        b.write(0, v)
        b.setGpr(ESP, esp, 4)
      } else {
        b.setGpr(ESP, esp, 4)
        b.setReg(0, v)
      }
    },
  },
  ...SREG.map(
    ([name, push, , seg]): Insn => ({
      mnemonic: `PUSH${name}`,
      stack: true,
      size: 'v',
      encodings: [push],
      semantics: b => b.push(b.and(b.word(SEG + seg * SEG_SIZE + SEG_SELECTOR), 0xffff)),
    }),
  ),
  ...SREG.filter(([name]) => name !== 'CS').map(
    ([name, , pop, seg]): Insn => ({
      mnemonic: `POP${name}`,
      stack: true,
      size: 'v',
      resumes: true,
      encodings: [pop],
      semantics(b) {
        const mode = b.let(b.word(MODE))
        const { v, esp } = b.top()
        b.callChecked('loadSegment', c32(seg), b.and(v, 0xffff))
        b.setGpr(ESP, esp, 4)
        if (seg === SEG_SS) b.shadow()
        b.resumeIn(mode)
      },
    }),
  ),
  { mnemonic: 'PUSHA', stack: true, size: 'v', encodings: ['60'], semantics: pushAll },
  { mnemonic: 'POPA', stack: true, size: 'v', encodings: ['61'], semantics: popAll },
  {
    mnemonic: 'LEAVE',
    stack: true,
    size: 'v',
    encodings: ['C9'],
    semantics(b) {
      const ebp = b.let(b.gpr(EBP, 4))
      const v = b.readMem(b.size, b.stackAt(ebp, 0).offset, b.ss())
      const esp = b.stack32 ? ebp : b.or(b.and(b.gpr(ESP, 4), ~0xffff), b.and(ebp, 0xffff))
      b.setGpr(ESP, b.stackAt(b.let(esp), b.size).esp, 4)
      b.setGpr(EBP, v)
    },
  },
  {
    mnemonic: 'ENTER',
    stack: true,
    size: 'v',
    encodings: ['C8 Iw,Ib'],
    semantics: b => void b.callChecked('enter', c32(b.size), b.imm(), b.extra(), c32(b.stack32 ? 1 : 0)),
  },
]
