/** The conformance program: its kernel, and its report as data. */
import { CALLS, type CallEntry } from '../../packages/backend-vmi/src/abi/index.ts'
import { buildKernel } from './kernel.ts'

const SOURCES = ['', '-cpu', '-tables', '-interrupts', '-mmu', '-time'].map(part => `conformance${part}.c`)

/** The kernel, with definitions: `PAE`, `ROM_VA=…`, `LAST_CALL=37`. */
export const conformanceKernel = (...defines: string[]): Uint8Array => buildKernel(SOURCES, defines)

export interface Verdict {
  call: CallEntry
  /** What `get_reloc` answered. */
  relocation: string
  tested: boolean
  /** What was wrong, in the kernel's words. */
  wrong: string[]
}

/** The console of a conformance run, call by call. Throws when the run did not reach its end. */
export function verdicts(console: string): { calls: Verdict[]; wrong: string[] } {
  const lines = console.split('\n')
  if (!lines.includes('end')) throw new Error(`the conformance program did not end:\n${console}`)
  const wrong = lines.filter(line => line.startsWith('WRONG ')).map(line => line.slice(6))
  const calls = lines.flatMap((line): Verdict[] => {
    const found = /^call ([0-9a-f]+) (\w+): (\w+); (tested|left to the guest|NOT TESTED)$/.exec(line)
    if (found === null) return []
    const [, number, name, relocation, what] = found as unknown as [string, string, string, string, string]
    const call = CALLS.find(entry => entry.number === Number.parseInt(number, 16) && entry.name === name)
    if (call === undefined) throw new Error(`no such call: ${line}`)
    const own = wrong.filter(text => text.startsWith(`${name}: `)).map(text => text.slice(name.length + 2))
    return [{ call, relocation, tested: what === 'tested', wrong: own }]
  })
  return { calls, wrong }
}

/** Calls that end the machine, each tried by a kernel of its own. */
export const LAST_CALLS = ['Reboot', 'Shutdown']
