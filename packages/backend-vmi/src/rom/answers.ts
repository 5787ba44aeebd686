/** The checks of answers that need no code: names, holes, answers that a call cannot have. */
import { CALLS, type CallEntry, findCall, HINTS } from '../abi/calls.ts'
import { SERVICES } from '../machine/calls.ts'
import type { RomAnswer } from './definition.ts'
import { romError } from './errors.ts'

const KINDS = ['none', 'nop', 'call', 'jump', 'host']

/** Checks each given answer. Throws `PG_VMI_ROM_ANSWER`. */
export function checkAnswers(rom: string, answers: Readonly<Record<string, RomAnswer>>): void {
  for (const [name, answer] of Object.entries(answers)) {
    const entry = findCall(name)
    if (entry === undefined) {
      throw romError(
        'PG_VMI_ROM_ANSWER',
        rom,
        `VMI has no call ${name}`,
        'The names are those of CALLS, spelled as in VMI_CALL_….',
        {
          call: name,
        },
      )
    }
    const why = misfit(entry, answer)
    if (why === undefined) continue
    throw romError(
      'PG_VMI_ROM_ANSWER',
      rom,
      `${name} cannot be answered so: ${why}`,
      'Use none(), nop(), call(), jump() or host().',
      {
        call: name,
        answer: answer?.kind,
      },
    )
  }
}

/** Throws `PG_VMI_ROM_HOLE` with every call that has no answer. */
export function checkNoHoles(rom: string, answers: Readonly<Record<string, RomAnswer>>): void {
  const holes = CALLS.map(call => call.name).filter(name => !Object.hasOwn(answers, name))
  if (holes.length === 0) return
  throw romError(
    'PG_VMI_ROM_HOLE',
    rom,
    `nothing answers ${holes.join(', ')}`,
    'Answer every call; none() leaves it to the guest.',
    {
      calls: holes,
    },
  )
}

/** Calls that the machine serves. */
export function serves(call: CallEntry): boolean {
  return call.abi === 'cpuid' || Object.hasOwn(SERVICES, call.name)
}

function misfit(call: CallEntry, answer: RomAnswer): string | undefined {
  if (typeof answer !== 'object' || answer === null || !KINDS.includes(answer.kind)) return 'that is no answer'
  const leaves = call.abi === 'iret' || call.abi === 'sysexit'
  switch (answer.kind) {
    case 'nop':
      return HINTS.has(call.name) ? undefined : 'the guest would erase a call that it needs'
    case 'host':
      return serves(call) ? undefined : leaves ? 'it does not return, and a stub does' : 'the machine does not serve it'
    case 'call':
    case 'jump':
      if (typeof answer.symbol !== 'string' || answer.symbol === '') return 'no symbol is named'
      return answer.kind === 'jump' && !leaves ? 'guests jump to IRET and SYSEXIT only' : undefined
    default:
      return undefined
  }
}
