/** Control transfers (SDM vol. 2: JMP, Jcc, CALL, RET, LOOP, JCXZ, INT, IRET). Far ones go through helpers. */
import { c32, type Expr } from '../ir/ir.ts'
import { ECX, ESP } from '../state.ts'
import type { Builder } from './builder.ts'
import { CONDITIONS, hex2, type Insn } from './define.ts'

/** Near targets are cut to 16 bits by a 16-bit operand size. */
const near = (b: Builder, v: Expr): Expr => (b.size === 2 ? b.and(v, 0xffff) : v)

function call(b: Builder, target: Expr): void {
  const to = b.let(near(b, target))
  b.checkTarget(to)
  b.push(b.nextEip())
  b.jumpIndirect(to)
}

function loop(mnemonic: string, opcode: string, condition: (b: Builder) => Expr | null): Insn {
  return {
    mnemonic,
    size: 'v',
    addr: true,
    ends: true,
    branch: true,
    encodings: [`${opcode} Jb`],
    semantics(b) {
      const width = b.addr32 ? 4 : 2
      if (mnemonic === 'JCXZ') return b.branchIf(b.eqz(b.gpr(ECX, width)))
      const count = b.let(b.zext(b.sub(b.gpr(ECX, width), 1), width))
      const extra = condition(b)
      const taken = b.let(extra ? b.and(b.bool(count), b.bool(extra)) : b.bool(count))
      b.if(taken, () => b.checkTarget(b.relTarget()))
      b.setGpr(ECX, count, width)
      b.branchIf(taken)
    },
  }
}

/** Far transfers: helpers set EIP, CS and whatever else changes. */
function far(mnemonic: string, encodings: string[], semantics: (b: Builder) => void): Insn {
  return {
    mnemonic,
    size: 'v',
    ends: true,
    encodings,
    semantics(b) {
      semantics(b)
      b.transferred()
    },
  }
}

function farPointer(b: Builder): { selector: Expr; offset: Expr } {
  const ea = b.let(b.ea())
  const offset = b.readMem(b.size, ea, b.seg())
  return { offset, selector: b.readMem(2, b.add(ea, b.size), b.seg()) }
}

export const CONTROL: readonly Insn[] = [
  ...CONDITIONS.map(
    (name, cc): Insn => ({
      mnemonic: `J${name}`,
      size: 'v',
      ends: true,
      branch: true,
      encodings: [`${hex2(0x70 + cc)} Jb`, `0F ${hex2(0x80 + cc)} Jz`],
      semantics: b => b.branchIf(b.cond(cc)),
    }),
  ),
  { mnemonic: 'JMP', size: 'v', ends: true, branch: true, encodings: ['EB Jb', 'E9 Jz'], semantics: b => b.branch() },
  {
    mnemonic: 'JMPN',
    ends: true,
    encodings: ['FF/4 Ev'],
    indirect: true,
    semantics: b => b.jumpIndirect(near(b, b.read(0))),
  },
  {
    mnemonic: 'CALL',
    size: 'v',
    stack: true,
    ends: true,
    branch: true,
    encodings: ['E8 Jz'],
    semantics(b) {
      b.checkTarget(b.relTarget())
      b.push(b.nextEip())
      b.branch()
    },
  },
  {
    mnemonic: 'CALLN',
    stack: true,
    ends: true,
    indirect: true,
    encodings: ['FF/2 Ev'],
    semantics: b => call(b, b.read(0)),
  },
  {
    mnemonic: 'RET',
    size: 'v',
    stack: true,
    ends: true,
    indirect: true,
    encodings: ['C3', 'C2 Iw'],
    semantics(b) {
      const { v, esp } = b.top()
      b.checkTarget(v)
      b.setGpr(ESP, b.form === 'i' ? b.stackAt(b.let(esp), 0).esp : esp, 4)
      if (b.form === 'i') b.setGpr(ESP, b.add(b.gpr(ESP, b.stack32 ? 4 : 2), b.imm()), b.stack32 ? 4 : 2)
      b.jumpIndirect(v)
    },
  },
  loop('LOOPNE', 'E0', b => b.eqz(b.zf())),
  loop('LOOPE', 'E1', b => b.zf()),
  loop('LOOP', 'E2', () => null),
  loop('JCXZ', 'E3', () => null),
  far('CALLF', ['9A Ap'], b => b.callChecked('farCall', b.extra(), b.imm(), c32(b.size), b.nextEip())),
  far('CALLFM', ['FF/3 M'], b => {
    const p = farPointer(b)
    b.callChecked('farCall', p.selector, p.offset, c32(b.size), b.nextEip())
  }),
  far('JMPF', ['EA Ap'], b => b.callChecked('farJump', b.extra(), b.imm(), c32(b.size), b.nextEip())),
  far('JMPFM', ['FF/5 M'], b => {
    const p = farPointer(b)
    b.callChecked('farJump', p.selector, p.offset, c32(b.size), b.nextEip())
  }),
  far('RETF', ['CB', 'CA Iw'], b => b.callChecked('farReturn', b.form === 'i' ? b.imm() : c32(0), c32(b.size))),
  far('IRET', ['CF'], b => b.callChecked('iret', c32(b.size), b.nextEip())),
  far('INT', ['CD Ib'], b => b.callChecked('softwareInterrupt', b.imm(), c32(0), b.nextEip())),
  far('INT3', ['CC'], b => b.callChecked('softwareInterrupt', c32(3), c32(1), b.nextEip())),
  far('INT1', ['F1'], b => b.callChecked('softwareInterrupt', c32(1), c32(2), b.nextEip())),
  {
    mnemonic: 'INTO',
    size: 'v',
    ends: true,
    encodings: ['CE'],
    semantics(b) {
      b.if(b.of(), () => {
        b.callChecked('softwareInterrupt', c32(4), c32(1), b.nextEip())
        b.transferred()
      })
      b.endBlock()
    },
  },
  far('SYSENTER', ['0F 34'], b => b.callChecked('sysenter')),
  far('SYSEXIT', ['0F 35'], b => b.callChecked('sysexit')),
]
