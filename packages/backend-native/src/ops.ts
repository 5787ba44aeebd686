/**
 * The native answers: bare hardware leaves every op to the guest's own function, and says so one by one.
 *
 * It targets every era of i386. An op that a new era brings makes no hole here: the answers are made from the era.
 */
import { defineOps, type Era, natively } from '@paragraft/core/ops'

/** Every op of an era, answered `native`. */
export function nativeAnswers(era: Era): ReturnType<typeof natively> {
  return natively(era.slots.map(slot => slot.op))
}

export const nativeOps = defineOps({
  name: '@paragraft/backend-native',
  version: '0.1.0',
  apiVersion: '^0.1.0',
  opsAbi: '>=1.0.0',
  arch: ['i386'],
  ops: nativeAnswers,
})
