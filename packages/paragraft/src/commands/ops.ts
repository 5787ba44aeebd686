/** `paragraft ops`: the catalogue of ops, the table of an era, and what changed between two. */
import { parseArgs } from 'node:util'
import {
  CATALOGUE,
  diffEras,
  ERAS,
  type Era,
  type EraSlot,
  EXIT_OK,
  eraName,
  formatTable,
  type OpEntry,
  opEntry,
} from '@paragraft/core'
import { eraByName } from '../cli/eras.ts'
import { parse } from '../cli/settings.ts'
import { type Command, usageError } from '../cli/usage.ts'

const HELP = `paragraft ops: what a guest may ask of its hypervisor, by version

usage: paragraft ops [--json]              every op: its identity, what the guest means by it, its newest signature
       paragraft ops eras [--json]         the eras: which kernels have which table
       paragraft ops ERA [--json]          the table of an era, slot by slot
       paragraft ops diff A B [--json]     what era B has that A has not, what it lost, what it changed

An op keeps its identity (mmu.flush_tlb_one_user) when a header renames or moves its member. An era is one layout of the
table; 5.0 means the i386 one, 5.0/x86_64 the other.

  --json    the same as data
`

function signatureOf(slot: EraSlot): string {
  if (slot.kind === 'data') return 'data'
  const version = opEntry(slot.op).versions.find(candidate => candidate.version === slot.version)
  return version?.signature.text ?? ''
}

function catalogueText(): string {
  const rows = CATALOGUE.map((entry: OpEntry) => [entry.op, entry.versions.at(-1)?.version ?? '-', entry.meaning])
  return `${formatTable(['op', 'version', 'meaning'], rows)}\n`
}

function erasText(): string {
  const rows = ERAS.map(era => [eraName(era), era.slots.length, era.container, era.kernels])
  return `${formatTable(['era', 'slots', 'table', 'kernels'], rows)}\n`
}

function eraText(era: Era): string {
  const rows = era.slots.map(slot => [
    slot.slot,
    slot.op,
    slot.version,
    slot.member,
    `${signatureOf(slot)}${slot.calleeSave ? ' [callee-save]' : ''}`,
  ])
  const header = ['slot', 'op', 'version', 'member', 'signature']
  return `era ${eraName(era)}: ${era.container}, Linux ${era.kernels}\n\n${formatTable(header, rows)}\n`
}

function differenceText(a: Era, b: Era): string {
  const { added, removed, renamed, changed, convention, moved } = diffEras(a, b)
  const lines = [
    `from ${eraName(a)} (${a.slots.length} slots) to ${eraName(b)} (${b.slots.length} slots); ${moved} ops moved`,
    ...removed.map(
      ({ op, servedBy }) => `- ${op}${servedBy.length > 0 ? `  (served by an answer to ${servedBy})` : ''}`,
    ),
    ...added.map(({ op }) => `+ ${op}`),
    ...renamed.map(({ op, from, to }) => `~ ${op}: ${from.member} is now ${to.member}`),
    ...changed.flatMap(({ op, from, to, was, is }) => [
      `~ ${op}: ${from.version} is now ${to.version}`,
      `    was ${was}`,
      `    is  ${is}`,
    ]),
    ...convention.map(({ op, to }) => `~ ${op}: ${to.calleeSave ? 'now' : 'no longer'} callee-save`),
  ]
  return `${lines.join('\n')}\n`
}

export const opsCommand: Command = {
  name: 'ops',
  summary: 'the catalogue of ops, the table of an era, the difference between two',
  help: HELP,
  async run(argv, world) {
    const { values, positionals } = parse(() =>
      parseArgs({ args: argv, options: { json: { type: 'boolean' } }, allowPositionals: true, strict: true }),
    )
    const answer = (data: unknown, text: () => string): number => {
      world.stdout(values.json ? `${JSON.stringify(data, null, 2)}\n` : text())
      return EXIT_OK
    }
    const [first, second, third, ...more] = positionals
    if (first === undefined) return answer(CATALOGUE, catalogueText)
    if (first === 'diff') {
      if (second === undefined || third === undefined || more.length > 0) {
        throw usageError('ops diff compares two eras', 'Write for example paragraft ops diff 2.0 5.0.')
      }
      const [a, b] = [eraByName(second), eraByName(third)]
      return answer(diffEras(a, b), () => differenceText(a, b))
    }
    if (second !== undefined) throw usageError(`ops takes one era, not also ${second}`, 'See paragraft ops --help.')
    if (first === 'eras') return answer(ERAS, erasText)
    const era = eraByName(first)
    return answer(era, () => eraText(era))
  },
}
