/** The contract of ops modules: what can be said of them without a guest. */
import { readObject } from '@paragraft/core/elf'
import { isParagraftError } from '@paragraft/core/errors'
import {
  type Answer,
  admit,
  type CallFrame,
  eraName,
  isOpsModule,
  layoutOf,
  type OpsModule,
  requireAbilities,
  runHostAnswer,
} from '@paragraft/core/ops'
import { deadHost } from '../dead-host.ts'
import { check } from '../expect.ts'
import { hostileWords } from '../random.ts'
import type { Case, CaseMaker } from './case.ts'

/** What a host answer may never be reported for: its own mistakes. */
const ANSWERS_FAULT = ['PG_HOST_THREW', 'PG_HOST_ASYNC', 'PG_HOST_RESULT']
const CALLS = 50

export const modules: CaseMaker = subject =>
  (subject.ops ?? []).flatMap((module): Case[] => [
    {
      name: `module ${module.name}: what defineOps returned`,
      run: () => check(isOpsModule(module), 'it was not made by defineOps'),
    },
    {
      name: `module ${module.name}: the backend has what it requires`,
      run: () => requireAbilities(subject.backend, ['ops', ...(module.requires ?? [])], module.name),
    },
    {
      name: `module ${module.name}: each era that it targets admits it, slot by slot`,
      run: () => {
        for (const era of module.eras) {
          const { slots } = admit(module, layoutOf(era))
          check(slots.length === era.slots.length, `${eraName(era)}: ${slots.length} of ${era.slots.length} slots`)
        }
      },
    },
    {
      name: `module ${module.name}: its object has every function that it answers with`,
      run: () => {
        const missing = missingSymbols(module)
        check(missing.length === 0, `the object lacks ${missing.join(', ')}`)
      },
    },
    {
      name: `module ${module.name}: its host functions take any argument`,
      run: () => callWithAnything(module),
    },
  ])

function answersOf(module: OpsModule): Answer[] {
  return module.eras.flatMap(era => Object.values(module.answersFor(era)))
}

function missingSymbols(module: OpsModule): string[] {
  const wanted = new Set(answersOf(module).flatMap(answer => (answer.kind === 'code' ? [answer.symbol] : [])))
  if (wanted.size === 0) return []
  const defined = readObject(module.code!.object).symbols.filter(({ section }) => section !== 'undefined')
  const names = new Set(defined.map(({ name }) => name))
  return [...wanted].filter(symbol => !names.has(symbol))
}

/**
 * Arguments come from a guest, which may be wrong about anything. An answer may refuse by a port's coded error or carry the call
 * out; it may not throw, promise, or give back what the op does not have.
 */
function callWithAnything(module: OpsModule): void {
  const word = hostileWords(1)
  for (const era of module.eras) {
    for (const admitted of admit(module, layoutOf(era)).slots) {
      if (admitted.host === undefined || admitted.convention?.arch !== 'i386') continue
      for (let call = 0; call < CALLS; call++) {
        const frame: CallFrame = { getRegister: word, setRegister: () => {}, readStack: word }
        try {
          runHostAnswer(admitted, frame, deadHost(word))
        } catch (error) {
          if (!isParagraftError(error) || ANSWERS_FAULT.includes(error.code)) throw error
        }
      }
    }
  }
}
