/** Everything that a program can find in registers, by name: what lock-step compares and a snapshot keeps. */
import type { Processor } from './processor.ts'
import * as s from './state.ts'
import { refreshBreakpoints } from './sys/debug.ts'
import { refreshLimits } from './sys/descriptors.ts'

/** Architectural state: name, offset, words. Caches and bookkeeping of the engines are not in it. */
const WORDS: readonly (readonly [string, number, number])[] = [
  ...['EAX', 'ECX', 'EDX', 'EBX', 'ESP', 'EBP', 'ESI', 'EDI'].map((name, n) => [name, s.GPR + 8 * n, 1] as const),
  ['EIP', s.EIP, 1],
  ['CPL', s.CPL, 1],
  ['SHADOW', s.SHADOW, 1],
  ...['ES', 'CS', 'SS', 'DS', 'FS', 'GS', 'LDTR', 'TR'].flatMap((name, n) => {
    const at = s.SEG + n * s.SEG_SIZE
    return [
      [name, at + s.SEG_SELECTOR, 1],
      [`${name}.base`, at + s.SEG_BASE, 1],
      [`${name}.limit`, at + s.SEG_LIMIT, 1],
      [`${name}.attributes`, at + s.SEG_ATTR, 1],
    ] as const
  }),
  ['GDTR.base', s.GDTR_BASE, 1],
  ['GDTR.limit', s.GDTR_LIMIT, 1],
  ['IDTR.base', s.IDTR_BASE, 1],
  ['IDTR.limit', s.IDTR_LIMIT, 1],
  ['CR0', s.CR0, 1],
  ['CR2', s.CR2, 1],
  ['CR3', s.CR3, 1],
  ['CR4', s.CR4, 1],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(n => [`DR${n}`, s.DR + 8 * n, 1] as const),
  ['EFER', s.EFER, 2],
  ['PDPTE', s.PDPTE, 8],
  ['SYSENTER_CS', s.MSR_SYSENTER_CS, 1],
  ['SYSENTER_ESP', s.MSR_SYSENTER_ESP, 1],
  ['SYSENTER_EIP', s.MSR_SYSENTER_EIP, 1],
  ['PAT', s.MSR_PAT, 2],
  ['MISC_ENABLE', s.MSR_MISC_ENABLE, 2],
  ['TSC_OFFSET', s.TSC_OFFSET, 2],
  ['TSC_AUX', s.MSR_TSC_AUX, 2],
  ['A20', s.A20_MASK, 1],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(n => [`FPR${n}`, s.FPR + 16 * n, 3] as const),
  ['FCW', s.FPU_CW, 1],
  ['FSW', s.FPU_SW, 1],
  ['FTOP', s.FPU_TOP, 1],
  ['FTW', s.FPU_TW, 1],
  ['FOP', s.FPU_OPCODE, 1],
  ['FIP', s.FPU_IP, 1],
  ['FCS', s.FPU_CS, 1],
  ['FDP', s.FPU_DP, 1],
  ['FDS', s.FPU_DS, 1],
  ...[0, 1, 2, 3, 4, 5, 6, 7].map(n => [`XMM${n}`, s.XMM + 16 * n, 4] as const),
  ['MXCSR', s.MXCSR, 1],
]

/** All registers by name, in hexadecimal, most significant word first. */
export function registerImage(cpu: Processor): Record<string, string> {
  const image: Record<string, string> = { EFLAGS: (cpu.getEflags() >>> 0).toString(16) }
  for (const [name, at, words] of WORDS) {
    let text = ''
    for (let i = words - 1; i >= 0; i--) text += (cpu.u32[(at >> 2) + i] as number).toString(16).padStart(8, '0')
    image[name] = text
  }
  image.activity = cpu.shutDown ? 'shut down' : cpu.halted ? 'halted' : 'running'
  return image
}

/** Loads what {@link registerImage} gave, hidden parts included, and drops what followed from the registers before. */
export function loadRegisterImage(cpu: Processor, image: Readonly<Record<string, string>>): void {
  for (const [name, at, words] of WORDS) {
    for (let i = 0; i < words; i++) {
      const end = (words - i) * 8
      cpu.u32[(at >> 2) + i] = hexadecimal(name, image[name]?.padStart(words * 8, '0').slice(end - 8, end))
    }
  }
  cpu.setEflags(hexadecimal('EFLAGS', image['EFLAGS']))
  cpu.shutDown = image['activity'] === 'shut down'
  cpu.halted = image['activity'] !== 'running'
  cpu.setCpl(cpu.u32[s.CPL >> 2] & 3)
  cpu.refreshAlignment()
  for (let seg = s.SEG_ES; seg <= s.SEG_TR; seg++) refreshLimits(cpu, seg)
  refreshBreakpoints(cpu)
  cpu.flushTlb('all')
  cpu.attention()
}

function hexadecimal(name: string, text: string | undefined): number {
  if (text === undefined || !/^[0-9a-f]{1,8}$/.test(text)) throw new RangeError(`register ${name} is ${text}`)
  return Number.parseInt(text, 16)
}
