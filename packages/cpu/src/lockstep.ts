/**
 * Two machines side by side: the same program under two engines, compared at exact instruction counts, and the first
 * instruction after which they differ. Machines are made afresh for every closer look, so whatever they are made of must
 * be deterministic.
 */
import { GuestFault } from './context.ts'
import type { Engine } from './engine.ts'
import { physRead } from './mmu/physical.ts'
import type { Processor } from './processor.ts'
import { registerImage } from './register-image.ts'
import * as s from './state.ts'

/** One of the two machines. */
export interface LockstepSubject {
  readonly processor: Processor
  /** Runs until `count` instructions have retired since power-on. False: it ended before. */
  runTo(count: number): boolean
  instructions(): number
}

export interface LockstepOptions {
  /** Instructions between two comparisons at first. Default 1,000,000. */
  chunk?: number
  /** Where to stop when nothing differs. Default: where the program ends. */
  instructions?: number
  /** Called after each comparison of the first pass. */
  progress?: (instructions: number) => void
}

/** Something that differs: a register by name, or RAM by physical address. */
export interface LockstepDifference {
  what: string
  a: string
  b: string
}

export interface Divergence {
  /**
   * Instructions after which both were still alike; the next one made the difference, or one soon after it if the
   * difference cannot be had again with the runs stopped more often.
   */
  instructions: number
  eip: number
  /** Bytes from EIP on, as far as they are mapped. */
  code: number[]
  differences: LockstepDifference[]
  /** Registers of both after the instruction. */
  registersA: Record<string, string>
  registersB: Record<string, string>
}

export interface LockstepResult {
  /** Instructions that were compared. */
  instructions: number
  /** Null: no difference. */
  divergence: Divergence | null
}

const MOST_DIFFERENCES = 32
/** Steps are divided by this each time the machines are run again. */
const NARROWING = 16
const CODE_BYTES = 15

/** A hash (FNV-1a over words) of all registers and all RAM: equal machines, equal numbers. */
export function stateHash(cpu: Processor): number {
  let h = 0x811c9dc5
  for (const text of Object.values(registerImage(cpu))) {
    for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 0x01000193)
  }
  const first = s.RAM >> 2
  for (let i = first; i < first + (cpu.ramSize >> 2); i++) h = Math.imul(h ^ (cpu.u32[i] as number), 0x01000193)
  return h >>> 0
}

/** What differs between two machines, registers first; at most a few dozen entries. */
export function differencesBetween(a: Processor, b: Processor): LockstepDifference[] {
  const differences: LockstepDifference[] = []
  const [ia, ib] = [registerImage(a), registerImage(b)]
  for (const name of Object.keys(ia)) {
    if (ia[name] !== ib[name]) differences.push({ what: name, a: ia[name] as string, b: ib[name] as string })
  }
  if (a.ramSize !== b.ramSize) differences.push({ what: 'RAM size', a: `${a.ramSize}`, b: `${b.ramSize}` })
  const first = s.RAM >> 2
  const [wa, wb] = [a.u32, b.u32]
  for (let i = first; i < first + (a.ramSize >> 2) && differences.length < MOST_DIFFERENCES; i++) {
    if (wa[i] === wb[i]) continue
    const [x, y] = [wa[i] as number, wb[i] as number]
    differences.push({ what: `RAM ${((i - first) * 4).toString(16)}`, a: x.toString(16), b: y.toString(16) })
  }
  return differences
}

/** An engine alone as a subject; `halted` is called on HLT and says whether the machine goes on. */
export function engineSubject(engine: Engine, halted: () => boolean = () => false): LockstepSubject {
  return {
    processor: engine.processor,
    instructions: () => engine.instructions(),
    runTo(count) {
      while (engine.instructions() < count) {
        const why = engine.run(count - engine.instructions())
        if (why === 'shutdown' || why === 'runaway' || (why === 'halt' && !halted())) return false
      }
      return true
    },
  }
}

type Make = () => LockstepSubject | Promise<LockstepSubject>

/**
 * Runs both machines and compares registers and RAM every `chunk` instructions. When they differ, makes them again and
 * looks closer, until the one instruction is found.
 */
export async function runLockstep(makeA: Make, makeB: Make, options: LockstepOptions = {}): Promise<LockstepResult> {
  const limit = options.instructions ?? Number.POSITIVE_INFINITY
  let alike = 0
  let end = limit
  let last: Divergence | null = null
  for (let step = options.chunk ?? 1_000_000; ; step = Math.max(1, Math.floor(step / NARROWING))) {
    const a = await makeA()
    const b = await makeB()
    if (alike > 0) {
      a.runTo(alike)
      b.runTo(alike)
    }
    const found = walk(a, b, alike, end, step, step === (options.chunk ?? 1_000_000) ? options.progress : undefined)
    if (found.differences.length === 0) {
      // A difference that hangs on where the runs were interrupted shows only from afar.
      return { instructions: last === null ? found.alike : last.instructions, divergence: last }
    }
    last = divergence(found, a, b)
    alike = found.alike
    end = found.at
    if (step === 1) return { instructions: alike, divergence: last }
  }
}

interface Found {
  alike: number
  at: number
  eip: number
  code: number[]
  differences: LockstepDifference[]
}

/** Goes from count to count until something differs or both have ended. */
function walk(
  a: LockstepSubject,
  b: LockstepSubject,
  from: number,
  to: number,
  step: number,
  progress?: (n: number) => void,
): Found {
  let alike = from
  for (;;) {
    const at = Math.min(alike + step, to)
    const eip = a.processor.u32[s.EIP >> 2] as number
    const code = step === 1 ? codeAt(a.processor) : []
    const [goesA, goesB] = [a.runTo(at), b.runTo(at)]
    const differences = differencesBetween(a.processor, b.processor)
    const [na, nb] = [a.instructions(), b.instructions()]
    if (na !== nb) differences.unshift({ what: 'instructions', a: `${na}`, b: `${nb}` })
    if (differences.length > 0) return { alike, at, eip, code, differences }
    alike = na
    progress?.(na)
    if (!goesA || !goesB || na >= to) return { alike, at: na, eip, code, differences: [] }
  }
}

function divergence(found: Found, a: LockstepSubject, b: LockstepSubject): Divergence {
  return {
    instructions: found.alike,
    eip: found.eip,
    code: found.code,
    differences: found.differences,
    registersA: registerImage(a.processor),
    registersB: registerImage(b.processor),
  }
}

/** The bytes at CS:EIP, up to the first that cannot be fetched. */
function codeAt(cpu: Processor): number[] {
  const bytes: number[] = []
  const base = cpu.u32[(s.SEG + s.SEG_CS * s.SEG_SIZE + s.SEG_BASE) >> 2] as number
  // Translating sets accessed bits: look only at the page that the next instruction will translate anyway.
  try {
    for (let i = 0; i < CODE_BYTES; i++) {
      const lin = (base + (cpu.u32[s.EIP >> 2] as number) + i) >>> 0
      if (i > 0 && (lin & 0xfff) === 0) break
      bytes.push(physRead(cpu, cpu.translateFetch(lin), 1))
    }
  } catch (fault) {
    if (!(fault instanceof GuestFault)) throw fault
  }
  return bytes
}

/** A divergence as text: where, the bytes, what differs. */
export function describeDivergence(d: Divergence): string {
  const code = d.code.map(byte => byte.toString(16).padStart(2, '0')).join(' ')
  const lines = d.differences.map(({ what, a, b }) => `  ${what}: ${a} / ${b}`)
  return `after ${d.instructions} instructions, at EIP ${d.eip.toString(16)} (${code}):\n${lines.join('\n')}`
}
