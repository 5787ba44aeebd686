/**
 * What a module or backend author writes: `defineOps` with one explicit answer per op, and `defineBackend`.
 * Both check everything that can be checked without a guest; admission (admission.ts) does the rest.
 */
import satisfies from 'semver/functions/satisfies.js'
import validRange from 'semver/ranges/valid.js'
import { ParagraftError } from '../errors.ts'
import type { Head } from '../head.ts'
import type { GuestImage, StartOfDay } from '../image.ts'
import type {
  BlockPort,
  BoardPort,
  Clock,
  ConsolePort,
  CpuidRegisters,
  GuestMemory,
  HypercallInstruction,
  IoBus,
  Line,
  MmioBus,
  NetPort,
  PowerPort,
  Reporter,
  Snapshotable,
} from '../ports.ts'
import type { Ability } from './abilities.ts'
import { API_VERSION } from './api-version.ts'
import type { BackendOption, BackendOptions, BackendOptionValues } from './backend-options.ts'
import type { CallFrame } from './calling.ts'
import type { OpGroup } from './catalogue/entry.ts'
import { findOp, unknownOps } from './catalogue.ts'
import type { DeprivilegedPort } from './deprivileged.ts'
import type { Era } from './era.ts'
import { ERAS } from './eras.generated.ts'
import { eraName, erasIn } from './eras.ts'
import type { HostFunction, ProcessorControl, VirtualMemory } from './host.ts'
import { planSlots } from './plan.ts'
import { checkAbilities, checkPlugin, shape } from './shape.ts'

/** How an op is answered. `version`: the range of op versions (signatures) that the answer is written for. */
export type Answer =
  /** The guest's own function stays. */
  | { readonly kind: 'native' }
  /** The guest's own `_paravirt_nop`, so that its patcher recognises it. */
  | { readonly kind: 'nop' }
  /**
   * Machine code that came with the module: a symbol of `code.object`. `calleeSave`: the function changes EAX and EDX
   * only; where a slot demands that and it is not promised, the loader puts a thunk in front (as PV_CALLEE_SAVE does).
   */
  | { readonly kind: 'code'; readonly symbol: string; readonly version?: string; readonly calleeSave?: boolean }
  /** A TypeScript function, reached by a stub. */
  | { readonly kind: 'host'; readonly fn: HostFunction; readonly version?: string }
  /** For data slots (eras 1.x) only: the word to be stored, or the symbol of `code.object` whose address it is. */
  | { readonly kind: 'value'; readonly value: number | string }

export type AnswerKind = Answer['kind']

/** Answers by op identity. */
export type Answers = Readonly<Record<string, Answer>>

/** Machine code of a module: one relocatable object, ELF32 ET_REL EM_386. */
export interface ModuleCode {
  /**
   * Undefined symbols that the loader resolves: {@link nativeSymbol} of an op is the function that the guest's table
   * held before (`pg_native_mmu_flush_tlb_one_user`), `pg_table` the table, `pg_entry` the original entrypoint (undefined when
   * the module's own is used), `pg_region_start` and `pg_region_end` the grafted pages, and `pg_guest_NAME` what the image's
   * symbol table calls NAME. Weak ones that do not exist are 0.
   */
  readonly object: Uint8Array
}

/** Prefix of the symbols by which a module's code reaches what the image's symbol table names. */
export const GUEST_SYMBOL = 'pg_guest_'

/**
 * A way in that a module brings for a head, so that the head takes images that have none: code of the module's, entered as
 * the head enters its guests, that starts the guest by another entry of its own.
 */
export interface ModuleEntry {
  /** The start code: a function of `code.object`. */
  readonly symbol: string
  /** What the head's images say about themselves: names and meaning are the head's. */
  readonly says?: Readonly<Record<string, number | string>>
}

/**
 * `entry`: the guest's first instructions install it. `request`: a guest that has booted the ordinary way asks for it
 * (docs/ops.md, "Later than at entry"). `embedder`: the program around the machine says when (`machine.install`).
 */
export type InstallMoment = 'entry' | 'request' | 'embedder'

export interface OpsDefinition {
  /** npm package name, or any name without spaces; the ledger's owner. */
  readonly name: string
  /** Semver version of the module. */
  readonly version: string
  /** Range of `API_VERSION` that the module is written for: `^1.0.0`. */
  readonly apiVersion: string
  /** Range of ops ABIs (`Era.abi`) that the module targets: `5.x`, `>=1.3.0 <2`. */
  readonly opsAbi: string
  /** Architectures it targets; default `['i386']`. */
  readonly arch?: readonly ('i386' | 'x86_64')[]
  /** Variants of the eras it targets; default both. */
  readonly variants?: readonly ('full' | 'lite')[]
  /** One answer per op of every target era, or a function that gives them era by era. */
  readonly ops: Answers | ((era: Era) => Answers)
  readonly code?: ModuleCode
  /** What the backend must support for these ops to work, e.g. its own `xen:hypercalls`. */
  readonly requires?: readonly Ability[]
  /** Ways in, by the name of the head: `xen-pv`. */
  readonly entries?: Readonly<Record<string, ModuleEntry>>
  /** When its functions are to be in the guest's table; default `entry`. Later ones need the backend's `late-ops`. */
  readonly install?: InstallMoment
  /** What its host functions remember between calls, where they do: a snapshot of a machine keeps it. */
  readonly state?: Snapshotable
}

/** A checked module, branded by `Symbol.for('paragraft.ops')`. Only {@link defineOps} makes one. */
export interface OpsModule extends OpsDefinition {
  /** The eras it targets, oldest first. */
  readonly eras: readonly Era[]
  /** The answers for an era, as the author gave them. */
  answersFor(era: Era): Answers
  /** The versions of an op for which its answer in this era was written. */
  versionsFor(era: Era, op: string): readonly string[]
}

/** The ports a backend gets. Never the machine. */
export interface BackendPorts {
  readonly memory: GuestMemory
  readonly clock: Clock
  /** What a clock showed at power-on, in seconds since 1970. */
  readonly epochSeconds: number
  readonly io: IoBus
  readonly mmio: MmioBus
  readonly console: ConsolePort
  readonly power: PowerPort
  /** Ends the run as the guest's fault: it did what its hypervisor ends guests for. `code` has a page of errors. */
  crash(code: string, message: string): void
  readonly reporter: Reporter
  /** The processor's interrupt pin and NMI. */
  readonly intr: Line
  readonly nmi: Line
  /** The processor's privileged operations. */
  readonly processor: BackendProcessor
  /** The processor of a guest whose kernel is kept from privilege level 0. */
  readonly deprivileged: DeprivilegedPort
  /** Guest memory through the guest's page tables, at kernel privilege. */
  readonly virtual: VirtualMemory
  /** The media that the user gave the machine, for a backend that is their only way to the guest (`board: 'none'`). */
  readonly disks: readonly BlockPort[]
  /** The network interfaces that the user gave the machine. */
  readonly nets: readonly NetPort[]
  /** The hardware's board; absent for a backend that has none. */
  readonly board?: BoardPort
  /** Guest memory from which code of the backend's own may call it. */
  readonly hostCalls: HostCallPort
  /** What the backend's options were set to, checked against its `options`. */
  readonly options: BackendOptionValues
}

/** The first immediate of the host opcode that is a backend's; those below are op stubs'. */
export const FIRST_HOST_CALL = 0x8000

/** Pages from which guest code that a backend brings along can leave to it. */
export interface HostCallPort {
  /**
   * From now on the host opcode, 0F 3F imm16, with an immediate from {@link FIRST_HOST_CALL} on, leaves to
   * {@link BackendInstance.hostCall} when it is executed at CPL 0 in these pages of RAM; elsewhere it is #UD. `pa` and
   * `length` are multiples of 4096.
   */
  allow(pa: number, length: number): void
}

/** An exception of the guest, before it is delivered. `errorCode` is -1 where the vector pushes none. */
export interface GuestException {
  readonly vector: number
  readonly errorCode: number
  /** Linear address of a #PF, else 0. */
  readonly address: number
}

/** The processor as a backend has it. */
export interface BackendProcessor extends ProcessorControl {
  /** Ends a halt without an interrupt: execution goes on behind the instruction that halted. */
  resume(): void
}

/** The registers at a VMCALL or VMMCALL; the instruction has not retired yet. */
export interface HypercallFrame extends CallFrame {
  readonly instruction: HypercallInstruction
  /** Privilege level that executed it. */
  readonly cpl: number
}

/** What a backend counted, for the run report. */
export interface BackendCounts {
  /** Calls of the guest to its hypervisor, by name. */
  hypercalls?: Readonly<Record<string, number>>
  /** Notifications of the guest, by port or source. */
  events?: Readonly<Record<string, number>>
  /** How the calls of its interface are answered in this boot, by name, where the backend decides that. */
  answers?: Readonly<Record<string, string>>
  /** What it makes of ops of the guest's table, by op, where the guest has them served by it: the ledger's `via`. */
  ops?: Readonly<Record<string, string>>
}

/**
 * What a created backend does for the machine while it runs. Everything is optional. A machine can be saved if its backend has
 * `save` and `restore`; one without state says so by saving null.
 */
export interface BackendInstance extends Partial<Snapshotable> {
  /** The head has placed the guest; called once, before the first instruction. */
  start?(start: StartOfDay): void
  /** INTA cycle, when the backend owns the interrupt controller; -1 when the request has been withdrawn. */
  acknowledgeInterrupt?(): number
  /** True while it means to end the guest's halt itself, whether or not interrupts are on. */
  wakes?(): boolean
  /**
   * VMCALL or VMMCALL; false: it claims neither, and the instruction is #UD. `again`: the call is not done, and the guest executes the
   * instruction once more, with the registers as they are now; interrupts come in between.
   */
  hypercall?(frame: HypercallFrame): boolean | 'again'
  /**
   * The host opcode in an allowed page, at CPL 0; `index` is its immediate. The frame is what it is at the opcode: ESP as
   * the code left it. False: there is no such call, and the opcode is #UD. `PG_HOST_PROCESSOR` and `PG_HOST_MEMORY` that the
   * ports throw become the guest's exception, at the opcode; any other coded error stops the guest.
   */
  hostCall?(index: number, frame: CallFrame): boolean
  /** An exception of a guest's instruction. True: the cause is gone, execute the instruction again. */
  exception?(exception: GuestException): boolean
  /** MSRs that it implements; undefined / false: not its own. */
  readMsr?(index: number): bigint | undefined
  writeMsr?(index: number, value: bigint): boolean
  /** CPUID as the guest is to see it where that is not the processor's `own` answer; undefined: as it is. */
  cpuid?(leaf: number, subleaf: number, own: CpuidRegisters): CpuidRegisters | undefined
  /** What it has counted since power-on. */
  counts?(): BackendCounts
}

export interface BackendDefinition {
  readonly name: string
  readonly version: string
  readonly apiVersion: string
  /** Its ways in: heads of its own, or the names of the hardware's heads, which the loader supplies (`multiboot`, `linux`). */
  readonly heads: readonly (Head | string)[]
  /**
   * The hardware's own devices that the guest finds, supplied by the machine as the hardware's heads are by the loader:
   * `pc` (the default) or `none`, when the backend's devices are all there is.
   */
  readonly board?: 'pc' | 'none'
  /** What its guests can have; read by users and modules. Absent: what every backend had in API 1.0, `ops`, `disk`, `net`. */
  readonly supports?: readonly Ability[]
  /**
   * The default ops: for guests that do not know it. A package can leave that to its metadata, which names the module and has
   * it loaded only when it is wanted.
   */
  readonly ops?: OpsModule
  /** Whether an image's kernel knows this backend by itself, and so keeps its own ops. Absent: none does. */
  knownBy?(image: GuestImage): boolean
  /** Options that the user may set. */
  readonly options?: BackendOptions
  create(ports: BackendPorts): BackendInstance
}

/** A checked backend, branded by `Symbol.for('paragraft.backend')`. */
export type Backend = BackendDefinition

const OPS = Symbol.for('paragraft.ops')
const BACKEND = Symbol.for('paragraft.backend')

/** The guest's own function stays. */
export function native(): Answer {
  return { kind: 'native' }
}

/** The guest's own no-op. Refused (`PG_OPS_NOP`) for ops with a result or a duty. */
export function nop(): Answer {
  return { kind: 'nop' }
}

/** A function of the module's object file. */
export function code(symbol: string, options: { version?: string; calleeSave?: boolean } = {}): Answer {
  return { kind: 'code', symbol, ...options }
}

/** A TypeScript function. Refused (`PG_OPS_HOST`) for ops that are jumped to. */
export function host(fn: HostFunction, options: { version?: string } = {}): Answer {
  return { kind: 'host', fn, ...options }
}

/** A number for a data word of eras 1.x, or the address of a symbol of the module's object. */
export function value(word: number | string): Answer {
  return { kind: 'value', value: word }
}

/** The symbol by which a module's code calls what the guest's table held for an op: `pg_native_mmu_lazy_mode_enter`. */
export function nativeSymbol(op: string): string {
  return `pg_native_${op.replaceAll('.', '_')}`
}

/** `native()` for each of these ops: still one by one, and by name. */
export function natively(ops: readonly string[]): Answers {
  return Object.fromEntries(ops.map(op => [op, native()]))
}

/** `native()` for each op that an era has in these groups; groups that it lacks give nothing. */
export function nativeGroup(era: Era, ...groups: OpGroup[]): Answers {
  return natively(era.slots.map(slot => slot.op).filter(op => groups.some(group => op.startsWith(`${group}.`))))
}

/**
 * Checks a module and brands it. Everything is checked against every era that the module targets.
 *
 * Throws `PG_OPS_MODULE` (shape), `PG_API_VERSION`, `PG_OPS_ERA` (no known era in `opsAbi`), `PG_OPS_ANSWER` (an answer
 * that is none), `PG_OPS_UNKNOWN`, `PG_OPS_STRAY` (an answer that no target era can use), `PG_OPS_CODE` (no object, or
 * not ELF32 relocatable for i386), and what planning refuses: `PG_OPS_HOLE`, `PG_OPS_VERSION`, `PG_OPS_ADAPT`,
 * `PG_OPS_NOP`, `PG_OPS_HOST`, `PG_OPS_VALUE`.
 */
export function defineOps(definition: OpsDefinition): OpsModule {
  checkPlugin(definition, 'PG_OPS_MODULE', 'defineOps')
  const { name, opsAbi, ops } = definition
  if (typeof opsAbi !== 'string' || validRange(opsAbi) === null) {
    throw shape('PG_OPS_MODULE', name, 'opsAbi', opsAbi, 'a semver range such as "5.x" or ">=1.3.0 <2"')
  }
  if (typeof ops !== 'function' && (typeof ops !== 'object' || ops === null)) {
    throw shape('PG_OPS_MODULE', name, 'ops', ops, 'an object of answers by op, or a function from an era to one')
  }
  const { install } = definition
  if (install !== undefined && !INSTALL_MOMENTS.includes(install)) {
    throw shape('PG_OPS_MODULE', name, 'install', install, `one of ${INSTALL_MOMENTS.join(', ')}`)
  }
  for (const [field, known] of [
    ['arch', ['i386', 'x86_64']],
    ['variants', ['full', 'lite']],
  ] as const) {
    const list: unknown = definition[field]
    const fits =
      Array.isArray(list) && list.length > 0 && list.every(item => (known as readonly unknown[]).includes(item))
    if (list !== undefined && !fits) throw shape('PG_OPS_MODULE', name, field, list, `a list of ${known.join(', ')}`)
  }
  checkAbilities('PG_OPS_MODULE', name, 'requires', definition.requires)
  checkEntries(definition)
  const eras = erasIn(opsAbi, definition.arch ?? ['i386'], definition.variants)
  if (eras.length === 0) {
    throw new ParagraftError('PG_OPS_ERA', `${name}: no known era is in the ops ABI range "${opsAbi}"`, {
      fields: { module: name, opsAbi, known: ERAS.map(eraName) },
      hint: `Known: ${ERAS.map(eraName).join(', ')}.`,
    })
  }
  const byEra = new Map<Era, Answers>()
  const answersFor = (era: Era): Answers => {
    let answers = byEra.get(era)
    if (!answers) byEra.set(era, (answers = Object.freeze({ ...(typeof ops === 'function' ? ops(era) : ops) })))
    return answers
  }
  const versionsFor = (era: Era, op: string): readonly string[] =>
    writtenFor(definition, eras, era, op, answersFor(era)[op])
  const module: OpsModule = { ...definition, eras, answersFor, versionsFor }

  const all = new Map(eras.flatMap(era => Object.entries(answersFor(era))))
  for (const era of eras) for (const [op, answer] of Object.entries(answersFor(era))) checkAnswer(name, op, answer)
  const unknown = [...all.keys()].filter(op => !findOp(op))
  if (unknown.length > 0) throw unknownOps(unknown, name)
  const useless = new Set(
    eras.flatMap(era => Object.keys(answersFor(era)).filter(op => answersFor(era)[op]!.kind !== 'native')),
  )
  for (const era of eras) {
    const { unused } = planSlots(era.slots, answersFor(era), op => versionsFor(era, op), {
      module: name,
      table: `era ${eraName(era)}`,
    })
    const idle = new Set(unused)
    for (const op of Object.keys(answersFor(era))) if (!idle.has(op)) useless.delete(op)
  }
  if (useless.size > 0) {
    const stray = [...useless]
    throw new ParagraftError(
      'PG_OPS_STRAY',
      `${name} answers ops that serve no slot of its eras: ${stray.join(', ')}`,
      {
        fields: { module: name, ops: stray, eras: eras.map(eraName) },
        hint: 'Take the answers out, or widen opsAbi, arch or variants to eras that have these ops.',
      },
    )
  }
  checkCode(
    definition,
    eras.flatMap(era => Object.values(answersFor(era))),
  )
  return Object.freeze(Object.defineProperty(module, OPS, { value: API_VERSION }))
}

/**
 * Versions of an op that an answer is for. Said by the answer: all that are in its range. Not said: the version of the
 * target eras, if they agree (for `ops` as a function: that of the era at hand); the newest, if none of them has the op
 * in a slot, so that only adapters can reach it.
 */
function writtenFor(
  definition: OpsDefinition,
  eras: readonly Era[],
  era: Era,
  op: string,
  answer: Answer | undefined,
): readonly string[] {
  const all = (findOp(op)?.versions ?? []).map(v => v.version)
  if (!answer || answer.kind === 'native' || answer.kind === 'nop' || answer.kind === 'value') return all
  const refuse = (why: string, hint: string) =>
    new ParagraftError('PG_OPS_VERSION', `${definition.name}: ${op}: ${why}`, {
      fields: { module: definition.name, op, has: all, answers: answer.version ?? null },
      hint,
    })
  if (answer.version !== undefined) {
    const { version } = answer
    const inRange = typeof version === 'string' ? all.filter(v => satisfies(v, version)) : []
    if (inRange.length === 0) throw refuse(`no version ${version}`, `Its versions: ${all.join(', ')}.`)
    return inRange
  }
  const seen = typeof definition.ops === 'function' ? [era] : eras
  const versions = [...new Set(seen.flatMap(e => e.slots.filter(s => s.op === op).map(s => s.version)))]
  if (versions.length > 1) {
    throw refuse(
      `its eras have versions ${versions.join(' and ')}`,
      `Say which one the answer is written for: { version: '^${versions.at(-1)}' }, or let \`ops\` be a function of the era.`,
    )
  }
  return versions.length === 1 ? versions : all.slice(-1)
}

/** True for a module made by {@link defineOps} of any copy of this package. */
export function isOpsModule(candidate: unknown): candidate is OpsModule {
  return typeof candidate === 'object' && candidate !== null && OPS in candidate
}

/**
 * Checks a backend and brands it. Throws `PG_BACKEND` (shape) and `PG_API_VERSION`.
 */
export function defineBackend(definition: BackendDefinition): Backend {
  checkPlugin(definition, 'PG_BACKEND', 'defineBackend')
  const { name, heads, ops, create } = definition
  const isHead = (head: unknown) =>
    typeof head === 'string'
      ? head !== ''
      : typeof head === 'object' &&
        head !== null &&
        typeof (head as Head).name === 'string' &&
        typeof (head as Head).probe === 'function' &&
        typeof (head as Head).place === 'function'
  if (!Array.isArray(heads) || heads.length === 0 || !heads.every(isHead)) {
    throw shape(
      'PG_BACKEND',
      name,
      'heads',
      heads,
      'at least one head: an object with name, probe and place, or a name',
    )
  }
  if (ops !== undefined && !isOpsModule(ops)) {
    throw shape('PG_BACKEND', name, 'ops', ops, 'what defineOps returned')
  }
  checkAbilities('PG_BACKEND', name, 'supports', definition.supports)
  if (typeof create !== 'function') throw shape('PG_BACKEND', name, 'create', create, 'a function of the ports')
  for (const [option, { kind } = {} as Partial<BackendOption>] of Object.entries(definition.options ?? {})) {
    if (!OPTION_KINDS.includes(kind as BackendOption['kind'])) {
      throw shape('PG_BACKEND', name, `options.${option}.kind`, kind, `one of ${OPTION_KINDS.join(', ')}`)
    }
  }
  return Object.freeze(Object.defineProperty({ ...definition }, BACKEND, { value: API_VERSION }))
}

/** True for a backend made by {@link defineBackend} of any copy of this package. */
export function isBackend(candidate: unknown): candidate is Backend {
  return typeof candidate === 'object' && candidate !== null && BACKEND in candidate
}

const OPTION_KINDS: readonly BackendOption['kind'][] = ['text', 'number', 'flag', 'artefact']

const INSTALL_MOMENTS: readonly InstallMoment[] = ['entry', 'request', 'embedder']

const KINDS: readonly AnswerKind[] = ['native', 'nop', 'code', 'host', 'value']

function checkAnswer(name: string, op: string, answer: Answer): void {
  const fits =
    typeof answer === 'object' &&
    answer !== null &&
    KINDS.includes(answer.kind) &&
    (answer.kind !== 'host' || typeof answer.fn === 'function') &&
    (answer.kind !== 'code' || (typeof answer.symbol === 'string' && answer.symbol !== '')) &&
    (answer.kind !== 'value' || isWord(answer.value))
  if (fits) return
  throw new ParagraftError('PG_OPS_ANSWER', `${name}: the answer to ${op} is not one`, {
    fields: { module: name, op, got: typeof answer === 'object' && answer !== null ? { ...answer } : typeof answer },
    hint: 'Use native(), nop(), code(symbol), host(fn), or value(word) for a data word.',
  })
}

function isWord(word: unknown): boolean {
  return typeof word === 'string' ? word !== '' : Number.isInteger(word) && Number(word) >= 0 && Number(word) < 2 ** 32
}

function checkEntries({ name, entries, code }: OpsDefinition): void {
  if (entries === undefined) return
  if (typeof entries !== 'object' || entries === null) {
    throw shape('PG_OPS_MODULE', name, 'entries', entries, 'an object of entrypoints by head')
  }
  for (const [head, entry] of Object.entries(entries)) {
    const symbol: unknown = entry?.symbol
    if (typeof symbol !== 'string' || symbol === '' || code === undefined) {
      throw shape('PG_OPS_MODULE', name, `entries.${head}.symbol`, symbol, 'a symbol of code.object')
    }
  }
}

/** Code answers need an object: ELF32, little-endian, ET_REL, EM_386 (System V ABI, chapter 4). */
function checkCode(definition: OpsDefinition, answers: readonly Answer[]): void {
  const { name, code: module } = definition
  const refuse = (why: string) =>
    new ParagraftError('PG_OPS_CODE', `${name}: ${why}`, {
      fields: { module: name, bytes: module?.object?.length ?? 0 },
      hint: 'Build the object with `gcc -m32 -mregparm=3 -ffreestanding -fno-pic -c` and pass its bytes as code.object.',
    })
  if (module === undefined || module === null) {
    const symbols = answers.flatMap(answer =>
      answer.kind === 'code'
        ? [answer.symbol]
        : answer.kind === 'value' && typeof answer.value === 'string'
          ? [answer.value]
          : [],
    )
    if (symbols.length > 0) throw refuse(`code answers (${symbols.join(', ')}), but no code.object`)
    return
  }
  const bytes = module.object
  if (!(bytes instanceof Uint8Array) || bytes.length < 52) throw refuse('code.object is not an ELF file')
  const magic = [0x7f, 0x45, 0x4c, 0x46].every((byte, n) => bytes[n] === byte)
  if (!magic) throw refuse('code.object is not an ELF file')
  const [elfClass, order] = [bytes[4], bytes[5]]
  const [type, machine] = [bytes[16]! | (bytes[17]! << 8), bytes[18]! | (bytes[19]! << 8)]
  if (elfClass !== 1 || order !== 1 || type !== 1 || machine !== 3) {
    throw refuse('code.object is not a relocatable ELF32 object for i386')
  }
}
