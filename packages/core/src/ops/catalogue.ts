/**
 * The ops catalogue: every op that any era has, and those that say what is meant, by identities that do not change
 * when a header renames or moves a member. Where an era keeps an op is in eras.generated.ts.
 */
import { ParagraftError } from '../errors.ts'
import { APIC, INFO, INIT, IRQ, TIME } from './catalogue/boot.ts'
import { CPU } from './catalogue/cpu.ts'
import type { OpEntry, OpVersion } from './catalogue/entry.ts'
import { LOCK, MMU } from './catalogue/mmu.ts'

/** All entries, in the order of the newest table's groups. */
export const CATALOGUE: readonly OpEntry[] = [...INFO, ...INIT, ...TIME, ...CPU, ...IRQ, ...APIC, ...MMU, ...LOCK]

const BY_OP: ReadonlyMap<string, OpEntry> = new Map(CATALOGUE.map(entry => [entry.op, entry]))

/** The entry of an op, or undefined when the catalogue has none. */
export function findOp(op: string): OpEntry | undefined {
  return BY_OP.get(op)
}

/** The entry of an op. Throws `PG_OPS_UNKNOWN`, naming ops that look alike. */
export function opEntry(op: string): OpEntry {
  const entry = BY_OP.get(op)
  if (!entry) throw unknownOps([op])
  return entry
}

/** The refusal for op names that the catalogue does not have. */
export function unknownOps(ops: readonly string[], owner?: string): ParagraftError {
  const alike = ops.map(suggestion).filter(s => s !== undefined)
  return new ParagraftError(
    'PG_OPS_UNKNOWN',
    `${owner === undefined ? '' : `${owner}: `}no such op${ops.length > 1 ? 's' : ''}: ${ops.join(', ')}`,
    {
      fields: { ops: [...ops], ...(owner === undefined ? {} : { module: owner }) },
      hint:
        alike.length > 0
          ? `Did you mean ${alike.join(', ')}? \`paragraft ops\` lists the catalogue.`
          : '`paragraft ops` lists the catalogue.',
    },
  )
}

/** An op with the same member name in another group, or one that was formerly called so. */
function suggestion(op: string): string | undefined {
  const member = op.slice(op.indexOf('.') + 1)
  return CATALOGUE.find(
    entry => entry.op.slice(entry.op.indexOf('.') + 1) === member || entry.formerly.includes(member),
  )?.op
}

/** A version of an op, or undefined when the op never had it. */
export function opVersion(entry: OpEntry, version: string): OpVersion | undefined {
  return entry.versions.find(v => v.version === version)
}

/** True if the op hands something back to the guest. */
export function hasResult(version: OpVersion): boolean {
  return version.signature.result !== 'void'
}

/** Why an op may not be answered by `nop`: its result or its duty; null when it may. */
export function whyNotNop(entry: OpEntry): string | null {
  if (entry.kind === 'data') return 'it is a data word'
  if (entry.entered === 'jump') return 'it is entered by a jump and does not return'
  const newest = entry.versions.at(-1)!
  if (entry.versions.some(hasResult)) return `the guest uses its result (${newest.signature.text})`
  return entry.duty
}
