/** Jobs in processes: Node processes, which measure themselves, and QEMU, which is measured from outside. */
import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { cpuSecondsOf } from './clocks.ts'
import { type Job, type Mark, watch } from './job.ts'
import { type RunOptions, Unfinished } from './subjects.ts'

/** Ours has an in-order Atom's identification: QEMU's model of the same, so that Linux takes the same paths. */
const QEMU_CPU = 'n270'
/** Where guests/bench writes when it is done. */
const DEBUG_EXIT = 'isa-debug-exit,iobase=0x501'

/** Waits for the end of a child that may be ended by whoever reads it. */
function ending(child: ChildProcess, what: string, marks: Mark[], finished: () => boolean): Promise<Mark[]> {
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (status, signal) => {
      if (finished()) resolve(marks)
      else reject(new Unfinished(`${what} ended with ${signal ?? `status ${status}`} before its last text`, marks))
    })
  })
}

/** In a Node process of its own; see run.ts. */
export function runInNode(emulator: string, job: Job, { timeout, onMark }: RunOptions): Promise<Mark[]> {
  const program = fileURLToPath(new URL('run.js', import.meta.url))
  const child = spawn(process.execPath, [program, emulator, JSON.stringify(job)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeout * 1000,
    killSignal: 'SIGKILL',
  })
  const marks: Mark[] = []
  let rest = ''
  let status: number | null = null
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) {
      const mark = JSON.parse(line) as Mark
      marks.push(mark)
      onMark?.(mark)
    }
  })
  child.on('exit', code => (status = code))
  return ending(child, emulator, marks, () => status === 0)
}

/** In QEMU, with the vmlinux's PVH entry or the multiboot image's own. */
export function runInQemu(job: Job, { timeout, onMark }: RunOptions): Promise<Mark[]> {
  const options = {
    '-machine': 'pc',
    '-accel': 'tcg',
    '-cpu': QEMU_CPU,
    '-m': `${job.memoryMiB}M`,
    '-display': 'none',
    '-serial': 'stdio',
    '-device': DEBUG_EXIT,
    '-kernel': job.image,
    '-append': job.commandLine,
    ...(job.initrd === undefined ? {} : { '-initrd': job.initrd }),
  }
  const child = spawn('qemu-system-i386', ['-no-reboot', '-nodefaults', ...Object.entries(options).flat()], {
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: timeout * 1000,
    killSignal: 'SIGKILL',
  })
  const marks: Mark[] = []
  let done = false
  const watched = watch(job, (text, last) => {
    const mark: Mark = { text, cpuSeconds: cpuSecondsOf(child.pid as number) }
    marks.push(mark)
    onMark?.(mark)
    if (!last) return
    done = true
    child.kill('SIGKILL')
  })
  child.stdout.on('data', (chunk: Buffer) => watched.push(chunk.toString('latin1')))
  return ending(child, 'QEMU', marks, () => done)
}
