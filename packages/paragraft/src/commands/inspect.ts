/** `paragraft inspect`: what an image is, what holds its ops, and who can boot it. */
import { resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { EXIT_OK, formatTable, type GuestImage, type LayoutSlot, type Oracle } from '@paragraft/core'
import { isParagraftError } from '@paragraft/core/errors'
import { findLayout, parseImage } from '@paragraft/loader'
import { chooseOps } from '../choose-ops.ts'
import { reachablePlugins } from '../cli/discovery.ts'
import { readUserFile } from '../cli/files.ts'
import { findBackend, loadBackend, loadDefaultOps, loadOps } from '../cli/plugins.ts'
import { formatSize } from '../cli/quantities.ts'
import { NO_DEFAULT_OPS, onePositional, parse } from '../cli/settings.ts'
import type { Command } from '../cli/usage.ts'
import { askHeads, type HeadAnswer, waysIn } from '../heads.ts'
import { DEFAULT_MEMORY } from '../machine-config.ts'

const HELP = `paragraft inspect: look at a guest image without running it

usage: paragraft inspect IMAGE [--ops NAME|PATH] [--json]

Says which formats the image is made of, its entrypoints and notes, where its op table is and what each slot holds, and
which backends and heads can boot it – and for the others, why not.

  --ops NAME|PATH   an ops module: its entrypoints count, for heads that the image has none for. May be given several times;
                    none leaves out the backends' default modules, which count as in a run
  --json            the same as data
`

/** Backends of this project; those that are not installed are said to be missing. */
const BACKENDS = ['native', 'xen', 'vmi']

/** What `--json` prints. */
interface Inspection {
  image: string
  bytes: number
  format: string[]
  machine: string
  kernelVersion?: string
  segments: { paddr: number; vaddr: number; fileBytes: number; memoryBytes: number; flags: string }[]
  entries: { kind: string; address: number }[]
  notes: { owner: string; type: number; bytes: string }[]
  ops:
    | { found: false; reason: string; oracles: Oracle[] }
    | {
        found: true
        era: string
        tableVa: number
        tablePa: number
        slots: (LayoutSlot & { sites: number })[]
        sites: number
        oracles: Oracle[]
      }
  backends: { backend: string; heads?: HeadAnswer[]; missing?: string }[]
}

const hex = (value: number): string => {
  // Addresses of 64-bit kernels are signed numbers.
  const unsigned = value < 0 ? BigInt.asUintN(64, BigInt(value)) : BigInt(value)
  return `0x${unsigned.toString(16)}`
}

const indent = (text: string): string => text.replace(/^/gm, '  ').concat('\n')

/** What each backend makes of the image, with these modules or, as in a run, its own default ones. */
async function backendsFor(image: GuestImage, ops: readonly string[], cwd: string): Promise<Inspection['backends']> {
  const named = ops.filter(name => name !== NO_DEFAULT_OPS)
  const modules = await Promise.all(named.map(name => loadOps({ name, from: cwd })))
  const known = new Set(BACKENDS.map(name => `@paragraft/backend-${name}`))
  const others = reachablePlugins(cwd).filter(
    plugin => plugin.metadata?.kind === 'backend' && !known.has(plugin.package),
  )
  const found: Inspection['backends'] = []
  for (const name of [...BACKENDS, ...others.map(other => other.package)]) {
    try {
      const plugin = findBackend({ name, from: cwd })
      const backend = await loadBackend({ name, from: cwd }, plugin)
      const defaultOps = named.length < ops.length ? null : () => loadDefaultOps(plugin)
      const chosen = await chooseOps({ backend, ops: modules, defaultOps }, image)
      found.push({ backend: name, heads: askHeads(backend, image, waysIn(image, chosen, DEFAULT_MEMORY)) })
    } catch (error) {
      if (!isParagraftError(error)) throw error
      found.push({ backend: name, missing: error.code === 'PG_PLUGIN_NOT_FOUND' ? 'not installed' : error.message })
    }
  }
  return found
}

function opsOf(image: GuestImage): Inspection['ops'] {
  const result = findLayout(image)
  if (!result.found) return { found: false, reason: result.reason, oracles: result.oracles }
  const { layout } = result
  const count = (slot: number): number => layout.sites.filter(site => site.slot === slot).length
  return {
    found: true,
    era: layout.era,
    tableVa: layout.tableVa,
    tablePa: layout.tablePa,
    slots: layout.slots.map(slot => ({ ...slot, sites: count(slot.slot) })),
    sites: layout.sites.length,
    oracles: layout.oracles,
  }
}

function text(inspection: Inspection): string {
  const parts = [
    `${inspection.image}: ${inspection.format.join(' → ')}, ${inspection.machine}, ${formatSize(inspection.bytes)}\n`,
  ]
  if (inspection.kernelVersion !== undefined) parts.push(`kernel ${inspection.kernelVersion}\n`)
  parts.push(
    '\nsegments\n',
    indent(
      formatTable(
        ['physical', 'virtual', 'in file', 'in memory', 'flags'],
        inspection.segments.map(row => [hex(row.paddr), hex(row.vaddr), row.fileBytes, row.memoryBytes, row.flags]),
      ),
    ),
    '\nentrypoints\n',
    ...inspection.entries.map(entry => `  ${entry.kind.padEnd(10)} ${hex(entry.address)}\n`),
  )
  if (inspection.notes.length > 0) {
    parts.push('\nnotes\n', ...inspection.notes.map(note => `  ${note.owner} ${note.type}: ${note.bytes}\n`))
  }
  parts.push('\nops\n', opsText(inspection.ops), '\nwho can boot it\n')
  for (const { backend, heads, missing } of inspection.backends) {
    if (missing !== undefined) parts.push(`  ${backend}: ${missing}\n`)
    for (const { head, match, module } of heads ?? []) {
      const whose = module === undefined ? '' : `, the entrypoint of ${module}`
      const answer = match.match
        ? `yes, at ${hex(match.entry)}${whose}${match.note === undefined ? '' : ` (${match.note})`}`
        : `no: ${match.reason}`
      parts.push(`  ${backend} by ${head}: ${answer}\n`)
    }
  }
  return parts.join('')
}

function opsText(ops: Inspection['ops']): string {
  const oracles = ops.oracles.map(
    oracle => `  ${oracle.name}: ${oracle.tableVa === null ? 'silent' : hex(oracle.tableVa)} – ${oracle.says}\n`,
  )
  if (!ops.found) return [`  no table: ${ops.reason}\n`, ...oracles].join('')
  return [
    `  era ${ops.era}, table at ${hex(ops.tableVa)} (physical ${hex(ops.tablePa)}), ${ops.sites} call sites\n`,
    ...oracles,
    indent(
      formatTable(
        ['slot', 'op', 'version', 'sites', 'holds'],
        ops.slots.map(row => [row.slot, row.op, row.version, row.sites, `${hex(row.target)} ${row.targetName ?? ''}`]),
      ),
    ),
  ].join('')
}

export const inspectCommand: Command = {
  name: 'inspect',
  summary: 'what an image is, what its op table holds, who can boot it',
  help: HELP,
  async run(argv, world) {
    const { values, positionals } = parse(() =>
      parseArgs({
        args: argv,
        options: { json: { type: 'boolean' }, ops: { type: 'string', multiple: true } },
        allowPositionals: true,
        strict: true,
      }),
    )
    const name = onePositional(positionals, 'inspect', 'an image')
    const bytes = readUserFile(resolve(world.cwd, name), 'the image')
    const image = await parseImage(bytes)
    const inspection: Inspection = {
      image: name,
      bytes: bytes.length,
      format: image.format,
      machine: image.machine,
      ...(image.linux === undefined ? {} : { kernelVersion: image.linux.kernelVersion }),
      segments: image.segments.map(segment => ({
        paddr: segment.paddr,
        vaddr: segment.vaddr,
        fileBytes: segment.bytes.length,
        memoryBytes: segment.memorySize,
        flags: `${segment.flags.read ? 'r' : '-'}${segment.flags.write ? 'w' : '-'}${segment.flags.execute ? 'x' : '-'}`,
      })),
      entries: image.entries,
      notes: image.notes.map(note => ({
        owner: note.owner,
        type: note.type,
        bytes: [...note.desc].map(byte => byte.toString(16).padStart(2, '0')).join(''),
      })),
      ops: opsOf(image),
      backends: await backendsFor(image, values.ops ?? [], world.cwd),
    }
    world.stdout(values.json ? `${JSON.stringify(inspection, null, 2)}\n` : text(inspection))
    return EXIT_OK
  },
}
