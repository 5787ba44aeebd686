/** What a person is told when a run has stopped: why, where the processor was, what it took. */
import { formatTable, type RegisterView, type RunReport, type StopReason } from '@paragraft/core'

const hex8 = (value: number): string => value.toString(16).padStart(8, '0')

/** One line: why the run ended. */
export function stopText(stop: StopReason): string {
  switch (stop.kind) {
    case 'powerOff':
      return 'the guest powered off'
    case 'until':
      return `"${stop.text}" was seen`
    case 'guestFault':
      return stop.message
    case 'reset':
      return `the guest reset the machine (${stop.why})`
    case 'haltedForever':
      return 'the guest halted for ever: nothing can wake it any more'
    case 'debugExit':
      return `the guest left by isa-debug-exit with ${stop.value}`
    case 'timeout':
      return `the time limit of ${stop.seconds} s was reached`
    case 'quit':
      return 'left at the console'
  }
}

/** The registers where the guest stopped, as a debugger lays them out. */
export function registersText(r: RegisterView): string {
  const line = (names: (keyof RegisterView)[], format: (value: number) => string): string =>
    `  ${names.map(name => `${name.padEnd(name === 'eflags' ? 6 : 3)} ${format(r[name])}`).join('  ')}\n`
  const selector = (value: number): string => value.toString(16).padStart(4, '0')
  return [
    line(['eax', 'ebx', 'ecx', 'edx'], hex8),
    line(['esi', 'edi', 'ebp', 'esp'], hex8),
    line(['eip', 'eflags'], hex8),
    line(['cr0', 'cr2', 'cr3', 'cr4'], hex8),
    line(['cs', 'ss', 'ds', 'es', 'fs', 'gs', 'cpl'], selector),
  ].join('')
}

/** How long it took, on the host and in the guest; `since`: instructions that were there before. */
export function effortText(report: RunReport, since = 0): string {
  const rate = report.seconds > 0 ? (report.instructions - since) / report.seconds / 1e6 : 0
  return (
    `${report.instructions.toLocaleString('en-US')} instructions in ${report.seconds.toFixed(2)} s ` +
    `(${rate.toFixed(0)} million/s), ${(report.virtualNs / 1e9).toFixed(2)} s for the guest`
  )
}

/** The calls of the backend's interface: how each is answered, where that is decided at boot, and how often it was made. */
export function callsText({ answers, hypercalls = {} }: RunReport): string {
  const exits = (name: string): number => hypercalls[name] ?? 0
  if (answers === undefined)
    return formatTable(
      ['call', 'exits'],
      Object.keys(hypercalls).map(name => [name, exits(name)]),
    )
  const names = new Set([...Object.keys(answers), ...Object.keys(hypercalls)])
  return formatTable(
    ['call', 'answer', 'exits'],
    [...names].map(name => [name, answers[name] ?? '-', exits(name)]),
  )
}
