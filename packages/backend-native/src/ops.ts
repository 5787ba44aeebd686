/**
 * The native answers, as a module: every op of every i386 era is left to the guest's own function, and says so.
 *
 * The backend itself installs nothing, since an unchanged table needs no installer and a guest without a table boots too;
 * this is what `inspect`, the conformance suite and authors of modules take as their starting point.
 */
import { type Answers, defineOps, type Era, natively } from '@paragraft/core/ops'

/** Every op of an era, answered `native`. */
export function nativeAnswers(era: Era): Answers {
  return natively(era.slots.map(slot => slot.op))
}

export const nativeOps = defineOps({
  name: '@paragraft/backend-native',
  version: '0.1.0',
  apiVersion: '^1.0.0',
  opsAbi: '>=1.0.0',
  arch: ['i386'],
  ops: nativeAnswers,
})
