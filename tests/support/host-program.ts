/**
 * C programs that are built with gcc at test time and run on the host's own processor.
 */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Present where `needs('gcc')` lets a test run. */
const COMPILER = 'gcc'

/**
 * A function that runs the program of `source` (a path) with arguments and standard input and returns its output. The
 * program is built at the first call and removed when the tests end; it may take half a minute.
 */
export function hostProgram(source: string): (args: readonly string[], input: Uint8Array) => Uint8Array {
  let program: string | undefined
  const build = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'paragraft-host-'))
    process.on('exit', () => rmSync(folder, { recursive: true, force: true }))
    const path = join(folder, 'program')
    execFileSync(COMPILER, ['-O1', '-o', path, source], { stdio: ['ignore', 'ignore', 'inherit'] })
    return path
  }
  return (args, input) => {
    program ??= build()
    return execFileSync(program, args, { input, maxBuffer: 1 << 30, timeout: 30_000 })
  }
}
