/**
 * Makes the index of docs/errors, by subject: the code, and what its page says first.
 *
 *   node scripts/gen-errors.mjs            writes docs/errors/README.md
 *   node scripts/gen-errors.mjs --check    fails where it is not what it would write
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './lib/workspace.mjs'

/** Subjects, and how the codes that belong there begin, without PG_. */
const SUBJECTS = [
  [
    'Command line and config',
    ['USAGE', 'CONFIG', 'FILE', 'REPORT_FILE', 'DISK_FILE', 'CAPTURE_FILE', 'DEPRECATED', 'CREATE'],
  ],
  ['Images of guests', ['IMAGE']],
  ['The machine: memory, ports, devices', ['RAM', 'MEMORY', 'IO', 'MMIO', 'PCI', 'ACPI', 'DEVICE']],
  ['Entering a guest', ['HEAD']],
  ['Backends and plug-ins', ['BACKEND', 'ABILITY', 'API', 'METADATA', 'PLUGIN']],
  ['Ops modules', ['OPS', 'HOST', 'LAYOUT', 'LEDGER', 'LINK']],
  ['Installing and grafting', ['INSTALL', 'GRAFT']],
  ['Snapshots', ['SNAPSHOT']],
  ['VMI', ['VMI']],
  ['Guests that went wrong', ['GUEST', 'XEN']],
]

const folder = join(root, 'docs/errors')
const codes = readdirSync(folder)
  .filter(name => /^PG_[A-Z0-9_]+\.md$/.test(name))
  .map(name => name.slice(0, -3))
  .sort()

/** The longest beginning that fits decides. */
function subjectOf(code) {
  const fits = beginning => code === `PG_${beginning}` || code.startsWith(`PG_${beginning}_`)
  const found = SUBJECTS.flatMap(([subject, beginnings]) =>
    beginnings.filter(fits).map(b => ({ subject, length: b.length })),
  )
  if (found.length === 0) throw new Error(`${code} belongs to no subject: name one in scripts/gen-errors.mjs`)
  return found.sort((a, b) => b.length - a.length)[0].subject
}

/** What a page says first, as one line. */
function summary(code) {
  const [, first] = readFileSync(join(folder, `${code}.md`), 'utf8').split('\n\n')
  return first.replace(/\s*\n\s*/g, ' ').replaceAll('|', '\\|')
}

const tables = SUBJECTS.map(([subject]) => {
  const rows = codes
    .filter(code => subjectOf(code) === subject)
    .map(code => `| [\`${code}\`](${code}.md) | ${summary(code)} |`)
  return `## ${subject}\n\n| Code | |\n| --- | --- |\n${rows.join('\n')}\n`
})
const text = `# Error codes

<!-- Made by scripts/gen-errors.mjs from the pages. -->

Whatever goes wrong has a code, which stays what it is from version to version. An error's \`code\`, \`fields\` and \`hint\` are for
programs; its page here says what happened, why, and what to do.

${tables.join('\n')}`

const file = join(folder, 'README.md')
if (process.argv.includes('--check')) {
  if (!existsSync(file) || readFileSync(file, 'utf8') !== text) {
    process.stderr.write('docs/errors/README.md is not what its pages say: node scripts/gen-errors.mjs\n')
    process.exitCode = 1
  }
} else writeFileSync(file, text)
