/** What this package's tests share: a processor that follows a script instead of executing code. Not exported. */
import type { RegisterView } from '@paragraft/core'
import type { RunnableProcessor } from './scheduler.ts'

export const NO_REGISTERS: RegisterView = {
  eax: 0,
  ecx: 0,
  edx: 0,
  ebx: 0,
  esp: 0,
  ebp: 0,
  esi: 0,
  edi: 0,
  eip: 0,
  eflags: 0x202,
  cr0: 0,
  cr2: 0,
  cr3: 0,
  cr4: 0,
  es: 0,
  cs: 0,
  ss: 0,
  ds: 0,
  fs: 0,
  gs: 0,
  cpl: 0,
}

/** Runs instruction by instruction; `at` maps an instruction count to what happens there. */
export class ScriptedProcessor implements RunnableProcessor {
  /** Called before the instruction with this number (0-based) retires. */
  readonly at = new Map<number, () => unknown>()
  halted = false
  eflags = 0x202
  awaited: () => boolean = () => false
  #count = 0
  #exit = false
  #shortened = 0

  run(maxInstructions: number): 'budget' | 'halt' | 'shutdown' | 'runaway' | 'exit' {
    this.#exit = false
    this.#shortened = 0
    for (let left = maxInstructions; left - this.#shortened > 0; left--) {
      if (this.halted) return 'halt'
      const result = this.at.get(this.#count)?.()
      this.#count++
      if (result === 'halt') {
        this.halted = true
        return 'halt'
      }
      if (result === 'shutdown' || result === 'runaway') return result
      if (this.#exit) return 'exit'
    }
    return 'budget'
  }

  instructions(): number {
    return this.#count
  }

  shorten(count: number): void {
    this.#shortened += count
  }

  requestExit(): void {
    this.#exit = true
  }

  registers(): RegisterView {
    return { ...NO_REGISTERS, eflags: this.eflags }
  }
}
