/** `paragraft object`: what is in an object file that a module means to bring, whether it can be linked, and for which ops. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { CATALOGUE, ERAS, type Era, EXIT_OK, findOp, formatTable, type OpEntry, opVersion } from '@paragraft/core'
import { link, type ObjectFile, objectExtent, readObject } from '@paragraft/core/elf'
import { GUEST_SYMBOL, nativeSymbol } from '@paragraft/core/ops'
import { eraByName } from '../cli/eras.ts'
import { readUserFile } from '../cli/files.ts'
import { parse } from '../cli/settings.ts'
import { type Command, usageError } from '../cli/usage.ts'

const HELP = `paragraft object: check an object file with code for ops

usage: paragraft object FILE [--for ERA] [--json]

Reads a relocatable object (gcc -m32 -mregparm=3 -ffreestanding -fno-pic -c, or as --32), links it as the loader would, and says
which of its functions bear an op's name, and what they ask of the guest. What the loader could not link is refused.

A function answers an op by being named in a module: code('my_io_delay'). That its name ends like the op's, or like the op's
member in some kernel's table, is a custom by which this command finds it, and no more.

  --for ERA     only the ops of that era's table, with their signatures there
  --json        the same as data
`

/** Where an object is linked on trial: in a kernel's half, on a page. */
const TRIAL_BASE = 0xc100_0000

/** A function of the object, and the op that its name suggests. */
interface Finding {
  readonly symbol: string
  readonly bytes: number
  readonly op?: string
  readonly signature?: string
}

/** A symbol that the loader resolves, and to what. */
interface Want {
  readonly symbol: string
  readonly weak: boolean
  readonly means: string
}

const NATIVE: ReadonlyMap<string, string> = new Map(CATALOGUE.map(({ op }) => [nativeSymbol(op), op]))

/** The symbols of the loader's own, ModuleCode's documentation in core. */
const OWN: Readonly<Record<string, string>> = {
  pg_table: "the guest's op table",
  pg_entry: "the guest's own entrypoint",
  pg_region_start: 'where the grafted pages begin',
  pg_region_end: 'where they end',
}

/** What an undefined symbol means; undefined: nothing to the loader. */
function meaning(symbol: string): string | undefined {
  const op = NATIVE.get(symbol)
  if (op !== undefined) return `what the table held for ${op}`
  if (symbol.startsWith(GUEST_SYMBOL)) return `${symbol.slice(GUEST_SYMBOL.length)} in the guest's symbol table`
  return OWN[symbol]
}

/** Ops by every name that they have had: in the catalogue, and as members of tables. */
function opsByName(eras: readonly Era[]): ReadonlyMap<string, OpEntry> {
  const names = new Map<string, OpEntry>()
  for (const era of eras) {
    for (const slot of era.slots) {
      const entry = findOp(slot.op)
      if (entry === undefined || slot.kind === 'data') continue
      for (const name of [slot.member, slot.op.slice(slot.op.indexOf('.') + 1)]) names.set(name, entry)
    }
  }
  return names
}

/** The op whose name is the longest end of a symbol, from an underscore on. */
function opOf(symbol: string, names: ReadonlyMap<string, OpEntry>): OpEntry | undefined {
  for (let at = 0; at >= 0; at = symbol.indexOf('_', at + 1)) {
    const found = names.get(at === 0 ? symbol : symbol.slice(at + 1))
    if (found !== undefined) return found
  }
  return undefined
}

function signatureOf(entry: OpEntry, era: Era | undefined): string {
  const slot = era?.slots.find(({ op }) => op === entry.op)
  const version = slot === undefined ? entry.versions.at(-1) : opVersion(entry, slot.version)
  return version?.signature.text ?? ''
}

function functionsOf(object: ObjectFile, era: Era | undefined): Finding[] {
  const names = opsByName(era === undefined ? ERAS : [era])
  const executable = new Set(object.sections.filter(section => section.executable).map(({ index }) => index))
  return object.symbols
    .filter(({ binding, section }) => binding !== 'local' && typeof section === 'number' && executable.has(section))
    .map(({ name, size }) => {
      const entry = opOf(name, names)
      const op = entry === undefined ? {} : { op: entry.op, signature: signatureOf(entry, era) }
      return { symbol: name, bytes: size, ...op }
    })
}

function wantsOf(object: ObjectFile): Want[] {
  return object.symbols.flatMap(({ name, binding, section }) => {
    if (section !== 'undefined' || name === '') return []
    // Only weak ones may mean nothing: linking has refused the others.
    return [{ symbol: name, weak: binding === 'weak', means: meaning(name) ?? 'nothing that the loader knows' }]
  })
}

export const objectCommand: Command = {
  name: 'object',
  summary: 'check an object file with code for ops, and which ops it has',
  help: HELP,
  async run(argv, world) {
    const { values, positionals } = parse(() =>
      parseArgs({
        args: argv,
        options: { for: { type: 'string' }, json: { type: 'boolean' } },
        allowPositionals: true,
        strict: true,
      }),
    )
    const [file, ...more] = positionals
    if (file === undefined || more.length > 0) {
      throw usageError('object wants one file', 'Write for example paragraft object ops.o --for 1.3.')
    }
    const era = values.for === undefined ? undefined : eraByName(values.for)
    const object = readObject(readUserFile(resolve(world.cwd, file), 'the object'))
    const { size, align } = objectExtent(object)
    link(object, { base: TRIAL_BASE, resolve: name => (meaning(name) === undefined ? undefined : TRIAL_BASE) })
    const data = { file, bytes: size, align, functions: functionsOf(object, era), wants: wantsOf(object) }
    world.stdout(values.json ? `${JSON.stringify(data, null, 2)}\n` : textOf(data))
    return EXIT_OK
  },
}

function textOf(data: { file: string; bytes: number; align: number; functions: Finding[]; wants: Want[] }): string {
  const functions = data.functions.map(({ symbol, bytes, op = '-', signature = '' }) => [symbol, bytes, op, signature])
  const wants = data.wants.map(({ symbol, weak, means }) => [symbol, weak ? `${means}, or 0` : means])
  const parts = [
    `${data.file}: it links; ${data.bytes} bytes in the guest, aligned to ${data.align}`,
    formatTable(['function', 'bytes', 'op', 'signature'], functions),
    ...(wants.length === 0 ? [] : [formatTable(['symbol that the loader resolves', 'to'], wants)]),
  ]
  return `${parts.join('\n\n')}\n`
}
