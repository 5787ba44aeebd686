/** The processor's registers as everybody outside the engine sees them. */
import type { RegisterView } from '@paragraft/core/machine'
import type { Processor } from './processor.ts'
import * as state from './state.ts'

/** A snapshot, exact at an instruction boundary. */
export function registersOf(cpu: Processor): RegisterView {
  const word = (at: number): number => cpu.u32[at >> 2] as number
  const selector = (index: number): number => word(state.SEG + index * state.SEG_SIZE + state.SEG_SELECTOR) & 0xffff
  return {
    eax: word(state.EAX),
    ecx: word(state.ECX),
    edx: word(state.EDX),
    ebx: word(state.EBX),
    esp: word(state.ESP),
    ebp: word(state.EBP),
    esi: word(state.ESI),
    edi: word(state.EDI),
    eip: word(state.EIP),
    eflags: cpu.getEflags() >>> 0,
    cr0: word(state.CR0),
    cr2: word(state.CR2),
    cr3: word(state.CR3),
    cr4: word(state.CR4),
    es: selector(state.SEG_ES),
    cs: selector(state.SEG_CS),
    ss: selector(state.SEG_SS),
    ds: selector(state.SEG_DS),
    fs: selector(state.SEG_FS),
    gs: selector(state.SEG_GS),
    cpl: word(state.CPL),
  }
}
