/** CPU time: of this process, of another, of a browser's renderers. Always user and system time of all threads. */
import { readdirSync, readFileSync } from 'node:fs'

/** Clock ticks a second in `/proc/PID/stat`: a constant of Linux on every architecture that Node runs on. */
const USER_HZ = 100

/** A renderer's arguments; its zygote has rewritten them with spaces between. */
const RENDERER = /[\0 ]--type=renderer[\0 ]/

/** Of this process, in seconds, to the microsecond. */
export function ownCpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

/** `utime` and `stime` of a process, fields 14 and 15 of `/proc/PID/stat` (proc(5)), to a hundredth of a second. */
export function cpuSecondsOf(pid: number): number {
  const fields = statFields(pid)
  return (Number(fields[14 - 3]) + Number(fields[15 - 3])) / USER_HZ
}

/** The same of all renderers of the browser that `pid` started: where pages and their compilers run. */
export function rendererCpuSeconds(pid: number): number {
  return renderersBelow(pid).reduce((sum, renderer) => sum + cpuSecondsOf(renderer), 0)
}

/** A browser's renderers may be children of its zygotes, so that the whole tree is searched. */
function renderersBelow(root: number): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    try {
      parents.set(Number(name), Number(statFields(Number(name))[4 - 3]))
    } catch {
      // It has ended meanwhile.
    }
  }
  const below = (pid: number): boolean => {
    for (let at = parents.get(pid); at !== undefined; at = parents.get(at)) if (at === root) return true
    return false
  }
  return [...parents.keys()].filter(pid => below(pid) && RENDERER.test(commandOf(pid)))
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

/** Fields of `/proc/PID/stat` from the third on; the name in field 2 may hold spaces. */
function statFields(pid: number): string[] {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
}
