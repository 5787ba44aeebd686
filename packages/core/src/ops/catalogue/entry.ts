/** The shape of a catalogue entry, and the two small functions with which the group files write theirs. */
import { type Signature, signature } from '../signature.ts'
import { REFUSALS } from './refusals.ts'

export type OpGroup = 'info' | 'init' | 'time' | 'cpu' | 'irq' | 'apic' | 'mmu' | 'lock'

/** One version of an op: a signature with a meaning. Semver, major step = another signature. */
export interface OpVersion {
  readonly version: string
  /** First ops ABI (`Era.abi` without the patch digit) that has it; '' for an op that no era has as a slot. */
  readonly since: string
  readonly signature: Signature
}

/** What is known of one op, apart from where any era keeps it. */
export interface OpEntry {
  /** Identity: `mmu.flush_tlb_one_user`. */
  readonly op: string
  readonly group: OpGroup
  readonly kind: 'fn' | 'data'
  /** What the guest means by it, one line. */
  readonly meaning: string
  /** Oldest first. Empty for data. */
  readonly versions: readonly OpVersion[]
  /** Names that headers of some eras use for it instead. */
  readonly formerly: readonly string[]
  /** What must have happened when the op returns, so that `nop` is refused; null: the op is a hint or a hook. */
  readonly duty: string | null
  /** How a platform may decline the op, in a way that the guest can see; null: it may not. */
  readonly refusal: string | null
  /** `jump`: entered by JMP with a frame on the stack; never returns to its caller. */
  readonly entered: 'call' | 'jump'
  /** Why the op cannot be answered by a host function; null: it can. */
  readonly notHost: string | null
  /** True for the operations that say what is meant and that no Linux era has as a slot: reached by adapters. */
  readonly meant: boolean
}

interface Options {
  duty?: string
  formerly?: readonly string[]
  jump?: true
  notHost?: string
  meant?: true
}

/**
 * An op. `prototypes` is one C prototype, or pairs `[since, prototype]`, oldest first: each pair is the next major
 * version.
 */
export function op(
  name: string,
  meaning: string,
  prototypes: string | readonly (readonly [since: string, prototype: string])[],
  options: Options = {},
): OpEntry {
  const pairs = typeof prototypes === 'string' ? ([[options.meant ? '' : '1.0', prototypes]] as const) : prototypes
  return {
    op: name,
    group: name.slice(0, name.indexOf('.')) as OpGroup,
    kind: 'fn',
    meaning,
    versions: pairs.map(([since, prototype], n) => ({
      version: `${n + 1}.0.0`,
      since,
      signature: signature(prototype),
    })),
    formerly: options.formerly ?? [],
    duty: options.duty ?? null,
    refusal: REFUSALS[name] ?? null,
    entered: options.jump ? 'jump' : 'call',
    notHost: options.jump
      ? 'it is entered by a jump, with its frame on the stack, and does not return'
      : (options.notHost ?? null),
    meant: options.meant ?? false,
  }
}

/** A data word that eras 1.x keep at the head of the table. */
export function data(name: string, meaning: string): OpEntry {
  return {
    op: name,
    group: 'info',
    kind: 'data',
    meaning,
    versions: [],
    formerly: [],
    duty: null,
    refusal: null,
    entered: 'call',
    notHost: 'it is a data word',
    meant: false,
  }
}
