/** Boots the job's kernel in v86, in this process, and prints the marks. A second argument `interpreter`: JIT off. */
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { V86, type V86Image } from 'v86'
import { jobFromArguments, type Mark, Milestones, ownCpuSeconds, report } from './job.ts'

const job = jobFromArguments()
const marks: Mark[] = []

async function image(file: string): Promise<V86Image> {
  const bytes = await readFile(file)
  return { buffer: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer }
}

const machine = new V86({
  wasm_path: fileURLToPath(new URL('v86.wasm', import.meta.resolve('v86'))),
  memory_size: job.memoryMiB * 2 ** 20,
  bios: await image(job.bios),
  vga_bios: await image(job.vgaBios),
  bzimage: await image(job.kernel),
  initrd: await image(job.initrd),
  cmdline: job.commandLine,
  disable_jit: process.argv[3] === 'interpreter',
  autostart: true,
})

// Its counter is 32 bits wide; output comes far more often than it wraps.
let instructions = 0
function count(): number {
  return (instructions += (machine.get_instruction_counter() - instructions) >>> 0)
}

const milestones = new Milestones(job.texts, (text, last) => {
  marks.push({ text, cpuSeconds: ownCpuSeconds(), instructions: count() })
  if (!last) return
  report(marks)
  process.exit()
})
machine.add_listener('serial0-output-byte', byte => {
  count()
  milestones.push(String.fromCharCode(byte))
})
