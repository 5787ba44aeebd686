/**
 * Runs a paravirtual 32-bit image under the real Xen (real.mjs, with its options) and here, and compares what its console said, line by
 * line. The hypervisor's own lines and rates of transfer are left out. Status 1: they differ. Needs the build.
 *
 *   node scripts/xen/compare.mjs IMAGE [--memory MB] [--prompt TEXT] [--line TEXT]… [--patience SECONDS]
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import xen from '../../packages/backend-xen/dist/index.js'
import { createMachine } from '../../packages/paragraft/dist/index.js'

const here = dirname(fileURLToPath(import.meta.url))
const SLICE = 5_000_000
/** Slices in which a guest that says nothing is taken to be done. */
const QUIET_SLICES = 20

/** The same image here, with the same lines typed at the same prompts. */
async function ours({ image, memory, prompt, lines }) {
  let output = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(image)),
    backend: xen,
    memory: memory * 2 ** 20,
    output: bytes => {
      output += Buffer.from(bytes).toString('latin1')
    },
  })
  let outcome = { kind: 'budget' }
  let typed = 0
  for (let quiet = 0; outcome.kind === 'budget' && quiet < QUIET_SLICES; quiet++) {
    const before = output.length
    outcome = machine.run({ instructions: SLICE })
    if (output.length > before) quiet = 0
    if (prompt === '' || output.split(prompt).length - 1 <= typed) continue
    const line = lines[typed++]
    if (line !== undefined) machine.console.type(Buffer.from(`${line}\r`, 'latin1'))
    quiet = 0
  }
  return { output, end: JSON.stringify(outcome) }
}

/** The real one; real.mjs says how it ended. */
function real(args) {
  const work = mkdtempSync(join(tmpdir(), 'compare-xen-'))
  const out = join(work, 'console')
  const { status, stderr } = spawnSync(process.execPath, [join(here, 'real.mjs'), ...args, '--out', out], {
    encoding: 'utf8',
  })
  if (status !== 0) {
    process.stderr.write(stderr)
    process.exit(status ?? 1)
  }
  const output = readFileSync(out, 'latin1')
  rmSync(work, { recursive: true })
  return { output, end: stderr.trim().split('\n').at(-1) }
}

/** Lines without what only one side can say, or only at its own speed. */
function comparable(output) {
  return output
    .split(/[\r\n]+/)
    .filter(line => !line.startsWith('(XEN)'))
    .map(line => line.replace(/[\d.]+[KMG]?i?B\/s/, 'RATE').trimEnd())
    .filter(line => line !== '')
}

const args = process.argv.slice(2)
const { values, positionals } = parseArgs({
  args,
  allowPositionals: true,
  options: {
    memory: { type: 'string', default: '64' },
    prompt: { type: 'string', default: '' },
    line: { type: 'string', multiple: true, default: [] },
    patience: { type: 'string', default: '30' },
  },
})
const theirs = real(args)
const mine = await ours({
  image: positionals[0],
  memory: Number(values.memory),
  prompt: values.prompt,
  lines: values.line,
})
const [left, right] = [comparable(theirs.output), comparable(mine.output)]
let differ = 0
for (let i = 0; i < Math.max(left.length, right.length); i++) {
  if (left[i] === right[i]) continue
  differ++
  console.log(`Xen:       ${left[i] ?? '(nothing)'}\nParagraft: ${right[i] ?? '(nothing)'}\n`)
}
console.log(
  `Xen: ${left.length} lines; ${theirs.end}\nParagraft: ${right.length} lines; ${mine.end}\n${differ} lines differ`,
)
process.exitCode = differ === 0 ? 0 : 1
