/**
 * What a run is asked to be: the command line's options over a config file's, checked and with nothing left open. The
 * config file's keys have the options' names. Paths are absolute here: those of the command line were seen from the user's
 * folder, those of a config from the config's.
 */
import { dirname, resolve } from 'node:path'
import { type ParseArgsConfig, parseArgs } from 'node:util'
import {
  type Backend,
  type BackendOptionValues,
  type DeprecationNotice,
  type Device,
  deprecation,
  type InputArrival,
  type OpsModule,
} from '@paragraft/core'
import type { RunConfig } from '../config.generated.ts'
import { ENGINES, type EngineName } from '../engines.ts'
import { splitBackendOptions } from './backend-options.ts'
import { type LoadedConfig, loadConfig, withProfile } from './config-file.ts'
import { NET_KINDS, type NetKind } from './networks.ts'
import { parseSeconds, parseSize } from './quantities.ts'
import { type SnapshotSettings, snapshotSettings } from './snapshots.ts'
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

/** The name or path of a plug-in, and the folder from which it is seen. */
export interface Named {
  name: string
  from: string
}

/** Options of backends as somebody gave them, and the folder from which artefacts are seen. */
export interface OptionSource {
  from: string
  /** For the backend that runs, whichever it is. */
  values?: BackendOptionValues
  /** By the backend's name. */
  byName?: Readonly<Record<string, object | undefined>>
}

/** Everything about a run, decided. */
export interface RunSettings {
  image: string
  backend: Named | Backend
  /** A later one wins. */
  backendOptions: OptionSource[]
  ops: (Named | OpsModule)[]
  /** The backend's default ops are left out. */
  noDefaultOps: boolean
  devices: (Named | Device)[]
  /** Bytes; undefined: the snapshot's, or the default. */
  memory: number | undefined
  append: string | undefined
  initrd: string | undefined
  modules: ModuleSetting[]
  disks: string[]
  net: NetSetting | undefined
  until: string | undefined
  timeout: number | undefined
  screen: boolean
  report: string | undefined
  traces: TraceSetting[]
  engine: EngineName
  nsPerInstruction: number | undefined
  replay: InputArrival[] | undefined
  snapshots: SnapshotSettings
}

const RUN_OPTIONS = {
  config: { type: 'string' },
  profile: { type: 'string' },
  deprecations: { type: 'boolean' },
  backend: { type: 'string' },
  'backend-option': { type: 'string', multiple: true },
  ops: { type: 'string', multiple: true },
  memory: { type: 'string' },
  append: { type: 'string' },
  initrd: { type: 'string' },
  module: { type: 'string', multiple: true },
  device: { type: 'string', multiple: true },
  disk: { type: 'string', multiple: true },
  net: { type: 'string' },
  until: { type: 'string' },
  timeout: { type: 'string' },
  screen: { type: 'boolean' },
  report: { type: 'string' },
  trace: { type: 'string', multiple: true },
  engine: { type: 'string' },
  restore: { type: 'string' },
  snapshot: { type: 'string' },
  'snapshot-at': { type: 'string' },
} as const

/** Options as typed: strings, not yet checked. */
export interface RunArguments {
  image: string | undefined
  config: string | undefined
  profile: string | undefined
  /** Of everything that a later version will refuse the user is told. */
  deprecations: boolean
  options: RunConfig
  /** What belongs to one run alone, and to no config. */
  snapshots: { restore?: string; snapshot?: string; 'snapshot-at'?: string }
}

/** Splits the command line of `paragraft run`. Throws `PG_USAGE`. */
export function parseRunArguments(argv: string[]): RunArguments {
  const { values, positionals } = parse(() =>
    parseArgs({ args: argv, options: RUN_OPTIONS, allowPositionals: true, strict: true }),
  )
  const image = positionals.length === 0 ? undefined : onePositional(positionals, 'run', 'an image')
  const { config, profile, deprecations = false, timeout, engine, 'backend-option': backendOption, ...others } = values
  const { restore, snapshot, 'snapshot-at': snapshotAt, ...rest } = others
  const options: RunConfig = { ...rest }
  if (backendOption !== undefined) options.backendOptions = splitBackendOptions(backendOption)
  if (timeout !== undefined) options.timeout = parseSeconds(timeout, '--timeout')
  if (engine !== undefined) options.engine = engine as EngineName
  const snapshots = {
    ...(restore === undefined ? {} : { restore }),
    ...(snapshot === undefined ? {} : { snapshot }),
    ...(snapshotAt === undefined ? {} : { 'snapshot-at': snapshotAt }),
  }
  return { image, config, profile, deprecations, options, snapshots }
}

/** The settings of a command line, with the config that it names or that is in the user's folder. */
export async function loadSettings(
  args: RunArguments,
  cwd: string,
  deprecated: (notice: DeprecationNotice) => void,
): Promise<RunSettings> {
  const loaded = await loadConfig(cwd, args.config)
  return settle(args, cwd, loaded, deprecated)
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

/** Options as `parseArgs` takes them. */
type Options = NonNullable<ParseArgsConfig['options']>
type Values<T extends Options> = ReturnType<typeof parseArgs<{ options: T; allowPositionals: true }>>['values']

/** Takes a command's own options out of its arguments; what is left, in its order, is a run's. Throws `PG_USAGE`. */
export function splitOptions<T extends Options>(
  argv: string[],
  options: T,
): { own: Values<T>; rest: string[]; order: string[] } {
  const { values, tokens } = parse(() =>
    parseArgs({ args: argv, options, allowPositionals: true, strict: false, tokens: true }),
  )
  const mine = new Set<number>()
  const order: string[] = []
  for (const token of tokens) {
    if (token.kind !== 'option' || !Object.hasOwn(options, token.name)) continue
    order.push(token.name)
    mine.add(token.index)
    const takes = options[token.name]?.type === 'string'
    if (takes && (token.value === undefined || token.value === '')) {
      throw usageError(`${token.rawName} needs a value`, `Write ${token.rawName} VALUE.`)
    }
    if (takes && !token.inlineValue) mine.add(token.index + 1)
  }
  return { own: values as Values<T>, rest: argv.filter((_, index) => !mine.has(index)), order }
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

/** A name with the folder from which it is seen; what is a plug-in already stays. */
function seen<T extends object>(entry: string | T, from: string): Named | T {
  return typeof entry === 'string' ? { name: entry, from } : entry
}

/** In place of an ops module: leave out the backend's default. */
export const NO_DEFAULT_OPS = 'none'

/** Puts the command line over the config, fills in what neither says, and checks it all. Throws `PG_USAGE` or `PG_CONFIG`. */
export function settle(
  args: RunArguments,
  cwd: string,
  loaded?: LoadedConfig,
  deprecated: (notice: DeprecationNotice) => void = () => {},
): RunSettings {
  const { options } = args
  const config = withProfile(loaded, args.profile)
  const folder = loaded === undefined ? cwd : dirname(loaded.file)
  const merged: RunConfig = { ...config, ...options }
  const from = (key: keyof RunConfig): string => (options[key] === undefined ? folder : cwd)
  const path = (key: 'initrd' | 'report'): string | undefined =>
    merged[key] === undefined ? undefined : resolve(from(key), merged[key])
  const image = args.image === undefined ? config.guest : args.image
  if (image === undefined) throw usageError('run needs an image', 'Name one, or give a config a guest.')
  const engine = merged.engine ?? 'auto'
  if (!ENGINES.includes(engine)) {
    throw usageError(`there is no engine ${engine}`, `Choose one of ${ENGINES.join(', ')}.`, { engine })
  }
  if (merged.until === '') throw usageError('--until is empty', 'Give the text that ends the run.')
  if (config.backendOptions !== undefined && loaded !== undefined) {
    deprecated(deprecation('config-backend-options', loaded.file))
  }
  const ops = merged.ops ?? []
  const net = parseNet(merged.net ?? 'none')
  return {
    image: resolve(args.image === undefined ? folder : cwd, image),
    backend: seen<Backend>(merged.backend ?? 'native', from('backend')),
    backendOptions: [
      { from: folder, byName: config.backends ?? {}, values: config.backendOptions ?? {} },
      { from: cwd, values: options.backendOptions ?? {} },
    ],
    ops: ops.filter(entry => entry !== NO_DEFAULT_OPS).map(entry => seen<OpsModule>(entry, from('ops'))),
    noDefaultOps: ops.includes(NO_DEFAULT_OPS),
    devices: (merged.device ?? []).map(entry => seen<Device>(entry, from('device'))),
    memory: typeof merged.memory === 'string' ? parseSize(merged.memory, '--memory') : merged.memory,
    append: merged.append,
    initrd: path('initrd'),
    modules: (merged.module ?? [])
      .map(parseModule)
      .map(({ file, ...rest }) => ({ file: resolve(from('module'), file), ...rest })),
    disks: [merged.disk ?? []].flat().map(file => resolve(from('disk'), file)),
    net: net?.capture === undefined ? net : { ...net, capture: resolve(from('net'), net.capture) },
    until: merged.until,
    timeout: merged.timeout,
    screen: merged.screen ?? false,
    report: path('report'),
    traces: (merged.trace ?? [])
      .map(parseTrace)
      .map(({ kind, file }) => (file === undefined ? { kind } : { kind, file: resolve(from('trace'), file) })),
    engine,
    nsPerInstruction: merged.nsPerInstruction,
    replay: merged.replay,
    snapshots: snapshotSettings(args.snapshots, file => resolve(cwd, file)),
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
