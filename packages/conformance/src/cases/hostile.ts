/**
 * Hostile input: whatever a guest does ends as a guest's fault, a machine's event, or a stop with a reason. Here it does anything:
 * it calls its hypervisor with rubbish, and it executes rubbish.
 */
import { type BackendInstance, type CallFrame, FIRST_HOST_CALL, type HypercallFrame } from '@paragraft/core/ops'
import { check, requireCoded } from '../expect.ts'
import { hostileWords, randomWords } from '../random.ts'
import type { Subject } from '../subject.ts'
import { booted } from './boot.ts'
import type { CaseMaker } from './case.ts'
import { observed } from './contract.ts'
import { contradictoryImages, ownHeads } from './images.ts'

const CALLS = 2000
const AFTERWARDS = 200_000
const GARBAGE_RUNS = 6
const GARBAGE_BYTES = 0x40000
const KERNEL = 0x10_0000

export const hostile: CaseMaker = subject => [
  {
    name: 'hostile: every way from the guest into the instance, with any values',
    run: () => abused(subject),
  },
  {
    name: 'hostile: a guest that executes rubbish',
    run: async () => {
      for (let seed = 1; seed <= GARBAGE_RUNS; seed++) {
        const { machine } = await booted(subject)
        const next = randomWords(seed)
        machine.memory.write(KERNEL, Uint8Array.from({ length: GARBAGE_BYTES }, next))
        machine.run({ instructions: AFTERWARDS })
      }
    },
  },
  ...(ownHeads(subject.backend).length === 0
    ? []
    : [
        {
          name: 'hostile: its heads with images that contradict themselves',
          run: () => contradictoryImages(subject),
        },
      ]),
]

type Abuse = (instance: BackendInstance, word: () => number) => void

const registersOf = (word: () => number): CallFrame => ({ getRegister: word, setRegister: () => {}, readStack: word })

/** Every way from a guest into an instance, and what may come out of it. */
const ABUSES: readonly Abuse[] = [
  (instance, word) => {
    const frame: HypercallFrame = {
      ...registersOf(word),
      instruction: word() & 1 ? 'vmcall' : 'vmmcall',
      cpl: word() & 3,
    }
    const claimed = instance.hypercall?.(frame) ?? false
    check(typeof claimed === 'boolean' || claimed === 'again', `hypercall gave ${claimed}`)
  },
  (instance, word) => {
    const index = FIRST_HOST_CALL + (word() % (0x10000 - FIRST_HOST_CALL))
    const served = instance.hostCall?.(index, registersOf(word)) ?? false
    check(typeof served === 'boolean', `hostCall gave ${served}`)
  },
  (instance, word) => {
    const value = instance.readMsr?.(word())
    check(
      value === undefined || (typeof value === 'bigint' && value >= 0n && value < 1n << 64n),
      `readMsr gave ${value}`,
    )
  },
  (instance, word) => {
    const written = instance.writeMsr?.(word(), (BigInt(word()) << 32n) | BigInt(word())) ?? false
    check(typeof written === 'boolean', `writeMsr gave ${written}`)
  },
  (instance, word) => {
    const answer = instance.cpuid?.(word(), word(), [word(), word(), word(), word()])
    check(answer === undefined || (answer.length === 4 && answer.every(isWord)), `cpuid gave ${answer}`)
  },
  (instance, word) => {
    const again = instance.exception?.({
      vector: word() & 31,
      errorCode: word() & 1 ? -1 : word() & 0xffff,
      address: word(),
    })
    check((again ?? false) === false || again === true, `exception gave ${again}`)
  },
  instance => {
    const vector = instance.acknowledgeInterrupt?.() ?? -1
    check(Number.isInteger(vector) && vector >= -1 && vector <= 255, `acknowledgeInterrupt gave ${vector}`)
  },
]

function isWord(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32
}

/** Abuses an instance in the middle of a boot; coded errors may come of it, and the machine goes on or stops with a reason. */
async function abused(subject: Subject): Promise<void> {
  const { subject: watched, instance } = observed(subject)
  const { machine } = await booted(watched)
  const word = hostileWords(1)
  for (let call = 0; call < CALLS; call++) {
    for (const abuse of ABUSES) {
      try {
        abuse(instance(), word)
      } catch (error) {
        requireCoded(error)
      }
    }
  }
  machine.run({ instructions: AFTERWARDS })
}
