/**
 * Adapters: how the answer to one op serves a slot that holds another. They bridge eras (an answer to
 * `mmu.flush_tlb_multi` on a guest that has `flush_tlb_others`) and lead from an op that says what is meant
 * (`cpu.set_tss_desc`) to the slots where the guest says it less directly.
 *
 * A record states what it bridges and where each parameter comes from; the function does it for host answers. Machine
 * code can only be taken over where the call is the same to the bit (`sameCall`); elsewhere admission refuses it.
 */
import satisfies from 'semver/functions/satisfies.js'
import type { HostCall, HostFunction } from './host.ts'
import { retell } from './invoke.ts'

export interface Adapter {
  /** For the ledger and for refusals: `mmu.flush_tlb_multi over mmu.flush_tlb_others@1`. */
  readonly name: string
  /** The op that the module answers, and the versions of it. */
  readonly answered: { readonly op: string; readonly versions: string }
  /** The op in the guest's slot, and the versions of it. */
  readonly slot: { readonly op: string; readonly versions: string }
  /** `total`: every call of the slot is one of the answered op. `partial`: some are; the rest needs an answer too. */
  readonly coverage: 'total' | 'partial'
  /** The adapter is for guests whose table lacks this op. */
  readonly without?: string
  /** A function written for the answered op can be put into the slot as it is. */
  readonly sameCall: boolean
  /** Where each parameter of the answered op comes from, in words. */
  readonly mapping: Readonly<Record<string, string>>
  /**
   * Runs `answer` for a call of the slot; a partial adapter hands calls that are not meant to `rest`. `natively` is
   * what a bare processor does with the slot's op, for a slot that is otherwise `native`.
   */
  readonly adapt: (call: HostCall, answer: HostFunction, rest: HostFunction) => ReturnType<HostFunction>
  readonly natively?: HostFunction
}

const PAGE = 4096
/** `TLB_FLUSH_ALL` on i386: -1UL (arch/x86/include/asm/tlbflush.h). */
const TLB_FLUSH_ALL = 0xffff_ffff
/** `tlb_single_page_flush_ceiling`: above this many pages Linux flushes everything (arch/x86/mm/tlb.c). */
const SINGLE_PAGE_CEILING = 33

const number = (call: HostCall, name: string): number => Number(call.arg(name))

function total(
  answered: string,
  slot: string,
  sameCall: boolean,
  mapping: Readonly<Record<string, string>>,
  adapt: (call: HostCall, answer: HostFunction) => ReturnType<HostFunction>,
): Adapter {
  const [answeredOp, answeredVersion = '1'] = answered.split('@') as [string, string?]
  const [slotOp, slotVersion = '1'] = slot.split('@') as [string, string?]
  return {
    name: `${answered} over ${slot}`,
    answered: { op: answeredOp, versions: `^${answeredVersion}` },
    slot: { op: slotOp, versions: `^${slotVersion}` },
    coverage: 'total',
    sameCall,
    mapping,
    adapt,
  }
}

/** The same call under another name. */
function renamed(answered: string, slot: string, params: readonly string[]): Adapter {
  return total(answered, slot, true, Object.fromEntries(params.map(p => [p, p])), (call, answer) =>
    answer(retell(call, answered, '1.0.0', Object.fromEntries(params.map(p => [p, call.arg(p)])))),
  )
}

/** What one flush asks for, whatever the era: everything, or the pages from start to end. */
function flushRange(start: number, end: number): { start: number; end: number } {
  if (end === TLB_FLUSH_ALL) return { start: 0, end }
  // 3.7 to 4.13 say a single page by end = 0 (flush_tlb_page).
  return end === 0 ? { start, end: Math.min(start + PAGE, TLB_FLUSH_ALL) } : { start, end }
}

/** The answered op sees a `struct flush_tlb_info` that the guest does not have: by `struct('info')`, its address 0. */
function multi(call: HostCall, answer: HostFunction, range: { start: number; end: number }): ReturnType<HostFunction> {
  const info = { mm: call.arg('mm'), ...range }
  return answer(retell(call, 'mmu.flush_tlb_multi', '1.0.0', { cpus: call.arg('cpus'), info: 0 }, { info }))
}

/** flush_tlb_multi may name this processor too, flush_tlb_others never did: do its share first. */
function flushHere(call: HostCall, start: number, end: number): void {
  if (end === TLB_FLUSH_ALL || end - start > SINGLE_PAGE_CEILING * PAGE) call.processor.flushTlb()
  else for (let va = start; va < end; va += PAGE) call.processor.invlpg(va)
}

const FLUSH: readonly Adapter[] = [
  renamed('mmu.flush_tlb', 'mmu.flush_tlb_user', []),
  renamed('mmu.flush_tlb_user', 'mmu.flush_tlb', []),
  {
    // 2.6.20-rc1 has no flush ops: its kernel reloads CR3 with the value it has.
    name: 'mmu.flush_tlb over mmu.write_cr3',
    answered: { op: 'mmu.flush_tlb', versions: '^1' },
    slot: { op: 'mmu.write_cr3', versions: '^1' },
    coverage: 'partial',
    without: 'mmu.flush_tlb_user',
    sameCall: false,
    mapping: {},
    adapt: (call, answer, rest) =>
      number(call, 'value') === call.processor.readCr(3)
        ? answer(retell(call, 'mmu.flush_tlb', '1.0.0', {}))
        : rest(call),
    natively: call => call.processor.writeCr(3, number(call, 'value')),
  },
  total(
    'mmu.flush_tlb_multi',
    'mmu.flush_tlb_others@1',
    false,
    { cpus: 'cpus', 'info.mm': 'mm', 'info.start': 'va, or 0 for all', 'info.end': 'va + 4096, or TLB_FLUSH_ALL' },
    (call, answer) => {
      const va = number(call, 'va')
      return multi(call, answer, va === TLB_FLUSH_ALL ? { start: 0, end: va } : flushRange(va, 0))
    },
  ),
  total(
    'mmu.flush_tlb_multi',
    'mmu.flush_tlb_others@2',
    false,
    { cpus: 'cpus', 'info.mm': 'mm', 'info.start': 'start', 'info.end': 'end, or start + 4096 if that is 0' },
    (call, answer) => multi(call, answer, flushRange(number(call, 'start'), number(call, 'end'))),
  ),
  total('mmu.flush_tlb_multi', 'mmu.flush_tlb_others@3', true, { cpus: 'cpus', info: 'info' }, (call, answer) =>
    answer(retell(call, 'mmu.flush_tlb_multi', '1.0.0', { cpus: call.arg('cpus'), info: call.arg('info') })),
  ),
  total(
    'mmu.flush_tlb_others@1',
    'mmu.flush_tlb_multi',
    false,
    { cpus: 'cpus', mm: 'info.mm', va: 'info.start, or TLB_FLUSH_ALL for more than a page' },
    (call, answer) => {
      const { mm, start, end } = call.struct('info') as Record<'mm' | 'start' | 'end', number>
      flushHere(call, start, end)
      const va = end === TLB_FLUSH_ALL || end - start > PAGE ? TLB_FLUSH_ALL : start
      return answer(retell(call, 'mmu.flush_tlb_others', '1.0.0', { cpus: call.arg('cpus'), mm, va }))
    },
  ),
  total(
    'mmu.flush_tlb_others@2',
    'mmu.flush_tlb_multi',
    false,
    { cpus: 'cpus', mm: 'info.mm', start: 'info.start', end: 'info.end' },
    (call, answer) => {
      const { mm, start, end } = call.struct('info') as Record<'mm' | 'start' | 'end', number>
      flushHere(call, start, end)
      return answer(retell(call, 'mmu.flush_tlb_others', '2.0.0', { cpus: call.arg('cpus'), mm, start, end }))
    },
  ),
  total('mmu.flush_tlb_others@3', 'mmu.flush_tlb_multi', false, { cpus: 'cpus', info: 'info' }, (call, answer) => {
    const { start, end } = call.struct('info') as Record<'start' | 'end', number>
    flushHere(call, start, end)
    return answer(retell(call, 'mmu.flush_tlb_others', '3.0.0', { cpus: call.arg('cpus'), info: call.arg('info') }))
  }),
]

/** Type field of a 32-bit TSS descriptor, available and busy (Intel SDM vol. 3A 7.2.2). */
function isTss(high: number): boolean {
  const type = (high >>> 8) & 0x1f
  return type === 0x09 || type === 0x0b
}

/** Base and limit in a descriptor's two words (Intel SDM vol. 3A figure 3-8). */
function baseAndLimit(low: number, high: number): { addr: number; limit: number } {
  const limit = (low & 0xffff) | (high & 0x000f_0000)
  return {
    addr: ((low >>> 16) | ((high & 0xff) << 16) | (high & 0xff00_0000)) >>> 0,
    limit: ((high & 0x0080_0000) !== 0 ? (limit << 12) | 0xfff : limit) >>> 0,
  }
}

function tssCall(call: HostCall, low: number, high: number): HostCall {
  return retell(call, 'cpu.set_tss_desc', '1.0.0', {
    dt: call.arg('dt'),
    entrynum: call.arg('entrynum'),
    ...baseAndLimit(low, high),
  })
}

function storeDescriptor(call: HostCall, low: number, high: number): void {
  const at = number(call, 'dt') + 8 * number(call, 'entrynum')
  call.memory.writeVirtual32(at, low)
  call.memory.writeVirtual32(at + 4, high)
}

/** The descriptor behind write_gdt_entry@2's pointer. */
function pointed(call: HostCall): [low: number, high: number] {
  const desc = number(call, 'desc')
  return [call.memory.readVirtual32(desc), call.memory.readVirtual32(desc + 4)]
}

const TSS_MAPPING = { dt: 'dt', entrynum: 'entrynum', addr: "the descriptor's base", limit: "the descriptor's limit" }

const TABLES: readonly Adapter[] = [
  renamed('cpu.load_exceptions', 'cpu.load_idt', ['dtr']),
  renamed('cpu.load_idt', 'cpu.load_exceptions', ['dtr']),
  {
    name: 'cpu.set_tss_desc over cpu.write_gdt_entry@1',
    answered: { op: 'cpu.set_tss_desc', versions: '^1' },
    slot: { op: 'cpu.write_gdt_entry', versions: '^1' },
    coverage: 'partial',
    sameCall: false,
    mapping: TSS_MAPPING,
    adapt: (call, answer, rest) => {
      const [low, high] = [number(call, 'low'), number(call, 'high')]
      return isTss(high) ? answer(tssCall(call, low, high)) : rest(call)
    },
    natively: call => storeDescriptor(call, number(call, 'low'), number(call, 'high')),
  },
  {
    name: 'cpu.set_tss_desc over cpu.write_gdt_entry@2',
    answered: { op: 'cpu.set_tss_desc', versions: '^1' },
    slot: { op: 'cpu.write_gdt_entry', versions: '^2' },
    coverage: 'partial',
    sameCall: false,
    mapping: TSS_MAPPING,
    adapt: (call, answer, rest) => {
      const [low, high] = pointed(call)
      return isTss(high) ? answer(tssCall(call, low, high)) : rest(call)
    },
    natively: call => storeDescriptor(call, ...pointed(call)),
  },
  total(
    'cpu.write_gdt_entry@1',
    'cpu.set_tss_desc',
    false,
    { dt: 'dt', entrynum: 'entrynum', low: 'from addr and limit', high: 'from addr and limit: present, available TSS' },
    (call, answer) => {
      const [addr, limit] = [number(call, 'addr'), number(call, 'limit')]
      const pages = limit > 0xf_ffff
      const units = pages ? limit >>> 12 : limit
      const low = (((addr & 0xffff) << 16) | (units & 0xffff)) >>> 0
      const high =
        ((addr & 0xff00_0000) | ((addr >>> 16) & 0xff) | (units & 0xf_0000) | 0x8900 | (pages ? 0x80_0000 : 0)) >>> 0
      const { dt, entrynum } = { dt: call.arg('dt'), entrynum: call.arg('entrynum') }
      return answer(retell(call, 'cpu.write_gdt_entry', '1.0.0', { dt, entrynum, low, high }))
    },
  ),
]

const SPACES: readonly Adapter[] = [
  total('mmu.enter_mmap', 'mmu.activate_mm', false, { mm: 'next' }, (call, answer) =>
    answer(retell(call, 'mmu.enter_mmap', '1.0.0', { mm: call.arg('next') })),
  ),
  total('mmu.enter_mmap', 'mmu.dup_mmap', false, { mm: 'mm' }, (call, answer) =>
    answer(retell(call, 'mmu.enter_mmap', '1.0.0', { mm: call.arg('mm') })),
  ),
  ...['mmu.alloc_pte', 'mmu.alloc_pmd'].flatMap(op => [
    total(`${op}@1`, `${op}@2`, false, { pfn: 'pfn' }, (call, answer) =>
      answer(retell(call, op, '1.0.0', { pfn: call.arg('pfn') })),
    ),
    total(`${op}@2`, `${op}@1`, false, { mm: '0: this era does not say', pfn: 'pfn' }, (call, answer) =>
      answer(retell(call, op, '2.0.0', { mm: 0, pfn: call.arg('pfn') })),
    ),
  ]),
]

/** write_msr, four times: int or void, the value whole or in halves. On i386 all four pass it in EDX and ECX. */
function writeMsr(answered: number, slot: number): Adapter {
  const whole = (version: number) => version === 1 || version === 4
  const returns = (version: number) => version <= 2
  return total(
    `cpu.write_msr@${answered}`,
    `cpu.write_msr@${slot}`,
    returns(answered) || !returns(slot),
    whole(answered) ? { msr: 'msr', val: 'val, or high:low' } : { msr: 'msr', low: 'low half', high: 'high half' },
    (call, answer) => {
      const val = whole(slot)
        ? (call.arg('val') as bigint)
        : (BigInt(call.arg('high')) << 32n) | BigInt(call.arg('low'))
      const args: Record<string, number | bigint> = whole(answered)
        ? { val }
        : { low: Number(val & 0xffff_ffffn), high: Number(val >> 32n) }
      const result = answer(retell(call, 'cpu.write_msr', `${answered}.0.0`, { msr: call.arg('msr'), ...args }))
      return returns(slot) ? (returns(answered) ? result : 0) : undefined
    },
  )
}

const MSRS: readonly Adapter[] = [
  total('cpu.read_msr@2', 'cpu.read_msr@1', false, { msr: 'msr' }, (call, answer) => {
    const result = answer(retell(call, 'cpu.read_msr', '2.0.0', { msr: call.arg('msr') }))
    call.memory.writeVirtual32(number(call, 'err'), 0)
    return result
  }),
  ...[1, 2, 3, 4].flatMap(answered =>
    [1, 2, 3, 4].filter(slot => slot !== answered).map(slot => writeMsr(answered, slot)),
  ),
]

/** All adapters. For one slot the first that fits is taken. */
export const ADAPTERS: readonly Adapter[] = [...FLUSH, ...TABLES, ...SPACES, ...MSRS]

/** The adapters that could serve a slot with this op and version, in a table that has these ops. */
export function adaptersFor(op: string, version: string, table: ReadonlySet<string>): Adapter[] {
  return ADAPTERS.filter(
    adapter =>
      adapter.slot.op === op &&
      satisfies(version, adapter.slot.versions) &&
      (adapter.without === undefined || !table.has(adapter.without)),
  )
}
