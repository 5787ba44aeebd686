/** Who is measured, and what each is given: the same kernel by the way in that it has. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { runInChromium } from './chromium.ts'
import type { Job, Mark } from './job.ts'
import { runInNode, runInQemu } from './processes.ts'

/** What happens to the marks of a run, and when it is given up. */
export interface RunOptions {
  /** Seconds of real time. */
  timeout: number
  onMark?: (mark: Mark) => void
}

/** A run that did not come to its end, with what it did before. */
export class Unfinished extends Error {
  readonly marks: readonly Mark[]

  constructor(message: string, marks: readonly Mark[]) {
    super(message)
    this.marks = marks
  }
}

export interface Subject {
  name: string
  title: string
  /** Runs a job to its last mark; throws {@link Unfinished}. */
  run(job: Job, options: RunOptions): Promise<Mark[]>
  /** Which of its engines runs. */
  engine: string
  /** What it boots: the compressed image, or the ELF in it by the entry that it knows. */
  boots: 'bzImage' | 'vmlinux'
  /** A subject before it whose counts suit it too. */
  like?: string
  /** Takes part unless told otherwise. */
  usual: boolean
  /** What it needs that may be missing here. */
  needs?: { what: string; there: () => boolean }
}

const CHROMIUM = '/usr/bin/chromium'

export const guestFile = (name: string): string => fileURLToPath(new URL(`../../.guests/${name}`, import.meta.url))
const BENCH_ELF = fileURLToPath(new URL('../../guests/bench/bench.elf', import.meta.url))

function paragraft(name: string, title: string, engine: string, usual: boolean): Subject {
  return { name, title, engine, usual, boots: 'vmlinux', run: (job, options) => runInNode('paragraft', job, options) }
}
function v86(name: string, title: string, engine: string, usual: boolean): Subject {
  return { name, title, engine, usual, boots: 'bzImage', run: (job, options) => runInNode('v86', job, options) }
}
function inChromium(of: Subject, name: string, title: string, emulator: string): Subject {
  return {
    ...of,
    name,
    title,
    like: of.name,
    run: (job, options) => runInChromium(CHROMIUM, emulator, job, options),
    needs: { what: CHROMIUM, there: () => existsSync(CHROMIUM) },
  }
}

const PARAGRAFT = paragraft('paragraft', 'Paragraft', 'translator', true)
const V86 = v86('v86', 'v86', 'jit', true)

export const SUBJECTS: readonly Subject[] = [
  PARAGRAFT,
  paragraft('interpreter', 'Paragraft, interpreter', 'interpreter', false),
  V86,
  v86('v86-interpreter', 'v86, JIT off', 'interpreter', false),
  { name: 'qemu', title: 'QEMU TCG', engine: 'tcg', usual: true, boots: 'vmlinux', run: runInQemu },
  inChromium(PARAGRAFT, 'chromium', 'Paragraft in Chromium', 'paragraft'),
  inChromium(V86, 'chromium-v86', 'v86 in Chromium', 'v86'),
]

/** A boot of Debian's kernel, as `subject` needs it. */
export function bootJob(subject: Subject, commandLine: string, texts: readonly string[]): Job {
  return {
    kind: 'boot',
    image: guestFile(subject.boots === 'vmlinux' ? 'vmlinux-686-pae' : 'vmlinuz-686-pae'),
    initrd: guestFile('initramfs.cpio.gz'),
    memoryMiB: 256,
    commandLine,
    texts,
    engine: subject.engine,
    ...(subject.boots === 'vmlinux' ? {} : { bios: guestFile('seabios.bin'), vgaBios: guestFile('vgabios.bin') }),
  }
}

/** Kernels of guests/bench with their counts, one after the other in one machine. */
export function kernelsJob(subject: Subject, counts: readonly (readonly [name: string, count: number])[]): Job {
  const commandLine = `run=${counts.map(([name, count]) => `${name}:${count}`).join(',')}`
  return { kind: 'kernels', image: BENCH_ELF, memoryMiB: 64, commandLine, texts: [], engine: subject.engine }
}

/** What of `pnpm guests` a boot needs and is not there. */
export function missingForBoots(): string[] {
  const names = ['vmlinux-686-pae', 'vmlinuz-686-pae', 'initramfs.cpio.gz', 'seabios.bin', 'vgabios.bin']
  return names.map(guestFile).filter(file => !existsSync(file))
}

/** The manifest of the fetched guests. */
export const MANIFEST = guestFile('manifest.json')
