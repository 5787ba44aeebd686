/** A whole machine saved and restored: which parts have a state, and the order in which they come back. */
import {
  type Backend,
  type BackendInstance,
  type DeviceInstance,
  type NetPort,
  type OpsModule,
  ParagraftError,
  type Snapshotable,
  together,
} from '@paragraft/core'
import type { Engine } from '@paragraft/cpu'
import type { PcDevices, PortBus } from '@paragraft/devices'
import type { Bookkeeper } from '../bookkeeper.ts'
import type { ConsoleHub } from '../console.ts'
import type { LateOps } from '../late-ops.ts'
import type { Registration } from '../registration.ts'
import type { Replay } from '../replay.ts'
import type { ReportLog } from '../reporter.ts'
import type { Scheduler } from '../scheduler.ts'
import { decodeSnapshot, encodeSnapshot } from './format.ts'
import { restorePages } from './pages.ts'

/** The parts of a machine that a snapshot keeps. */
export interface SavedParts {
  engine: Engine
  scheduler: Scheduler
  definition: Backend
  backend: BackendInstance
  board: PcDevices | undefined
  net: NetPort | undefined
  devices: readonly { readonly name: string; readonly instance: DeviceInstance }[]
  ops: readonly OpsModule[]
  books: Bookkeeper | null
  late: LateOps
  registration: Registration | undefined
  exits: Snapshotable
  console: ConsoleHub
  replay: Replay
  ports: PortBus
  reports: ReportLog
}

/**
 * Saves a machine between two calls of `run`; `machine` says what it is made of. Throws `PG_SNAPSHOT_MOMENT`,
 * `PG_SNAPSHOT_UNSUPPORTED`, `PG_SNAPSHOT_TIMER` and `PG_SNAPSHOT_VALUE`.
 */
export function saveMachine(parts: SavedParts, machine: Readonly<Record<string, string>>): Uint8Array {
  const { engine, scheduler } = parts
  checkMoment(scheduler)
  const states = stateful(parts).save()
  const { unsaved } = scheduler.clock
  if (unsaved > 0) {
    throw new ParagraftError('PG_SNAPSHOT_TIMER', `${unsaved} timers of this machine are in nobody's state`, {
      fields: { timers: unsaved },
      hint: 'Whoever schedules on the clock saves its timers (Timer.save) and resumes them (Clock.resume).',
    })
  }
  const header = {
    machine,
    memory: engine.memory.size,
    instructions: engine.instructions(),
    virtualNs: scheduler.now(),
  }
  return encodeSnapshot(header, states, engine.memory)
}

/**
 * Makes a machine, fresh and made of the same, go on from a snapshot. Throws the `PG_SNAPSHOT_…` codes; the machine is of no
 * use then.
 */
export function restoreMachine(parts: SavedParts, bytes: Uint8Array): void {
  const { engine, scheduler } = parts
  const { states, runs, pages } = decodeSnapshot(bytes)
  restorePages(engine.memory, runs, pages)
  stateful(parts).restore(states as Readonly<Record<string, unknown>>)
  scheduler.finishRestore()
}

/**
 * Everything with a state, in the order of its return: time before those who ask for it; the engine behind those who pull its
 * lines; the log behind those who may report.
 */
function stateful(parts: SavedParts): Snapshotable<Readonly<Record<string, unknown>>> {
  const { engine, scheduler, board, net, devices, ops, books, late, registration } = parts
  const { exits, console, replay, ports, reports } = parts
  const modules = ops.flatMap(({ name, state }) => (state === undefined ? [] : [[name, state] as const]))
  return together({
    time: scheduler,
    ...(devices.length === 0 ? {} : { devices: together(Object.fromEntries(devices.map(deviceOf))) }),
    ...(board === undefined ? {} : { board }),
    ...(isStateful(net) ? { net } : {}),
    backend: backendOf(parts),
    ops: together(Object.fromEntries(modules)),
    ...(books === null ? {} : { books, late }),
    ...(registration === undefined ? {} : { registration }),
    exits,
    console,
    replay,
    ports,
    engine,
    reports,
  })
}

function isStateful(part: Partial<Snapshotable> | undefined): part is Snapshotable {
  return part?.save !== undefined && part.restore !== undefined
}

/** By their places, since two may have one name. */
function deviceOf({ name, instance }: SavedParts['devices'][number], index: number): [string, Snapshotable] {
  if (isStateful(instance)) return [`${index} ${name}`, instance]
  throw new ParagraftError('PG_SNAPSHOT_UNSUPPORTED', `device ${name} cannot be saved`, {
    fields: { device: name },
    hint: 'A device can be saved when what it creates has save() and restore().',
  })
}

function backendOf({ definition, backend }: SavedParts): Snapshotable {
  if (isStateful(backend)) return backend
  const { name, version } = definition
  throw new ParagraftError('PG_SNAPSHOT_UNSUPPORTED', `backend ${name} ${version} cannot be saved for this guest`, {
    fields: { backend: name, version },
    hint: 'A backend can be saved when what it creates has save() and restore().',
  })
}

function checkMoment(scheduler: Scheduler): void {
  const { stopped } = scheduler
  const ended = stopped !== null && !['until', 'timeout', 'quit'].includes(stopped.kind)
  if (!ended && !scheduler.running) return
  throw new ParagraftError(
    'PG_SNAPSHOT_MOMENT',
    ended ? `the machine has ended (${stopped.kind}): there is nothing to go on with` : 'the machine is running',
    {
      fields: ended ? { stop: stopped.kind } : {},
      hint: 'Save a machine between two calls of run(), before its guest ends; pause() brings a run back.',
    },
  )
}
