/**
 * Instruction tests with a purpose: the corners that random ones seldom meet. Every list runs on the host's processor
 * and on both interpreters. Undefined flags are those of SDM vol. 2.
 */
import type { NativeTest } from '../protocol.ts'
import { addresses } from './addresses.ts'
import { calls } from './calls.ts'
import { codeEdges, pageEdges } from './edges.ts'
import { faults } from './faults.ts'
import { flagImages } from './flags.ts'
import { conditions, shifts } from './flow.ts'
import { lengthLimit, lockPrefix } from './prefixes.ts'
import { selfModifying } from './self-modifying.ts'
import { strings } from './strings.ts'

/** The lists, by what they are about. */
export const DIRECTED: Record<string, () => NativeTest[]> = {
  'shifts by every count': shifts,
  'every condition under every combination of flags': conditions,
  'string instructions': strings,
  'operands at the edges of pages': pageEdges,
  'code at the edges of pages': codeEdges,
  'where LOCK is allowed': lockPrefix,
  'at most fifteen bytes': lengthLimit,
  'addresses and segment limits': addresses,
  'frames, calls and the stack pointer as base': calls,
  'faults and privileged instructions': faults,
  'EFLAGS images, single steps, alignment checks': flagImages,
  'code that changes itself': selfModifying,
}
