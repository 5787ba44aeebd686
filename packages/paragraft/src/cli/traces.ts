/**
 * `--trace KIND[=FILE]`: what happens during a run, one line each, to a file or to standard error. Every line begins with
 * the count of retired instructions, so that two traces can be laid side by side.
 */
import { closeSync, openSync, writeSync } from 'node:fs'
import { resolve } from 'node:path'
import type { MachineEvent } from '@paragraft/core'
import { ParagraftError } from '@paragraft/core/errors'
import type { MachineConfig } from '../assemble.ts'
import type { PcMachine } from '../machine.ts'
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

interface TraceKind {
  readonly kind: string
  /** What the machine has to be built with. */
  options?(sink: Sink): Pick<MachineConfig, 'onIo' | 'onOpCall'>
  /** What is asked of the machine once it is there. */
  attach?(sink: Sink, machine: PcMachine): void
}

function eventText(event: MachineEvent): string {
  switch (event.kind) {
    case 'installed':
      return `installed slot ${event.slot} ${event.op} owner ${event.owner}`
    case 'patched':
      return `patched 0x${event.va.toString(16)} slot ${event.slot}`
    case 'report':
      return `report ${event.key}: ${event.message}`
    case 'stop':
      return `stop ${stopText(event.reason)}`
  }
}

const hex = (value: number): string => value.toString(16)

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
]

/** The traces of one run. */
export interface OpenTraces {
  machineOptions: Pick<MachineConfig, 'onIo' | 'onOpCall'>
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
  return {
    machineOptions: Object.assign({}, ...open.map(({ kind, sink }) => kind.options?.(sink))),
    attach(machine) {
      for (const { kind, sink } of open) kind.attach?.(sink, machine)
    },
    close() {
      for (const { sink } of open) sink.close()
    },
  }
}

function sinkTo(file: string | undefined, world: World): Sink {
  if (file === undefined) return new Sink(world.stderr, () => {})
  const path = resolve(world.cwd, file)
  try {
    const fd = openSync(path, 'w')
    return new Sink(
      text => writeSync(fd, text),
      () => closeSync(fd),
    )
  } catch (cause) {
    throw new ParagraftError('PG_FILE', `the trace ${file} could not be written: ${(cause as Error).message}`, {
      fields: { file: path },
      hint: 'Check the path given with --trace.',
      cause,
    })
  }
}
