/**
 * System instructions (SDM vol. 2 and vol. 3A chapter 2): their meaning is in the helpers of sys/; here they get
 * their operands, and the block ends wherever what is decoded next could depend on them.
 */
import { c32, type Expr, load } from '../ir/ir.ts'
import { CPL, EAX, ECX, EDX, HAS_SYSENTER, MSR_SYSENTER_CS } from '../state.ts'
import type { Builder } from './builder.ts'
import type { Insn } from './define.ts'

/** Number of the first of SYSENTER's three MSRs (SDM vol. 4 table 2-2). */
const IA32_SYSENTER_CS = 0x174

function system(
  mnemonic: string,
  encodings: string[],
  semantics: (b: Builder) => void,
  size: Insn['size'] = 'v',
): Insn {
  return {
    mnemonic,
    size,
    ends: true,
    encodings,
    semantics(b) {
      semantics(b)
      b.endBlock()
    },
  }
}

/** The helper sets EIP: a call that goes on is executed again. */
function hypercall(mnemonic: string, encodings: string[], which: number): Insn {
  return {
    mnemonic,
    size: 'd',
    ends: true,
    encodings,
    semantics(b) {
      b.callChecked('hypercall', c32(which), b.nextEip())
      b.transferred()
    },
  }
}

/** One that changes nothing of how code is found or decoded, but may bring the run loop something to look at. */
function exits(mnemonic: string, encodings: string[], semantics: (b: Builder) => void, size: Insn['size'] = 'v'): Insn {
  return {
    mnemonic,
    size,
    resumes: true,
    encodings,
    semantics(b) {
      semantics(b)
      b.resume()
    },
  }
}

/** One that only the processor itself answers: the block goes on. */
function plain(mnemonic: string, encodings: string[], semantics: (b: Builder) => void, size: Insn['size'] = 'v'): Insn {
  return { mnemonic, size, encodings, semantics }
}

/** A descriptor-table register in memory: 16-bit limit, then the base. */
function tableStore(mnemonic: string, digit: number, helper: string): Insn {
  return plain(mnemonic, [`0F 01/${digit} M`], b => {
    const ea = b.let(b.ea())
    b.writeMem(2, ea, b.seg(), b.callChecked(helper, c32(0)))
    b.writeMem(4, b.add(ea, 2), b.seg(), b.call(helper, c32(1)))
  })
}
function tableLoad(mnemonic: string, digit: number, helper: string): Insn {
  return plain(mnemonic, [`0F 01/${digit} M`], b => {
    b.callChecked('checkPrivilege0')
    const ea = b.let(b.ea())
    const limit = b.readMem(2, ea, b.seg())
    const base = b.readMem(4, b.add(ea, 2), b.seg())
    b.callChecked(helper, limit, base, c32(b.size))
  })
}

/** SLDT, STR, SMSW: 16 bits to memory, operand size (zero-extended) to a register. */
function selectorStore(mnemonic: string, encoding: string, helper: string): Insn {
  return plain(mnemonic, [`${encoding} Ev`], b => {
    const v = b.callChecked(helper)
    if (b.isMem(0)) b.write(0, b.and(v, 0xffff), 2)
    else b.setReg(0, v)
  })
}

/** LAR, LSL: the helper answers through ZF, and returns the value. */
function queryDescriptor(mnemonic: string, opcode: string, helper: string): Insn {
  return {
    mnemonic,
    size: 'v',
    encodings: [`0F ${opcode} Gv,Ew`],
    semantics(b) {
      const v = b.callChecked(helper, b.read(1, 2))
      b.if(b.zf(), () => b.setReg(0, v))
    },
  }
}

const input = (mnemonic: string, encodings: string[], port: (b: Builder) => Expr): Insn =>
  exits(mnemonic, encodings, b =>
    b.setGpr(EAX, b.size === 4 ? b.callChecked('ioIn32', port(b)) : b.callChecked('ioIn', port(b), c32(b.size))),
  )
const output = (mnemonic: string, encodings: string[], port: (b: Builder) => Expr): Insn =>
  exits(mnemonic, encodings, b => {
    if (b.size === 4) b.callChecked('ioOut32', port(b), b.gpr(EAX))
    else b.callChecked('ioOut', port(b), c32(b.size), b.gpr(EAX))
  })

/** RDMSR and WRMSR of the three MSRs that context switches write; the others are for sys/msr.ts. */
function sysenterMsr(b: Builder, helper: string, quick: (at: Expr) => void): void {
  const n = b.let(b.sub(b.gpr(ECX, 4), IA32_SYSENTER_CS))
  const allowed = b.and(b.eqz(b.word(CPL)), b.word(HAS_SYSENTER))
  b.if(
    b.and(b.cmp('lt_u', n, 3), allowed),
    () => quick(b.let(b.add(b.shl(n, 3), MSR_SYSENTER_CS))),
    () => void b.callChecked(helper),
  )
}

export const SYSTEM: readonly Insn[] = [
  { ...input('IN', ['E4 Ib'], b => b.imm()), size: 'b' },
  input('INV', ['E5 Ib'], b => b.imm()),
  { ...input('INDX', ['EC'], b => b.gpr(EDX, 2)), size: 'b' },
  input('INVDX', ['ED'], b => b.gpr(EDX, 2)),
  { ...output('OUT', ['E6 Ib'], b => b.imm()), size: 'b' },
  output('OUTV', ['E7 Ib'], b => b.imm()),
  { ...output('OUTDX', ['EE'], b => b.gpr(EDX, 2)), size: 'b' },
  output('OUTVDX', ['EF'], b => b.gpr(EDX, 2)),
  exits('HLT', ['F4'], b => void b.callChecked('hlt')),
  system('CLTS', ['0F 06'], b => void b.callChecked('clts')),
  plain('INVD', ['0F 08'], b => void b.callChecked('wbinvd')),
  plain('WBINVD', ['0F 09'], b => void b.callChecked('wbinvd')),
  system('INVLPG', ['0F 01/7 M'], b => void b.callChecked('invlpg', b.linearUnchecked())),
  tableStore('SGDT', 0, 'storeGdtr'),
  tableStore('SIDT', 1, 'storeIdtr'),
  tableLoad('LGDT', 2, 'lgdt'),
  tableLoad('LIDT', 3, 'lidt'),
  selectorStore('SMSW', '0F 01/4', 'smsw'),
  system('LMSW', ['0F 01/6 Ew'], b => void b.callChecked('lmsw', b.read(0, 2))),
  selectorStore('SLDT', '0F 00/0', 'sldt'),
  selectorStore('STR', '0F 00/1', 'str'),
  exits('LLDT', ['0F 00/2 Ew'], b => void b.callChecked('lldt', b.read(0, 2))),
  exits('LTR', ['0F 00/3 Ew'], b => void b.callChecked('ltr', b.read(0, 2))),
  plain('VERR', ['0F 00/4 Ew'], b => void b.callChecked('verr', b.read(0, 2))),
  plain('VERW', ['0F 00/5 Ew'], b => void b.callChecked('verw', b.read(0, 2))),
  queryDescriptor('LAR', '02', 'lar'),
  queryDescriptor('LSL', '03', 'lsl'),
  {
    mnemonic: 'ARPL',
    size: 'w',
    encodings: ['63 Ew,Gw'],
    semantics(b) {
      b.callChecked('checkProtected')
      const d = b.dst()
      const s = b.read(1)
      const v = b.callChecked('arpl', d, s)
      b.setDst(v)
    },
  },
  plain('MOVFROMCR', ['0F 20 Rd,Cd'], b => b.setReg(0, b.callChecked('readCr', b.regField(1)), 4), 'd'),
  system('MOVTOCR', ['0F 22 Cd,Rd'], b => void b.callChecked('writeCr', b.regField(0), b.reg(1, 4)), 'd'),
  exits('MOVFROMDR', ['0F 21 Rd,Dd'], b => b.setReg(0, b.callChecked('readDr', b.regField(1)), 4), 'd'),
  system('MOVTODR', ['0F 23 Dd,Rd'], b => void b.callChecked('writeDr', b.regField(0), b.reg(1, 4)), 'd'),
  plain('RDTSC', ['0F 31'], b => void b.callChecked('rdtsc')),
  plain('RDPMC', ['0F 33'], b => void b.callChecked('rdpmc')),
  exits('RDMSR', ['0F 32'], b =>
    sysenterMsr(b, 'rdmsr', at => {
      b.setGpr(EAX, load('32', at), 4)
      b.setGpr(EDX, c32(0), 4)
    }),
  ),
  exits('WRMSR', ['0F 30'], b => sysenterMsr(b, 'wrmsr', at => b.store('32', at, b.gpr(EAX, 4)))),
  plain('CPUID', ['0F A2'], b => void b.callChecked('cpuid')),
  plain('BOUND', ['62 Gv,M'], b => {
    const ea = b.let(b.ea())
    const low = b.let(b.ext(b.readMem(b.size, ea, b.seg())))
    const high = b.let(b.ext(b.readMem(b.size, b.add(ea, b.size), b.seg())))
    const v = b.let(b.ext(b.reg(0)))
    b.if(b.or(b.cmp('lt_s', v, low), b.cmp('gt_s', v, high)), () => b.raise(5))
  }),
  // UD2, and the opcode ranges that a processor without them answers with #UD.
  {
    mnemonic: 'UD',
    size: 'd',
    ends: true,
    encodings: ['0F 0B', '0F B9 Ev', '0F FF Ev', '0F AA'],
    semantics: b => b.raise(6),
  },
  // Calls of a hypervisor; #UD where nobody claims them.
  hypercall('VMCALL', ['0F 01:C1'], 0),
  hypercall('VMMCALL', ['0F 01:D9', '66 0F 01:D9'], 1),
  // Outside a graft's stub pages, and above privilege level 0, this is the undefined opcode it always was.
  {
    mnemonic: 'HOSTOP',
    size: 'd',
    ends: true,
    encodings: ['0F 3F Iw'],
    semantics(b) {
      b.callChecked('hostOp', b.imm())
      b.endBlock()
    },
  },
]
