/**
 * The oracles: independent ways of saying where a kernel keeps its op table. They are asked all, and a graft needs
 * them to agree: a table taken for another would be overwritten in somebody else's data.
 */
import type { CallSite, Oracle } from '@paragraft/core/layout'
import { readAlternatives } from './alternatives.ts'
import { readExports } from './ksymtab.ts'
import type { SymbolNames } from './names.ts'
import { readParainstructions } from './parainstructions.ts'
import type { ImageView } from './view.ts'

const hex = (va: number): string => `0x${va.toString(16)}`

/** The export table: `EXPORT_SYMBOL(pv_ops)`. */
export function ksymtabOracle(view: ImageView, table: string): Oracle {
  const exports = readExports(view)
  if (exports.size === 0) return { name: 'ksymtab', tableVa: null, says: 'the image has no export table' }
  const value = exports.get(table)
  return value === undefined
    ? { name: 'ksymtab', tableVa: null, says: `${exports.size} exports, ${table} is not among them` }
    : { name: 'ksymtab', tableVa: value, says: `${table} at ${hex(value)}, one of ${exports.size} exports` }
}

/** The ELF's own symbol table. */
export function symtabOracle(names: SymbolNames, table: string): Oracle {
  if (names.symtab.size === 0) return { name: 'symtab', tableVa: null, says: 'the image is stripped of symbols' }
  const value = names.symtab.get(table)
  return value === undefined
    ? { name: 'symtab', tableVa: null, says: `${names.symtab.size} symbols, ${table} is not among them` }
    : { name: 'symtab', tableVa: value, says: `${table} at ${hex(value)}` }
}

/** kallsyms, which names data only with CONFIG_KALLSYMS_ALL. */
export function kallsymsOracle(names: SymbolNames, table: string): Oracle {
  if (names.kallsyms.size === 0) return { name: 'kallsyms', tableVa: null, says: 'no kallsyms was found' }
  const value = names.kallsyms.get(table)
  return value === undefined
    ? { name: 'kallsyms', tableVa: null, says: `${names.kallsyms.size} names, functions only` }
    : { name: 'kallsyms', tableVa: value, says: `${table} at ${hex(value)}` }
}

/** What the call sites say: the oracle, and the sites themselves. */
export interface SiteOracle {
  oracle: Oracle
  sites: CallSite[]
  /** More than one base has votes, or a record's instruction could not be read. */
  torn: boolean
}

/** The vote of the call sites (see parainstructions.ts); since 6.8 the direct-call alternatives, which only attest. */
export function siteOracle(view: ImageView): SiteOracle {
  const vote = readParainstructions(view)
  if (vote === undefined) return { ...directCallSites(view), torn: false }
  const total = vote.sites.length + vote.unreadable
  const ranked = [...vote.votes].sort((a, b) => b[1] - a[1])
  const [table, count] = ranked[0] ?? [null, 0]
  const sites = vote.sites.map(site => ({
    va: site.va,
    pa: view.physical(site.va) ?? site.va,
    slot: site.slot,
    length: site.length,
    kind: site.jump ? ('jump' as const) : ('call' as const),
  }))
  const torn = count !== total
  const says =
    table === null
      ? `none of ${total} sites could be read`
      : `${count} of ${total} sites vote for ${hex(table)}${vote.unreadable > 0 ? `, ${vote.unreadable} could not be read` : ''}`
  return { oracle: { name: 'site-vote', tableVa: table, says }, sites, torn }
}

/** `call *abs32` under entries flagged as direct calls (6.8 and up): the slot follows from the operand, not the base. */
function directCallSites(view: ImageView): { oracle: Oracle; sites: CallSite[] } {
  const silent = (says: string): { oracle: Oracle; sites: CallSite[] } => ({
    oracle: { name: 'site-vote', tableVa: null, says },
    sites: [],
  })
  const entries = readAlternatives(view)
  if (entries === undefined) return silent('the image lists no call sites')
  const direct = entries.filter(entry => entry.directCall)
  if (direct.length === 0) return silent('the image lists no paravirtual call sites')
  const operands = direct.map(entry => ({ entry, operand: view.read32(entry.va + 2) ?? 0 }))
  const lowest = operands.reduce((low, { operand }) => Math.min(low, operand), Number.MAX_SAFE_INTEGER)
  return {
    // Slot 0 may have no site, so the lowest operand is a bound and no vote.
    oracle: {
      name: 'site-vote',
      tableVa: null,
      says: `${direct.length} direct-call sites, lowest operand ${hex(lowest)}`,
    },
    sites: operands.map(({ entry, operand }) => ({
      va: entry.va,
      pa: view.physical(entry.va) ?? entry.va,
      // The caller turns the operand into a slot once the base is known.
      slot: operand,
      length: entry.length,
      kind: 'call' as const,
    })),
  }
}
