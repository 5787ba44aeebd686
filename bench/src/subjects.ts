/** The peers: how each is started, and how the CPU time that its process uses is read. */
import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Job, type Mark, Milestones } from './job.ts'

export interface Subject {
  name: string
  title: string
  boot(job: Job, timeoutSeconds: number): Promise<Mark[]>
}

/** Clock ticks a second in `/proc/PID/stat`: a constant of Linux on every architecture that Node runs on. */
const USER_HZ = 100

/** Ours has an in-order Atom's identification: QEMU's model of the same, so that the kernel takes the same paths. */
const QEMU_CPU = 'n270'

export const SUBJECTS: readonly Subject[] = [
  { name: 'paragraft', title: 'Paragraft, interpreter', boot: program('boot-paragraft.js') },
  { name: 'v86-interpreter', title: 'v86, JIT off', boot: program('boot-v86.js', 'interpreter') },
  { name: 'v86', title: 'v86', boot: program('boot-v86.js') },
  { name: 'qemu', title: 'QEMU TCG', boot: bootQemu },
]

/** A boot in a Node process that measures itself. */
function program(file: string, ...options: string[]): Subject['boot'] {
  const path = fileURLToPath(new URL(file, import.meta.url))
  return (job, timeoutSeconds) =>
    new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [path, JSON.stringify(job), ...options], {
        stdio: ['ignore', 'pipe', 'inherit'],
        timeout: timeoutSeconds * 1000,
      })
      let output = ''
      child.stdout.on('data', chunk => (output += chunk))
      child.on('error', reject)
      child.on('close', (status, signal) => {
        if (status === 0) resolve(JSON.parse(output) as Mark[])
        else reject(new Error(`${file} ended with ${signal ?? `status ${status}`} before the last text`))
      })
    })
}

/** A boot in QEMU, measured from outside. */
function bootQemu(job: Job, timeoutSeconds: number): Promise<Mark[]> {
  const options = {
    '-machine': 'pc',
    '-accel': 'tcg',
    '-cpu': QEMU_CPU,
    '-m': `${job.memoryMiB}M`,
    '-display': 'none',
    '-serial': 'stdio',
    '-kernel': job.kernel,
    '-initrd': job.initrd,
    '-append': job.commandLine,
  }
  return new Promise((resolve, reject) => {
    const child = spawn('qemu-system-i386', ['-no-reboot', '-nodefaults', ...Object.entries(options).flat()], {
      stdio: ['ignore', 'pipe', 'inherit'],
      timeout: timeoutSeconds * 1000,
    })
    const marks: Mark[] = []
    let done = false
    const milestones = new Milestones(job.texts, (text, last) => {
      marks.push({ text, cpuSeconds: cpuSecondsOf(child.pid as number) })
      if (!last) return
      done = true
      child.kill()
    })
    child.stdout.on('data', (chunk: Buffer) => milestones.push(chunk.toString('latin1')))
    child.on('error', reject)
    child.on('close', (status, signal) => {
      if (done) resolve(marks)
      else reject(new Error(`QEMU ended with ${signal ?? `status ${status}`} before the last text`))
    })
  })
}

/** `utime` and `stime`, fields 14 and 15 of `/proc/PID/stat` (proc(5)); the name in field 2 may hold spaces. */
function cpuSecondsOf(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / USER_HZ
}
