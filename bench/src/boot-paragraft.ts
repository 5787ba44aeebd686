/** Boots the job's kernel in Paragraft, in this process, and prints the marks. */
import { readFile } from 'node:fs/promises'
import native from '@paragraft/backend-native'
import { createMachine, run } from 'paragraft'
import { jobFromArguments, type Mark, Milestones, ownCpuSeconds, report } from './job.ts'

const job = jobFromArguments()
const marks: Mark[] = []
const milestones = new Milestones(job.texts, (text, last) => {
  marks.push({ text, cpuSeconds: ownCpuSeconds(), instructions: machine.instructions() })
  if (last) machine.stop({ kind: 'until', text })
})
const machine = await createMachine({
  image: await readFile(job.kernel),
  initrd: await readFile(job.initrd),
  backend: native,
  memory: job.memoryMiB * 2 ** 20,
  commandLine: job.commandLine,
  output: bytes => milestones.push(String.fromCharCode(...bytes)),
})
await run(machine)
report(marks)
