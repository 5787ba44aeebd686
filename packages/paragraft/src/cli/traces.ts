/**
 * `--trace KIND[=FILE]`: what happens during a run, one line each, to a file or to standard error. Every line begins with
 * the count of retired instructions, so that two traces can be laid side by side.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import type { MachineEvent, RegisterView } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import type { RegionEvent } from '@paragraft/cpu'
import type { PcMachine } from '../machine.ts'
import type { MachineConfig } from '../machine-config.ts'
import { stopText } from './said.ts'
import type { TraceSetting } from './settings.ts'
import { usageError, type World } from './usage.ts'

/** Buffered lines are written out when so many bytes have come together. */
const FLUSH_BYTES = 1 << 16

class Sink {
  readonly #write: (text: string) => void
  readonly #close: () => void
  #buffer = ''

  constructor(write: (text: string) => void, close: () => void) {
    this.#write = write
    this.#close = close
  }

  line(text: string): void {
    this.#buffer += `${text}\n`
    if (this.#buffer.length >= FLUSH_BYTES) this.flush()
  }

  flush(): void {
    if (this.#buffer !== '') this.#write(this.#buffer)
    this.#buffer = ''
  }

  close(): void {
    this.flush()
    this.#close()
  }
}

/** The machine's hooks that traces use. */
type Hooks = Pick<MachineConfig, 'onIo' | 'onOpCall' | 'onInstruction' | 'onEngine'>

interface TraceKind {
  readonly kind: string
  /** What the machine has to be built with; `machine` gives it once it is there. */
  options?(sink: Sink, machine: () => PcMachine): Hooks
  /** What is asked of the machine once it is there. */
  attach?(sink: Sink, machine: PcMachine): void
}

function eventText(event: MachineEvent): string {
  switch (event.kind) {
    case 'installed':
      return `installed slot ${event.slot} ${event.op} owner ${event.owner}`
    case 'report':
      return `report ${event.key}: ${event.message}`
    case 'stop':
      return `stop ${stopText(event.reason)}`
  }
}

const hex = (value: number): string => value.toString(16)

const word = (value: number): string => (value >>> 0).toString(16).padStart(8, '0')

/** The flag letters of QEMU's register dump, each in its place or a dash. */
const FLAG_LETTERS: readonly (readonly [number, string])[] = [
  [0x400, 'D'],
  [0x800, 'O'],
  [0x80, 'S'],
  [0x40, 'Z'],
  [0x10, 'A'],
  [0x4, 'P'],
  [0x1, 'C'],
]

/**
 * Registers in the first three lines of QEMU's `-d cpu`, so that a trace of ours and one of `qemu-system-i386
 * -singlestep -d cpu,nochain` can be compared line by line.
 */
function cpuText(eip: number, r: RegisterView): string {
  const flags = FLAG_LETTERS.map(([bit, letter]) => (r.eflags & bit ? letter : '-')).join('')
  return [
    `EAX=${word(r.eax)} EBX=${word(r.ebx)} ECX=${word(r.ecx)} EDX=${word(r.edx)}`,
    `ESI=${word(r.esi)} EDI=${word(r.edi)} EBP=${word(r.ebp)} ESP=${word(r.esp)}`,
    `EIP=${word(eip)} EFL=${word(r.eflags)} [${flags}] CPL=${r.cpl} II=0 A20=1 SMM=0 HLT=0`,
  ].join('\n')
}

/** A region of translated code: what is in it, and how often its code ends for which reason. */
function regionText({ kind, eip, blocks, instructions, ends }: RegionEvent): string {
  const reasons = Object.entries(ends).map(([reason, count]) => `${reason} ${count}`)
  const what = `${blocks} blocks, ${instructions} instructions`
  return `${kind} ${word(eip)}: ${what}${reasons.length > 0 ? `; ends: ${reasons.join(', ')}` : ''}`
}

/** One entry for each kind of trace. */
const KINDS: readonly TraceKind[] = [
  {
    kind: 'events',
    attach(sink, machine) {
      machine.on(event => sink.line(`${event.instructions} ${eventText(event)}`))
    },
  },
  {
    kind: 'io',
    options: sink => ({
      onIo: ({ instructions, write, port, size, value }) =>
        sink.line(`${instructions} ${write ? 'out' : 'in'} ${hex(port)} ${size} ${hex(value)}`),
    }),
  },
  {
    kind: 'calls',
    options: sink => ({
      onOpCall: ({ instructions, slot, op, returnAddress }) =>
        sink.line(`${instructions} call slot ${slot} ${op} from ${hex(returnAddress)}`),
    }),
  },
  {
    kind: 'exec',
    options: (sink, machine) => ({
      onInstruction: eip => sink.line(`${machine().instructions()} ${word(eip)}`),
    }),
  },
  {
    kind: 'cpu',
    options: (sink, machine) => ({
      onInstruction: eip => sink.line(cpuText(eip, machine().registers())),
    }),
  },
  {
    kind: 'translate',
    options: sink => ({
      onEngine(engine) {
        if (engine.translator === null) {
          sink.line(`0 the ${engine.kind} engine translates nothing`)
          return
        }
        engine.translator.observer = event => sink.line(`${engine.instructions()} ${regionText(event)}`)
      },
    }),
  },
]

/** The traces of one run. */
export interface OpenTraces {
  machineOptions: Hooks
  attach(machine: PcMachine): void
  close(): void
}

/** Opens the files of all traces that were asked for. Throws `PG_USAGE` for unknown kinds, `PG_FILE` for files. */
export function openTraces(settings: readonly TraceSetting[], world: World): OpenTraces {
  const chosen = settings.map(({ kind, file }) => {
    const found = KINDS.find(candidate => candidate.kind === kind)
    if (found === undefined) {
      throw usageError(`there is no trace ${kind}`, `The kinds are ${KINDS.map(item => item.kind).join(', ')}.`, {
        kind,
      })
    }
    return { kind: found, file }
  })
  const open = chosen.map(({ kind, file }) => ({ kind, sink: sinkTo(file, world) }))
  let built: PcMachine
  return {
    machineOptions: Object.assign({}, ...open.map(({ kind, sink }) => kind.options?.(sink, () => built))),
    attach(machine) {
      built = machine
      for (const { kind, sink } of open) kind.attach?.(sink, machine)
    },
    close() {
      for (const { sink } of open) sink.close()
    },
  }
}

function sinkTo(file: string | undefined, world: World): Sink {
  if (file === undefined) return new Sink(world.stderr, () => {})
  try {
    const fd = openSync(file, 'w')
    return new Sink(
      text => writeSync(fd, text),
      () => closeSync(fd),
    )
  } catch (cause) {
    throw new ParagraftError('PG_FILE', `the trace ${file} could not be written: ${(cause as Error).message}`, {
      fields: { file },
      hint: 'Check the path given with --trace.',
      cause,
    })
  }
}
