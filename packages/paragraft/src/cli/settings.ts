/**
 * What a run is asked to be: the command line's options over a config file's, checked and with nothing left open. The
 * config file's keys have the options' names, so that one table describes both.
 */
import { parseArgs } from 'node:util'
import type { Backend, BackendOptionValues, InputArrival, OpsModule } from '@paragraft/core'
import { ENGINES, type EngineName, type ParagraftConfig } from '../config.ts'
import { splitBackendOptions } from './backend-options.ts'
import { NET_KINDS, type NetKind } from './networks.ts'
import { parseSeconds, parseSize } from './quantities.ts'
import { usageError } from './usage.ts'

/** One boot module as asked for. */
export interface ModuleSetting {
  file: string
  /** Its command line; the file's name comes first, as boot loaders do it. */
  commandLine: string
}

/** One trace as asked for. */
export interface TraceSetting {
  kind: string
  /** Standard error if absent. */
  file?: string
}

/** The network interface as asked for. */
export interface NetSetting {
  kind: NetKind
  /** Captures the frames of both directions into this file. */
  capture?: string
}

/** Everything about a run, decided. */
export interface RunSettings {
  image: string
  backend: string | Backend
  backendOptions: BackendOptionValues
  ops: (string | OpsModule)[]
  memory: number
  append: string | undefined
  initrd: string | undefined
  modules: ModuleSetting[]
  disk: string | undefined
  net: NetSetting | undefined
  until: string | undefined
  timeout: number | undefined
  screen: boolean
  report: string | undefined
  traces: TraceSetting[]
  engine: EngineName
  nsPerInstruction: number | undefined
  replay: InputArrival[] | undefined
}

const RUN_OPTIONS = {
  config: { type: 'string' },
  backend: { type: 'string' },
  'backend-option': { type: 'string', multiple: true },
  ops: { type: 'string', multiple: true },
  memory: { type: 'string' },
  append: { type: 'string' },
  initrd: { type: 'string' },
  module: { type: 'string', multiple: true },
  disk: { type: 'string' },
  net: { type: 'string' },
  until: { type: 'string' },
  timeout: { type: 'string' },
  screen: { type: 'boolean' },
  report: { type: 'string' },
  trace: { type: 'string', multiple: true },
  engine: { type: 'string' },
} as const

/** Options as typed: strings, not yet checked. */
export interface RunArguments {
  image: string
  config: string | undefined
  options: ParagraftConfig
}

/** Splits the command line of `paragraft run`. Throws `PG_USAGE`. */
export function parseRunArguments(argv: string[]): RunArguments {
  const { values, positionals } = parse(() =>
    parseArgs({ args: argv, options: RUN_OPTIONS, allowPositionals: true, strict: true }),
  )
  const image = onePositional(positionals, 'run', 'an image')
  const { config, timeout, engine, 'backend-option': backendOption, ...rest } = values
  const options: ParagraftConfig = { ...rest }
  if (backendOption !== undefined) options.backendOptions = splitBackendOptions(backendOption)
  if (timeout !== undefined) options.timeout = parseSeconds(timeout, '--timeout')
  if (engine !== undefined) options.engine = engine as EngineName
  return { image, config, options }
}

/** Runs `parseArgs` and turns its complaints into ours. */
export function parse<T>(action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw usageError((error.message.split('\n')[0] ?? '').replace(/\.$/, ''), 'See paragraft --help.')
  }
}

/** The only positional argument. */
export function onePositional(positionals: string[], command: string, what: string): string {
  const [first, ...more] = positionals
  if (first === undefined) throw usageError(`${command} needs ${what}`, `See paragraft ${command} --help.`)
  if (more.length > 0) {
    throw usageError(
      `${command} takes one argument, and these are more: ${more.join(' ')}`,
      'Quote an argument that has spaces in it.',
    )
  }
  return first
}

/** Puts the command line over the config, fills in what neither says, and checks it all. Throws `PG_USAGE` or `PG_CONFIG`. */
export function settle(args: RunArguments, config: ParagraftConfig = {}): RunSettings {
  const merged: ParagraftConfig = { ...config, ...args.options }
  const engine = merged.engine ?? 'auto'
  if (!ENGINES.includes(engine)) {
    throw usageError(`there is no engine ${engine}`, `Choose one of ${ENGINES.join(', ')}.`, { engine })
  }
  const memory = typeof merged.memory === 'number' ? merged.memory : parseSize(merged.memory ?? '256M', '--memory')
  if (merged.until === '') throw usageError('--until is empty', 'Give the text that ends the run.')
  return {
    image: args.image,
    backend: merged.backend ?? 'native',
    backendOptions: { ...config.backendOptions, ...args.options.backendOptions },
    ops: merged.ops ?? [],
    memory,
    append: merged.append,
    initrd: merged.initrd,
    modules: (merged.module ?? []).map(parseModule),
    disk: merged.disk,
    net: parseNet(merged.net ?? 'none'),
    until: merged.until,
    timeout: merged.timeout,
    screen: merged.screen ?? false,
    report: merged.report,
    traces: (merged.trace ?? []).map(parseTrace),
    engine,
    nsPerInstruction: merged.nsPerInstruction,
    replay: merged.replay,
  }
}

/** `FILE` or `FILE=COMMAND LINE`. The guest sees the file's base name, then the command line. */
export function parseModule(text: string): ModuleSetting {
  const at = text.indexOf('=')
  const file = at < 0 ? text : text.slice(0, at)
  if (file === '') throw usageError(`--module ${text} names no file`, 'Write --module FILE or --module FILE=ARGUMENTS.')
  const name = file.replace(/.*[\\/]/, '')
  return { file, commandLine: at < 0 ? name : `${name} ${text.slice(at + 1)}` }
}

/** `KIND` or `KIND=FILE`. */
export function parseTrace(text: string): TraceSetting {
  const at = text.indexOf('=')
  return at < 0 ? { kind: text } : { kind: text.slice(0, at), file: text.slice(at + 1) }
}

/** `none`, `KIND` or `KIND=FILE`. */
export function parseNet(text: string): NetSetting | undefined {
  if (text === 'none') return undefined
  const at = text.indexOf('=')
  const kind = NET_KINDS.find(name => name === (at < 0 ? text : text.slice(0, at)))
  if (kind === undefined || at === text.length - 1) {
    throw usageError(`there is no network ${text}`, `Write --net none, or ${NET_KINDS.join(' or ')}, or with =FILE.`, {
      net: text,
    })
  }
  return at < 0 ? { kind } : { kind, capture: text.slice(at + 1) }
}
