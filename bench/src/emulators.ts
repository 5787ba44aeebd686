/** How a job is run in the two emulators that are made of JavaScript: the same in a Node process and in a web page. */
import native from '@paragraft/backend-native'
import { createMachine, type EngineName, run } from 'paragraft'
import { V86, type V86Image } from 'v86'
import { type Job, watch } from './job.ts'

/** Where it runs: how files are read, and who wants to know the marks. */
export interface Host {
  read(file: string): Promise<Uint8Array<ArrayBuffer>>
  /** v86's WebAssembly, as a path or URL. */
  v86Wasm: string
  /** A text is complete; `instructions` since power-on. Must return soon. */
  mark(text: string, instructions: number): void
}

/** Runs a job in Paragraft until its last mark. */
export async function runParagraft(job: Job, host: Host): Promise<void> {
  const watched = watch(job, (text, last) => {
    host.mark(text, machine.instructions())
    if (last) machine.stop({ kind: 'until', text })
  })
  const machine = await createMachine({
    image: await host.read(job.image),
    backend: native,
    memory: job.memoryMiB * 2 ** 20,
    commandLine: job.commandLine,
    engine: job.engine as EngineName,
    output: bytes => watched.push(String.fromCharCode(...bytes)),
    ...(job.initrd === undefined ? {} : { initrd: await host.read(job.initrd) }),
  })
  const { stop } = await run(machine)
  if (stop.kind !== 'until') throw new Error(`Paragraft stopped: ${JSON.stringify(stop)}`)
}

/** Runs a job in v86 until its last mark; `engine` is `jit` or `interpreter`. */
export async function runV86(job: Job, host: Host): Promise<void> {
  const image = async (file: string): Promise<V86Image> => ({ buffer: (await host.read(file)).buffer })
  const boot = job.kind === 'boot'
  const machine = new V86({
    wasm_path: host.v86Wasm,
    memory_size: job.memoryMiB * 2 ** 20,
    cmdline: job.commandLine,
    disable_jit: job.engine === 'interpreter',
    autostart: true,
    ...(boot ? { bzimage: await image(job.image) } : { multiboot: await image(job.image) }),
    ...(job.initrd === undefined ? {} : { initrd: await image(job.initrd) }),
    ...(job.bios === undefined ? {} : { bios: await image(job.bios) }),
    ...(job.vgaBios === undefined ? {} : { vga_bios: await image(job.vgaBios) }),
  })
  // Its counter is 32 bits wide; output comes far more often than it wraps.
  let instructions = 0
  const count = (): number => (instructions += (machine.get_instruction_counter() - instructions) >>> 0)
  await new Promise<void>(done => {
    const watched = watch(job, (text, last) => {
      host.mark(text, count())
      if (last) done()
    })
    machine.add_listener('serial0-output-byte', byte => {
      count()
      watched.push(String.fromCharCode(byte))
    })
  })
  await machine.stop()
}
