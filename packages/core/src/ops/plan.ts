/**
 * Planning a table: which answer serves each slot, through which adapter, and whether it may. One function for both
 * moments at which that is decided: defining a module (against the eras it targets) and admission (against a guest).
 */
import satisfies from 'semver/functions/satisfies.js'
import { ParagraftError } from '../errors.ts'
import { type Adapter, adaptersFor } from './adapters.ts'
import { opEntry, opVersion, whyNotNop } from './catalogue.ts'
import type { Answer, Answers } from './define.ts'
import type { EraSlot } from './era.ts'
import type { HostFunction } from './host.ts'

/** The versions of an answered op for which its answer was written, oldest first. */
export type VersionsOf = (op: string) => readonly string[]

/** What the plan needs to know of a slot; eras' slots and layouts' slots both have it. */
export type PlanSlot = Pick<EraSlot, 'slot' | 'op' | 'version' | 'kind' | 'calleeSave'>

/** The decision for one slot. */
interface PlannedSlot {
  readonly answer: Answer
  /** The op whose answer it is: the slot's own, or the one that an adapter leads to. */
  readonly answeredOp: string
  /** Names of the adapters between the two. */
  readonly adapters: readonly string[]
  /** The function to run for a host answer, adapters included. */
  readonly host?: HostFunction
}

/** Where a plan is made, for the refusals: the module's name and the table's. */
export interface PlanNames {
  readonly module: string
  readonly table: string
}

export interface Plan {
  readonly slots: readonly PlannedSlot[]
  /** Answered ops that serve no slot here. */
  readonly unused: readonly string[]
}

/**
 * Plans every slot. `versionsOf` gives the op versions for which a code or host answer was written.
 *
 * Throws, naming module and table: `PG_OPS_HOLE` (slots without an answer, all of them by name), `PG_OPS_VERSION`,
 * `PG_OPS_ADAPT`, `PG_OPS_NOP`, `PG_OPS_HOST`, `PG_OPS_VALUE`.
 */
export function planSlots(
  slots: readonly PlanSlot[],
  answers: Answers,
  versionsOf: VersionsOf,
  names: PlanNames,
): Plan {
  const table = new Set(slots.map(slot => slot.op))
  const used = new Set<string>()
  const holes: PlanSlot[] = []
  const planned = slots.map((slot): PlannedSlot | null => {
    const base =
      slot.kind === 'data' ? dataSlot(slot, answers, names) : wholeSlot(slot, answers, versionsOf, table, names)
    if (base === null) {
      holes.push(slot)
      return null
    }
    used.add(base.answeredOp)
    return slot.kind === 'data' ? base : splitSlot(slot, base, answers, versionsOf, table, names, used)
  })
  if (holes.length > 0) throw holeError(holes, names)
  return { slots: planned as PlannedSlot[], unused: Object.keys(answers).filter(op => !used.has(op)) }
}

function dataSlot(slot: PlanSlot, answers: Answers, names: PlanNames): PlannedSlot | null {
  const answer = answers[slot.op]
  if (!answer) return null
  if (answer.kind !== 'native' && answer.kind !== 'value') {
    throw new ParagraftError('PG_OPS_VALUE', `${names.module}: ${slot.op} is a data word, not a function`, {
      fields: { ...names, op: slot.op, answer: answer.kind },
      hint: 'Answer it with native() or value(number).',
    })
  }
  return { answer, answeredOp: slot.op, adapters: [] }
}

/** The answer that serves all calls of a function slot: the op's own, or one that a total adapter leads to. */
function wholeSlot(
  slot: PlanSlot,
  answers: Answers,
  versionsOf: VersionsOf,
  table: ReadonlySet<string>,
  names: PlanNames,
): PlannedSlot | null {
  const own = answers[slot.op]
  if (own && (own.kind === 'native' || own.kind === 'nop' || versionsOf(slot.op).includes(slot.version))) {
    checkKind(slot, own, names)
    return { answer: own, answeredOp: slot.op, adapters: [], ...(own.kind === 'host' ? { host: own.fn } : {}) }
  }
  for (const adapter of adaptersFor(slot.op, slot.version, table)) {
    if (adapter.coverage !== 'total') continue
    const answer = answers[adapter.answered.op]
    if (!answer || !serves(adapter, versionsOf)) continue
    checkKind(slot, answer, names)
    if (answer.kind === 'code' && !adapter.sameCall) throw adaptError(slot, adapter, names)
    return {
      answer,
      answeredOp: adapter.answered.op,
      adapters: [adapter.name],
      ...(answer.kind === 'host'
        ? { host: (call: Parameters<HostFunction>[0]) => adapter.adapt(call, answer.fn, answer.fn) }
        : {}),
    }
  }
  if (own) throw versionError(slot, versionsOf(slot.op), names)
  return null
}

/** Partial adapters over the slot: calls that mean another answered op go there, the rest stays as it was. */
function splitSlot(
  slot: PlanSlot,
  base: PlannedSlot,
  answers: Answers,
  versionsOf: VersionsOf,
  table: ReadonlySet<string>,
  names: PlanNames,
  used: Set<string>,
): PlannedSlot {
  let plan = base
  for (const adapter of adaptersFor(slot.op, slot.version, table)) {
    if (adapter.coverage !== 'partial') continue
    const answer = answers[adapter.answered.op]
    if (!answer || !serves(adapter, versionsOf)) continue
    used.add(adapter.answered.op)
    if (answer.kind === 'native') continue
    if (answer.kind === 'nop') throw nopError(adapter.answered.op, names)
    const rest = plan.host ?? (plan.answer.kind === 'native' ? adapter.natively : undefined)
    if (answer.kind !== 'host' || !rest) throw adaptError(slot, adapter, names)
    const { fn } = answer
    plan = {
      answer,
      answeredOp: base.answeredOp,
      adapters: [...plan.adapters, adapter.name],
      host: call => adapter.adapt(call, fn, rest),
    }
  }
  return plan
}

function serves(adapter: Adapter, versionsOf: VersionsOf): boolean {
  return versionsOf(adapter.answered.op).some(version => satisfies(version, adapter.answered.versions))
}

function checkKind(slot: PlanSlot, answer: Answer, names: PlanNames): void {
  const entry = opEntry(slot.op)
  if (answer.kind === 'value') {
    throw new ParagraftError('PG_OPS_VALUE', `${names.module}: ${slot.op} is a function, not a data word`, {
      fields: { ...names, op: slot.op, answer: answer.kind },
      hint: 'value() is for the data words of eras 1.x; answer with native(), nop(), code() or host().',
    })
  }
  if (answer.kind === 'nop' && whyNotNop(entry) !== null) throw nopError(slot.op, names)
  if (answer.kind === 'host' && entry.notHost !== null) {
    throw new ParagraftError(
      'PG_OPS_HOST',
      `${names.module}: ${slot.op} cannot be answered by the host: ${entry.notHost}`,
      {
        fields: { ...names, op: slot.op, why: entry.notHost },
        hint: 'Answer it with native() or code().',
      },
    )
  }
}

function nopError(op: string, names: PlanNames): ParagraftError {
  const why = whyNotNop(opEntry(op))
  return new ParagraftError('PG_OPS_NOP', `${names.module}: ${op} cannot be a nop: ${why}`, {
    fields: { ...names, op, why },
    hint: 'Answer it with native(), code() or host().',
  })
}

function holeError(holes: readonly PlanSlot[], names: PlanNames): ParagraftError {
  const ops = holes.map(slot => slot.op)
  return new ParagraftError(
    'PG_OPS_HOLE',
    `${names.module} leaves ${ops.length} of the ops of ${names.table} without an answer: ${ops.join(', ')}`,
    {
      fields: { ...names, ops, slots: holes.map(slot => slot.slot) },
      hint: 'Answer every op; what is to stay as it is, answer with native().',
    },
  )
}

function versionError(slot: PlanSlot, versions: readonly string[], names: PlanNames): ParagraftError {
  const entry = opEntry(slot.op)
  const version = versions.join(', ')
  const [has, wants] = [[slot.version], versions].map(list =>
    list.map(v => `"${opVersion(entry, v)?.signature.text}"`).join(', '),
  )
  return new ParagraftError(
    'PG_OPS_VERSION',
    `${names.table} has ${slot.op} ${slot.version}, ${has}; ${names.module} answers ${version}, ${wants}`,
    {
      fields: { ...names, op: slot.op, has: slot.version, answers: [...versions] },
      hint: 'No adapter leads from one to the other: answer the version of this guest.',
    },
  )
}

function adaptError(slot: PlanSlot, adapter: Adapter, names: PlanNames): ParagraftError {
  const partial = adapter.coverage === 'partial'
  return new ParagraftError(
    'PG_OPS_ADAPT',
    `${names.module}: ${adapter.answered.op} cannot serve ${slot.op} of ${names.table}: ` +
      (partial ? 'only host answers can share a slot' : 'machine code cannot be adapted to another call'),
    {
      fields: { ...names, op: slot.op, answered: adapter.answered.op, adapter: adapter.name },
      hint: partial
        ? `Answer ${adapter.answered.op} with host() and ${slot.op} with host() or native(), or leave the former native().`
        : `Answer ${adapter.answered.op} with host(), or ${slot.op} itself with code().`,
    },
  )
}
