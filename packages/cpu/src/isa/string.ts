/**
 * String instructions (SDM vol. 2: MOVS, STOS, LODS, SCAS, CMPS, INS, OUTS). Single ones are written here; repeated
 * ones run in helpers that work a page at a time and may stop half way, with the registers telling how far they came.
 */
import { c32, type Expr } from '../ir/ir.ts'
import { EAX, EDI, EFLAGS_SYS, ESI, FLAG_DF, SCRATCH, SEG, SEG_ES, SEG_SIZE } from '../state.ts'
import type { Builder } from './builder.ts'
import type { Insn } from './define.ts'

const ES = c32(SEG + SEG_ES * SEG_SIZE)

const index = (b: Builder, at: number): Expr => b.let(b.gpr(at, b.addr32 ? 4 : 2))
function advance(b: Builder, at: number, from: Expr): void {
  const down = b.and(b.word(EFLAGS_SYS), FLAG_DF)
  b.setGpr(at, b.add(from, b.select(down, c32(-b.size), c32(b.size))), b.addr32 ? 4 : 2)
}

function string(mnemonic: string, opcodes: [string, string], semantics: (b: Builder) => void): Insn[] {
  return opcodes.map((encoding, i) => ({
    mnemonic,
    size: i === 0 ? 'b' : 'v',
    addr: true,
    encodings: [encoding],
    semantics,
  }))
}

/** What a repeat helper answers: finished (else more iterations are due at the same EIP), and has compared. */
export const REP_DONE = 1
export const REP_COMPARED = 2

function repeated(mnemonic: string, opcodes: [string, string], prefixes: readonly string[], helper: string): Insn[] {
  return prefixes.flatMap(prefix =>
    opcodes.map(
      (opcode, i): Insn => ({
        mnemonic: `${prefix === 'F2' ? 'REPNE' : 'REP'} ${mnemonic}`,
        size: i === 0 ? 'b' : 'v',
        addr: true,
        ends: true,
        encodings: [`${prefix} ${opcode}`],
        semantics(b) {
          const status = b.callChecked(
            helper,
            c32(b.size),
            b.seg(),
            c32(b.addr32 ? 1 : 0),
            c32(prefix === 'F2' ? 1 : 0),
          )
          if (helper === 'repCmps' || helper === 'repScas') {
            // The last pair compared waits in SCRATCH; flags change only if there was one.
            b.if(b.and(status, REP_COMPARED), () => {
              const a = b.let(b.word(SCRATCH))
              const s = b.let(b.word(SCRATCH + 4))
              b.flagsSub(a, s, b.let(b.sub(a, s)))
            })
          }
          b.if(b.eqz(b.and(status, REP_DONE)), () => b.exit('lookup'))
          b.endBlock()
        },
      }),
    ),
  )
}

/** INS and OUTS: one helper for single and repeated forms, since each element is an exit anyway. */
function portString(mnemonic: string, opcodes: [string, string], helper: string): Insn[] {
  return ['', 'F3 ', 'F2 '].flatMap(prefix =>
    opcodes.map(
      (opcode, i): Insn => ({
        mnemonic: `${prefix === '' ? '' : prefix === 'F2 ' ? 'REPNE ' : 'REP '}${mnemonic}`,
        size: i === 0 ? 'b' : 'v',
        addr: true,
        ends: true,
        encodings: [`${prefix}${opcode}`],
        semantics(b) {
          const rep = prefix === '' ? 0 : 1
          const done = b.callChecked(helper, c32(b.size), b.seg(), c32(b.addr32 ? 1 : 0), c32(rep))
          b.if(b.eqz(b.and(done, REP_DONE)), () => b.exit('lookup'))
          b.endBlock()
        },
      }),
    ),
  )
}

export const STRING: readonly Insn[] = [
  ...string('MOVS', ['A4', 'A5'], b => {
    const si = index(b, ESI)
    const di = index(b, EDI)
    b.writeMem(b.size, di, ES, b.readMem(b.size, si, b.seg()))
    advance(b, ESI, si)
    advance(b, EDI, di)
  }),
  ...string('CMPS', ['A6', 'A7'], b => {
    const si = index(b, ESI)
    const di = index(b, EDI)
    const a = b.readMem(b.size, si, b.seg())
    const s = b.readMem(b.size, di, ES)
    b.flagsSub(a, s, b.let(b.sub(a, s)))
    advance(b, ESI, si)
    advance(b, EDI, di)
  }),
  ...string('STOS', ['AA', 'AB'], b => {
    const di = index(b, EDI)
    b.writeMem(b.size, di, ES, b.gpr(EAX))
    advance(b, EDI, di)
  }),
  ...string('LODS', ['AC', 'AD'], b => {
    const si = index(b, ESI)
    b.setGpr(EAX, b.readMem(b.size, si, b.seg()))
    advance(b, ESI, si)
  }),
  ...string('SCAS', ['AE', 'AF'], b => {
    const di = index(b, EDI)
    const a = b.let(b.gpr(EAX))
    const s = b.readMem(b.size, di, ES)
    b.flagsSub(a, s, b.let(b.sub(a, s)))
    advance(b, EDI, di)
  }),
  ...repeated('MOVS', ['A4', 'A5'], ['F3', 'F2'], 'repMovs'),
  ...repeated('CMPS', ['A6', 'A7'], ['F3', 'F2'], 'repCmps'),
  ...repeated('STOS', ['AA', 'AB'], ['F3', 'F2'], 'repStos'),
  ...repeated('LODS', ['AC', 'AD'], ['F3', 'F2'], 'repLods'),
  ...repeated('SCAS', ['AE', 'AF'], ['F3', 'F2'], 'repScas'),
  ...portString('INS', ['6C', '6D'], 'ins'),
  ...portString('OUTS', ['6E', '6F'], 'outs'),
]
