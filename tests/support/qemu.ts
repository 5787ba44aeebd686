/**
 * A guest in QEMU, looked at from outside: what it has on its serial line and in its text memory, and keys for it. Driven
 * by the QEMU Machine Protocol (QEMU's documentation, "QEMU QMP Reference Manual") on the process's standard streams.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { onTestFinished } from 'vitest'
import { scratch } from './paragraft.ts'

const TEXT_MEMORY = 0xb8000
const LOOK_EVERY_MS = 100
/** A guest that has not shown in this time what it was watched for will not. */
const PATIENCE_MS = 90_000

export interface QemuGuest {
  /** A file that QEMU's `-kernel` takes: multiboot or the Linux boot protocol. */
  kernel: string
  commandLine: string
  /** In megabytes. */
  memory: number
}

export class Qemu {
  readonly #folder = scratch()
  readonly #process: ChildProcess
  readonly #ended: Promise<void>
  readonly #answers: ((answer: { error?: { desc: string } }) => void)[] = []
  #complaint = ''

  private constructor({ kernel, commandLine, memory }: QemuGuest) {
    // No parallel port, floppy drive or CD-ROM: the rest of the board cannot be left out.
    const machine = ['-M', 'pc', '-m', `${memory}`, '-nodefaults', '-vga', 'std', '-display', 'none', '-no-reboot']
    const clock = ['-rtc', 'base=2026-01-01T00:00:00']
    const channels = ['-serial', `file:${this.#at('serial')}`, '-qmp', 'stdio']
    const guest = ['-kernel', kernel, '-append', commandLine]
    const qemu = spawn('qemu-system-i386', [...machine, ...clock, ...channels, ...guest], { stdio: 'pipe' })
    this.#process = qemu
    this.#ended = new Promise(resolve => qemu.on('close', () => resolve()))
    qemu.stderr.on('data', chunk => (this.#complaint += chunk))
    qemu.stdin.on('error', () => {})
    let line = ''
    qemu.stdout.on('data', chunk => {
      const lines = (line + chunk).split('\n')
      line = lines.pop()!
      for (const text of lines) {
        const message = JSON.parse(text)
        if ('return' in message || 'error' in message) this.#answers.shift()!(message)
      }
    })
  }

  /** Starts the guest; it ends with the test. */
  static async start(guest: QemuGuest): Promise<Qemu> {
    const qemu = new Qemu(guest)
    onTestFinished(() => qemu.#end())
    await qemu.#command('qmp_capabilities')
    return qemu
  }

  /** What has been on the first serial line so far, Latin-1. */
  serial(): string {
    return existsSync(this.#at('serial')) ? readFileSync(this.#at('serial'), 'latin1') : ''
  }

  /** The 80 × 25 cells of the text screen, character and attribute. */
  async textMemory(): Promise<Uint8Array> {
    const filename = this.#at('text')
    await this.#command('pmemsave', { val: TEXT_MEMORY, size: 4000, filename })
    return new Uint8Array(readFileSync(filename))
  }

  /** Presses and releases keys, one after the other; QEMU's names of keys (`QKeyCode`). */
  async keys(...names: string[]): Promise<void> {
    for (const name of names) {
      await this.hold(name)
      await this.#move(name, false)
    }
  }

  /** Presses a key and does not let go. */
  async hold(name: string): Promise<void> {
    await this.#move(name, true)
  }

  /** The text memory as soon as it is as wanted. */
  async textMemoryWhen(what: string, wanted: (text: Uint8Array) => boolean): Promise<Uint8Array> {
    return this.#when(what, () => this.textMemory(), wanted)
  }

  /** The serial line's text as soon as it is as wanted. */
  async serialWhen(what: string, wanted: (text: string) => boolean): Promise<string> {
    return this.#when(what, async () => this.serial(), wanted)
  }

  async #when<T>(what: string, look: () => Promise<T>, wanted: (seen: T) => boolean): Promise<T> {
    for (const start = performance.now(); performance.now() - start < PATIENCE_MS; await sleep(LOOK_EVERY_MS)) {
      const seen = await look()
      if (wanted(seen)) return seen
    }
    throw new Error(`in QEMU the guest did not show ${what}; its serial line: ${this.serial()}`)
  }

  async #move(name: string, down: boolean): Promise<void> {
    const data = { down, key: { type: 'qcode', data: name } }
    await this.#command('input-send-event', { events: [{ type: 'key', data }] })
  }

  #at(name: string): string {
    return join(this.#folder, name)
  }

  async #command(execute: string, args: object = {}): Promise<void> {
    const answer = new Promise<{ error?: { desc: string } }>(resolve => this.#answers.push(resolve))
    this.#process.stdin!.write(`${JSON.stringify({ execute, arguments: args })}\n`)
    const { error } = await Promise.race([
      answer,
      this.#ended.then(() => ({ error: { desc: `QEMU has ended: ${this.#complaint}` } })),
    ])
    if (error !== undefined) throw new Error(`QEMU, ${execute}: ${error.desc}`)
  }

  async #end(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#ended
  }
}
