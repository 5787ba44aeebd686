/** Runs the built command line as a user does, and makes the smallest guests there are. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { RunReport } from '@paragraft/core'
import { onTestFinished } from 'vitest'

/** The repository's root. */
export const root: string = fileURLToPath(new URL('../../', import.meta.url))
const BIN = join(root, 'packages/paragraft/bin/paragraft.js')

export interface Outcome {
  status: number | null
  stdout: string
  stderr: string
}

export interface Invocation {
  /** Given on standard input, which then ends. */
  input?: string
  cwd?: string
}

/** Runs `paragraft ARGS`. */
export function paragraft(args: string[], { input = '', cwd = root }: Invocation = {}): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [BIN, ...args], { cwd, stdio: 'pipe' })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', chunk => out.push(chunk))
    child.stderr.on('data', chunk => err.push(chunk))
    child.on('error', reject)
    child.on('close', status =>
      resolve({ status, stdout: Buffer.concat(out).toString('utf8'), stderr: Buffer.concat(err).toString('utf8') }),
    )
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** As {@link paragraft} for `run`, with the report read back. */
export async function runWithReport(
  args: string[],
  invocation: Invocation = {},
): Promise<Outcome & { report: RunReport }> {
  const file = join(scratch(), 'report.json')
  const outcome = await paragraft(['run', ...args, '--report', file], invocation)
  return { ...outcome, report: JSON.parse(readFileSync(file, 'utf8')) as RunReport }
}

/** A folder that is gone when the test is over. */
export function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'paragraft-test-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Where {@link flatGuest} loads and enters its code. */
export const FLAT_ENTRY = 0x10_0020

/**
 * A multiboot guest that is only machine code, loaded at 1 MB: header with the address fields (Multiboot 0.6.96, 3.1.3),
 * the code after it. Returns the file's path.
 */
export function flatGuest(code: number[]): string {
  const base = FLAT_ENTRY - 0x20
  const flags = 0x10000
  const words = [0x1badb002, flags, -(0x1badb002 + flags), base, base, 0, 0, FLAT_ENTRY]
  const bytes = new Uint8Array(0x20 + code.length)
  const view = new DataView(bytes.buffer)
  words.forEach((word, index) => view.setUint32(index * 4, word >>> 0, true))
  bytes.set(code, 0x20)
  const file = join(scratch(), 'guest.bin')
  writeFileSync(file, bytes)
  return file
}

/** Instructions that write a text to port 0xE9 (mov al, imm8; out 0xE9, al). */
export function say(text: string): number[] {
  return [...text].flatMap(character => [0xb0, character.charCodeAt(0), 0xe6, 0xe9])
}
