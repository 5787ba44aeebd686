/** Running a guest in QEMU and reading its first serial port. */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface QemuRun {
  console: string
  /** QEMU's exit status; undefined when it was still running and had to be ended. */
  status: number | undefined
}

export interface QemuOptions {
  /** The guest's command line. */
  append?: string
  /** A boot module: file name, then its command line. */
  module?: string
  /** Ends a run that does not end by itself; 60 unless told. */
  seconds?: number
  /** Once the console shows this, the guest has a second left to live: for guests that stop without an end. */
  until?: RegExp
  /** Further arguments for QEMU. */
  args?: string[]
}

/** Boots an ELF image, by path or by content, as a multiboot kernel on QEMU's `pc`, without network or display. */
export async function runInQemu(image: string | Uint8Array, options: QemuOptions = {}): Promise<QemuRun> {
  const folder = mkdtempSync(join(tmpdir(), 'paragraft-guest-'))
  const kernel = typeof image === 'string' ? image : join(folder, 'guest.elf')
  if (typeof image !== 'string') writeFileSync(kernel, image)
  const args = ['-M', 'pc', '-m', '128', '-nodefaults', '-no-reboot', '-display', 'none', '-serial', 'stdio']
  args.push('-kernel', kernel, '-append', options.append ?? '')
  if (options.module) args.push('-initrd', options.module)
  args.push(...(options.args ?? []))

  const child = spawn('qemu-system-i386', args, { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  let ended = false
  const end = () => {
    ended = true
    child.kill('SIGKILL')
  }
  const timers = [setTimeout(end, (options.seconds ?? 60) * 1000)]
  child.stdout.setEncoding('latin1').on('data', (piece: string) => {
    text += piece
    if (options.until?.test(text)) timers.push(setTimeout(end, 1000))
  })
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve)
    })
    return { console: text, status: ended ? undefined : (status ?? undefined) }
  } finally {
    for (const timer of timers) clearTimeout(timer)
    rmSync(folder, { recursive: true })
  }
}
