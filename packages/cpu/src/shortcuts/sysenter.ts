/** SYSENTER and SYSEXIT (SDM vol. 2; vol. 3A 5.8.7) where both rings' segments are flat, as they load them. */
import { c32, type Expr } from '../ir/ir.ts'
import {
  CPL,
  ECX,
  EDX,
  EFLAGS_SYS,
  EIP,
  ESP,
  FLAG_IF,
  FLAG_RF,
  HAS_SYSENTER,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  SEG,
  SEG_CS,
  SEG_SIZE,
  SEG_SS,
} from '../state.ts'
import { FLAT_CODE, FLAT_DATA } from '../sys/sysenter.ts'
import { type Shortcut, type ShortcutBuilder, shortcut } from './module.ts'
import { requirePlain, requireSame, type Shape, setLevel, setSame, systemFlags } from './tables.ts'

const CS = c32(SEG + SEG_CS * SEG_SIZE)
const SS = c32(SEG + SEG_SS * SEG_SIZE)

/** Enters level `level` at `eip` on `esp`, with CS and SS so many bytes after the MSR's selector; `cleared` of the flags. */
function enter(b: ShortcutBuilder, level: 0 | 3, offset: number, eip: number, esp: number, cleared: number): void {
  const flags = systemFlags(b)
  requirePlain(b, flags)
  const cs = b.let(b.and(b.word(MSR_SYSENTER_CS), 0xfffc))
  b.declineIf(b.or(b.eqz(b.word(HAS_SYSENTER)), b.eqz(cs)))
  const flat = (hi: number): Shape => ({ base: c32(0), limit: c32(-1), hi: c32(hi | (level << 13)) })
  const [code, data] = [flat(FLAT_CODE), flat(FLAT_DATA)]
  requireSame(b, CS, code)
  requireSame(b, SS, data)
  const selector = (at: number): Expr => b.or(b.and(b.add(cs, at), 0xfffc), level)
  setSame(b, CS, selector(offset), code)
  setSame(b, SS, selector(offset + 8), data)
  setLevel(b, c32(level))
  b.setWord(EFLAGS_SYS, b.and(flags, ~cleared))
  b.setWord(ESP, b.word(esp))
  b.setWord(EIP, b.word(eip))
  b.answer(0)
}

export const SYSENTER: readonly Shortcut[] = [
  shortcut('sysenter', 0, b => enter(b, 0, 0, MSR_SYSENTER_EIP, MSR_SYSENTER_ESP, FLAG_IF | FLAG_RF)),
  shortcut('sysexit', 0, b => {
    b.declineIf(b.word(CPL))
    enter(b, 3, 16, EDX, ECX, 0)
  }),
]
