/** Committed binaries are compared with what their sources build where the compiler is the one that built them. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const firstLine = (command: string): string =>
  spawnSync(command, ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0] ?? ''

/**
 * True where gcc and ld are not those that a toolchain.txt names: other bytes prove nothing there. CI has the ones that all
 * of ours name, and there they must agree.
 */
export function otherToolchain(file: string): boolean {
  if (process.env['PARAGRAFT_REQUIRE'] === 'all') return false
  return readFileSync(file, 'utf8').trim() !== `${firstLine('gcc')}\n${firstLine('ld')}`
}
