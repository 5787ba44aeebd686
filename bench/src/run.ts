/** `run.js EMULATOR JOB`: runs a job in this Node process, and prints each mark as a line of JSON on standard output. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { tuneV8 } from 'paragraft/node'
import { ownCpuSeconds } from './clocks.ts'
import { type Host, runParagraft, runV86 } from './emulators.ts'
import type { Job, Mark } from './job.ts'

const [emulator, text] = process.argv.slice(2)
if (text === undefined) throw new Error('started by bench.js, with an emulator and a job')
const job = JSON.parse(text) as Job
const host: Host = {
  // A copy: a small file's buffer is part of a larger one.
  read: async file => new Uint8Array(await readFile(file)),
  v86Wasm: fileURLToPath(new URL('v86.wasm', import.meta.resolve('v86'))),
  mark(text, instructions) {
    const mark: Mark = { text, cpuSeconds: ownCpuSeconds(), instructions }
    process.stdout.write(`${JSON.stringify(mark)}\n`)
  },
}
// As the command line does; v86's JavaScript gains nothing by it.
if (emulator !== 'v86') tuneV8()
await (emulator === 'v86' ? runV86 : runParagraft)(job, host)
process.exit()
