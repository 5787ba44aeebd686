/** Data movement (SDM vol. 2: MOV, MOVZX, MOVSX, XCHG, LEA, XLAT, conversions, far pointer loads, flag moves). */
import { c32, load } from '../ir/ir.ts'
import {
  EAX,
  EBX,
  EDX,
  EFLAGS_SYS,
  FLAG_DF,
  MODE,
  SEG,
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

const SEG_SHIFT = Math.log2(SEG_SIZE)

function extend(mnemonic: string, opcodes: [string, string], signed: boolean): Insn[] {
  return ([1, 2] as const).map((from, i) => ({
    mnemonic: `${mnemonic}${from * 8}`,
    encodings: [`0F ${opcodes[i]} Gv,${from === 1 ? 'Eb' : 'Ew'}`],
    semantics(b: Builder) {
      const v = b.read(1, from)
      b.setReg(0, signed ? b.ext(v, from) : v)
    },
  }))
}

/** LDS and kin: the segment register is loaded, with its checks, before the general register is written. */
function loadFar(mnemonic: string, encoding: string, seg: number): Insn {
  return {
    mnemonic,
    encodings: [`${encoding} Gv,M`],
    resumes: true,
    semantics(b) {
      const mode = b.let(b.word(MODE))
      const ea = b.let(b.ea())
      const offset = b.readMem(b.size, ea, b.seg())
      const selector = b.readMem(2, b.add(ea, b.size), b.seg())
      b.callChecked('loadSegment', c32(seg), selector)
      b.setReg(0, offset)
      b.resumeIn(mode)
    },
  }
}

const flagOp = (mnemonic: string, opcode: string, semantics: (b: Builder) => void): Insn => ({
  mnemonic,
  size: 'd',
  encodings: [opcode],
  semantics,
})

export const MOVE: readonly Insn[] = [
  {
    mnemonic: 'MOV',
    encodings: [
      '88 Eb,Gb',
      '89 Ev,Gv',
      '8A Gb,Eb',
      '8B Gv,Ev',
      'A0 AL,Ob',
      'A1 eAX,Ov',
      'A2 Ob,AL',
      'A3 Ov,eAX',
      'B0+r Zb,Ib',
      'B8+r Zv,Iz',
      'C6/0 Eb,Ib',
      'C7/0 Ev,Iz',
    ],
    semantics: b => b.write(0, b.read(1)),
  },
  {
    mnemonic: 'MOVSREG',
    encodings: ['8C Ev,Sw'],
    semantics(b) {
      const selector = b.let(b.and(load('32', b.shl(b.regField(1), SEG_SHIFT), SEG + SEG_SELECTOR), 0xffff))
      // A register takes the selector zero-extended; memory always gets 16 bits.
      if (b.isMem(0)) b.write(0, selector, 2)
      else b.setReg(0, selector)
    },
  },
  {
    mnemonic: 'MOVTOSREG',
    encodings: ['8E Sw,Ew'],
    resumes: true,
    size: 'w',
    semantics(b) {
      const mode = b.let(b.word(MODE))
      const seg = b.let(b.regField(0))
      b.callChecked('loadSegment', seg, b.read(1, 2))
      b.if(b.cmp('eq', seg, SEG_SS), () => b.shadow())
      b.resumeIn(mode)
    },
  },
  ...extend('MOVZX', ['B6', 'B7'], false),
  ...extend('MOVSX', ['BE', 'BF'], true),
  {
    mnemonic: 'XCHG',
    lock: true,
    encodings: ['86 Eb,Gb', '87 Ev,Gv', '90+r Zv,eAX'],
    semantics(b) {
      const r = b.let(b.reg(1))
      const v = b.dst()
      b.setDst(r)
      b.setReg(1, v)
    },
  },
  { mnemonic: 'LEA', encodings: ['8D Gv,M'], semantics: b => b.setReg(0, b.ea()) },
  {
    mnemonic: 'XLAT',
    size: 'b',
    addr: true,
    encodings: ['D7'],
    semantics(b) {
      const ea = b.add(b.gpr(EBX, 4), b.gpr(EAX, 1))
      b.setGpr(EAX, b.readMem(1, b.addr32 ? ea : b.and(ea, 0xffff), b.seg()), 1)
    },
  },
  {
    // Undocumented, and in every processor since the 8086: AL becomes CF all over.
    mnemonic: 'SALC',
    size: 'b',
    encodings: ['D6'],
    semantics: b => b.setGpr(EAX, b.sub(c32(0), b.cf()), 1),
  },
  {
    mnemonic: 'CBW',
    size: 'v',
    encodings: ['98'],
    semantics: b =>
      b.size === 2 ? b.setGpr(EAX, b.ext(b.gpr(EAX, 1), 1), 2) : b.setGpr(EAX, b.ext(b.gpr(EAX, 2), 2), 4),
  },
  {
    mnemonic: 'CWD',
    size: 'v',
    encodings: ['99'],
    semantics: b => b.setGpr(EDX, b.sar(b.ext(b.gpr(EAX)), 31)),
  },
  loadFar('LES', 'C4', SEG_ES),
  loadFar('LDS', 'C5', SEG_DS),
  loadFar('LSS', '0F B2', SEG_SS),
  loadFar('LFS', '0F B4', SEG_FS),
  loadFar('LGS', '0F B5', SEG_GS),
  flagOp('CLC', 'F8', b => b.setCarryOverflow(c32(0), b.of())),
  flagOp('STC', 'F9', b => b.setCarryOverflow(c32(1), b.of())),
  flagOp('CMC', 'F5', b => b.setCarryOverflow(b.xor(b.cf(), 1), b.of())),
  flagOp('CLD', 'FC', b => b.setWord(EFLAGS_SYS, b.and(b.word(EFLAGS_SYS), ~FLAG_DF))),
  flagOp('STD', 'FD', b => b.setWord(EFLAGS_SYS, b.or(b.word(EFLAGS_SYS), FLAG_DF))),
  flagOp('LAHF', '9F', b => {
    const low = b.or(b.cf(), b.or(b.shl(b.pf(), 2), b.shl(b.af(), 4)))
    b.setGpr(EAX + 1, b.or(b.or(low, b.or(b.shl(b.zf(), 6), b.shl(b.sf(), 7))), 2), 1)
  }),
  flagOp('SAHF', '9E', b => {
    const ah = b.let(b.gpr(EAX + 1, 1))
    const at = (n: number) => b.and(b.shr(ah, n), 1)
    const nz = b.let(b.xor(at(6), 1))
    const cf = b.let(at(0))
    const of = b.let(b.of())
    const parity = b.shl(b.xor(nz, b.xor(at(2), 1)), 8)
    const carry = b.or(b.shl(cf, 31), b.shl(b.xor(cf, of), 30))
    b.setFlags(nz, b.or(b.or(carry, parity), b.or(b.shl(at(4), 3), at(7))))
  }),
  // Multi-byte NOP, and the hint space that behaves as NOP with a modrm (prefetches among it).
  {
    mnemonic: 'NOP',
    encodings: [
      '90',
      '0F 18 Ev',
      '0F 19 Ev',
      '0F 1A Ev',
      '0F 1B Ev',
      '0F 1C Ev',
      '0F 1D Ev',
      '0F 1E Ev',
      '0F 1F Ev',
      '0F 0D Ev',
    ],
    size: 'v',
    semantics: () => {},
  },
]
