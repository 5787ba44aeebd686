/**
 * Runs the guest and hears its cases. A case that ends the guest, or from which nothing more is heard, has failed; the guest
 * is started again behind it, so that one fault has one name.
 */
import type { RunOutcome } from '@paragraft/core'
import type { Subject, SuiteMachine } from '../subject.ts'
import { MEMORY, opCases, opsProgram, type Program } from './program.ts'

/** The guest's two page-table formats, by what its command line says for each. */
export const FORMATS = { 'PAE tables': '', 'two-level tables': 'nopae' } as const
export type Format = keyof typeof FORMATS

/** Through the table, and again when the guest's patcher has rewritten its call sites. */
export const PHASES = { table: 'through the table', patched: 'through patched sites' } as const
export type Phase = keyof typeof PHASES

/** What became of a case in a phase. */
export interface Verdict {
  readonly kind: 'ok' | 'refused' | 'failed'
  /** The guest's reason, or how it ended. */
  readonly why: string
}

/** Verdicts by phase, and there by the case's number. */
export type Verdicts = Readonly<Record<Phase, readonly Verdict[]>>

/** A machine with the guest in it, and what it has said so far. */
export interface Boot {
  readonly machine: SuiteMachine
  /** Whole lines, without line ends. */
  readonly lines: string[]
  /** All that it has written to its console. */
  text(): string
}

const SLICE = 500_000
/** The slowest case waits for 150 ticks of 10 ms; a guest that is not heard for so long is stuck. */
const SILENCE_NS = 4e9
const SILENCE_INSTRUCTIONS = 15_000_000
/** A subject that ends the guest in more cases than this has been understood. */
const MOST_BOOTS = 24

/** A machine of the subject's with the kernel in it, ready to run. `words`: what its command line says. */
export function boot(subject: Subject, ...words: string[]): Promise<Boot> {
  return start(subject, opsProgram, words)
}

/** The same, going on from a snapshot. */
export function bootFrom(subject: Subject, snapshot: Uint8Array, ...words: string[]): Promise<Boot> {
  return start(subject, opsProgram, words, snapshot)
}

/** A machine with a guest of the suite's; a module is for the one with a table. */
export async function start(
  subject: Subject,
  program: Program,
  words: readonly string[],
  snapshot?: Uint8Array,
): Promise<Boot> {
  const lines: string[] = []
  let text = ''
  let partial = ''
  const machine = await subject.createMachine({
    image: program.image,
    imageName: program.name,
    backend: subject.backend,
    ...(subject.backendOptions === undefined ? {} : { backendOptions: subject.backendOptions }),
    ops: program === opsProgram ? (subject.ops ?? []) : [],
    memory: MEMORY,
    commandLine: words.filter(word => word !== '').join(' '),
    ...(snapshot === undefined ? {} : { snapshot }),
    output: bytes => {
      const piece = String.fromCharCode(...bytes)
      text += piece
      const whole = (partial + piece).split(/\r?\n/)
      partial = whole.pop()!
      lines.push(...whole)
    },
  })
  return { machine, lines, text: () => text }
}

/** How a run ended, in words; what the guest said last comes along. */
export function described(outcome: RunOutcome | 'silence', lines: readonly string[]): string {
  const end =
    outcome === 'silence'
      ? 'nothing more was heard of the guest'
      : outcome.kind === 'guestFault'
        ? `the guest stopped: ${outcome.message}`
        : `the guest stopped: ${outcome.kind}`
  const last = lines.filter(line => !line.startsWith('conformance: ')).slice(-4)
  return `${end}; it said last: ${last.join(' / ')}`
}

/**
 * Runs until `enough` of the lines, a stop, or a silence. Returns undefined when it was enough.
 */
export function runUntil({ machine, lines }: Boot, enough: () => boolean): RunOutcome | 'silence' | undefined {
  let heard = lines.length
  let since = { ns: machine.clock.now(), instructions: machine.instructions() }
  for (;;) {
    const outcome = machine.run({ instructions: SLICE, untilVirtualNs: since.ns + SILENCE_NS })
    if (enough()) return undefined
    if (outcome.kind !== 'budget' && outcome.kind !== 'idle') return outcome
    const now = { ns: machine.clock.now(), instructions: machine.instructions() }
    if (lines.length > heard) {
      heard = lines.length
      since = now
    } else if (
      outcome.kind === 'idle' ||
      now.ns - since.ns >= SILENCE_NS ||
      now.instructions - since.instructions >= SILENCE_INSTRUCTIONS
    ) {
      return 'silence'
    }
  }
}

/** The verdicts under one page-table format: of all cases, or of those from `first` to `last`. */
export function runCases(
  subject: Subject,
  format: Format,
  { first = 0, last = opCases.length - 1 }: { first?: number; last?: number } = {},
): Promise<Verdicts> {
  return hearCases<Phase>(['table', 'patched'], { first, last }, ({ table, patched }) =>
    boot(subject, FORMATS[format], `table=${table}`, `patched=${patched}`, `last=${last}`),
  )
}

const REPORT = /^conformance: (\w+): (?:(case|ok|refused|FAILED) (\d+)(?:: (.*))?|done)$/

/** Runs a guest phase by phase; `begin` starts it with those numbers as the first of each phase. */
export async function hearCases<P extends string>(
  phases: readonly P[],
  { first = 0, last }: { first?: number; last: number },
  begin: (from: Readonly<Record<P, number>>) => Promise<Boot>,
): Promise<Record<P, Verdict[]>> {
  const each = <T>(value: () => T) => Object.fromEntries(phases.map(phase => [phase, value()])) as Record<P, T>
  const verdicts = each<Verdict[]>(() => [])
  const next = each(() => first)
  /** Every case without a verdict has failed, for this reason. */
  const everythingElse = (why: string): Record<P, Verdict[]> => {
    for (const phase of phases) {
      for (let number = first; number <= last; number++) verdicts[phase][number] ??= { kind: 'failed', why }
    }
    return verdicts
  }
  for (let boots = 0; boots < MOST_BOOTS; boots++) {
    const guest = await begin(next)
    const done = (phase: P) => guest.lines.includes(`conformance: ${phase}: done`)
    const outcome = runUntil(guest, () => done(phases.at(-1)!))
    const open = hear(guest.lines, verdicts)
    if (outcome === undefined) return verdicts
    const why = described(outcome, guest.lines)
    if (open === undefined) {
      return everythingElse(done(phases[0]!) ? `between two phases: ${why}` : `it did not come so far: ${why}`)
    }
    verdicts[open.phase][open.number] = { kind: 'failed', why }
    // Phases before this one are done.
    for (const phase of phases.slice(0, phases.indexOf(open.phase))) next[phase] = last + 1
    next[open.phase] = open.number + 1
  }
  return everythingElse(`not reached: ${MOST_BOOTS} cases have ended the guest`)
}

/** Enters what the guest reports; returns the case that has begun and not ended. */
function hear<P extends string>(
  lines: readonly string[],
  verdicts: Record<P, Verdict[]>,
): { phase: P; number: number } | undefined {
  let open: { phase: P; number: number } | undefined
  for (const line of lines) {
    const [, phase, word, number, why = ''] = (REPORT.exec(line) ?? []) as (string | undefined)[]
    if (phase === undefined || word === undefined || !Object.hasOwn(verdicts, phase)) continue
    const report = { phase: phase as P, number: Number(number) }
    if (word === 'case') {
      open = report
      continue
    }
    open = undefined
    const kind = word === 'FAILED' ? 'failed' : (word as 'ok' | 'refused')
    verdicts[report.phase][report.number] = { kind, why }
  }
  return open
}
