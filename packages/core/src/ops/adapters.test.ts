import { expect, test } from 'vitest'
import { fakeCall, fakeHost } from '../../test/fake-host.ts'
import { ADAPTERS, adaptersFor } from './adapters.ts'
import { admit, layoutOf } from './admission.ts'
import { findOp, opVersion } from './catalogue.ts'
import { type Answers, code, defineOps, host, native, natively } from './define.ts'
import { eraOf } from './eras.ts'
import type { HostCall } from './host.ts'

const byName = (name: string) => ADAPTERS.find(adapter => adapter.name === name)!
const rest = () => {
  throw new Error('a total adapter has no rest')
}

/** What the answer of an adapter's op sees when the slot is called with these arguments. */
function adapted(name: string, version: string, args: readonly (number | bigint)[], prepare = fakeHost()) {
  const adapter = byName(name)
  const seen: HostCall[] = []
  adapter.adapt(fakeCall(prepare, adapter.slot.op, version, args), call => void seen.push(call), rest)
  expect(seen).toHaveLength(1)
  expect(seen[0]!.op).toBe(adapter.answered.op)
  return { call: seen[0]!, host: prepare }
}

test('every adapter names ops and versions that exist, and maps each parameter', () => {
  expect(new Set(ADAPTERS.map(a => a.name)).size).toBe(ADAPTERS.length)
  for (const { name, answered, slot, mapping, coverage, natively: bare } of ADAPTERS) {
    const version = (side: { op: string; versions: string }) =>
      opVersion(findOp(side.op)!, `${side.versions.slice(1)}.0.0`)
    expect(version(slot), name).toBeDefined()
    const params = version(answered)!.signature.params.map(p => p.name)
    expect(new Set(Object.keys(mapping).map(key => key.split('.')[0])), name).toEqual(new Set(params))
    expect(bare !== undefined, name).toBe(coverage === 'partial')
  }
})

// asm-i386/tlbflush.h 2.6.23: TLB_FLUSH_ALL is 0xffffffff; any other va is one page.
test('flush_tlb_multi over the flush_tlb_others of 2.6.22 to 3.6: one address or all', () => {
  const name = 'mmu.flush_tlb_multi over mmu.flush_tlb_others@1'
  const one = adapted(name, '1.0.0', [0xc050_0000, 0xc700_0000, 0x0804_8000]).call
  expect(one.arg('cpus')).toBe(0xc050_0000)
  expect(one.struct('info')).toEqual({ mm: 0xc700_0000, start: 0x0804_8000, end: 0x0804_9000 })
  const every = adapted(name, '1.0.0', [1, 2, 0xffff_ffff]).call
  expect(every.struct('info')).toEqual({ mm: 2, start: 0, end: 0xffff_ffff })
})

// arch/x86/mm/tlb.c 3.7–4.13: end 0 is a single page.
test('flush_tlb_multi over the flush_tlb_others of 3.7 to 4.13: a range', () => {
  const name = 'mmu.flush_tlb_multi over mmu.flush_tlb_others@2'
  expect(adapted(name, '2.0.0', [1, 2, 0x1000, 0x5000]).call.struct('info')).toEqual({
    mm: 2,
    start: 0x1000,
    end: 0x5000,
  })
  expect(adapted(name, '2.0.0', [1, 2, 0x1000, 0]).call.struct('info')).toEqual({ mm: 2, start: 0x1000, end: 0x2000 })
  expect(adapted(name, '2.0.0', [1, 2, 0, 0xffff_ffff]).call.struct('info')).toEqual({
    mm: 2,
    start: 0,
    end: 0xffff_ffff,
  })
})

/** A `struct flush_tlb_info` in guest memory: mm, start, end (arch/x86/include/asm/tlbflush.h). */
function withInfo(mm: number, start: number, end: number) {
  const fake = fakeHost()
  fake.memory.writeVirtual32(0xc700_0100, mm)
  fake.memory.writeVirtual32(0xc700_0104, start)
  fake.memory.writeVirtual32(0xc700_0108, end)
  return fake
}

test('flush_tlb_multi over the flush_tlb_others of 4.14 to 5.12: the same structure', () => {
  const { call } = adapted(
    'mmu.flush_tlb_multi over mmu.flush_tlb_others@3',
    '3.0.0',
    [7, 0xc700_0100],
    withInfo(1, 2, 3),
  )
  expect(call.args).toEqual([7, 0xc700_0100])
  expect(call.struct('info')).toEqual({ mm: 1, start: 2, end: 3 })
})

test('flush_tlb_others over flush_tlb_multi: this processor is flushed first, since multi may name it', () => {
  const one = adapted(
    'mmu.flush_tlb_others@1 over mmu.flush_tlb_multi',
    '1.0.0',
    [7, 0xc700_0100],
    withInfo(9, 0x1000, 0x2000),
  )
  expect(one.call.args).toEqual([7, 9, 0x1000])
  expect(one.host.done).toEqual(['invlpg 1000'])
  const more = adapted(
    'mmu.flush_tlb_others@1 over mmu.flush_tlb_multi',
    '1.0.0',
    [7, 0xc700_0100],
    withInfo(9, 0x1000, 0x3000),
  )
  expect(more.call.args).toEqual([7, 9, 0xffff_ffff])
  expect(more.host.done).toEqual(['invlpg 1000', 'invlpg 2000'])
  const range = adapted(
    'mmu.flush_tlb_others@2 over mmu.flush_tlb_multi',
    '1.0.0',
    [7, 0xc700_0100],
    withInfo(9, 0, 0xffff_ffff),
  )
  expect(range.call.args).toEqual([7, 9, 0, 0xffff_ffff])
  expect(range.host.done).toEqual(['flushTlb'])
  const info = adapted(
    'mmu.flush_tlb_others@3 over mmu.flush_tlb_multi',
    '1.0.0',
    [7, 0xc700_0100],
    withInfo(9, 0, 34 * 4096),
  )
  expect(info.call.args).toEqual([7, 0xc700_0100])
  expect(info.host.done).toEqual(['flushTlb'])
})

test('2.6.20 flushes by reloading CR3: only a reload is a flush', () => {
  const adapter = byName('mmu.flush_tlb over mmu.write_cr3')
  const fake = fakeHost()
  const said: string[] = []
  const write = (value: number) =>
    adapter.adapt(
      fakeCall(fake, 'mmu.write_cr3', '1.0.0', [value]),
      () => void said.push('flush'),
      call => {
        said.push('rest')
        return adapter.natively!(call)
      },
    )
  write(0x1000)
  write(0x2000)
  expect(said).toEqual(['flush', 'rest'])
  expect(fake.done).toEqual(['writeCr 3 2000'])
  const flushes = (id: string) =>
    adaptersFor('mmu.write_cr3', '1.0.0', new Set(eraOf(id).slots.map(s => s.op))).map(a => a.name)
  expect(flushes('1.0')).toEqual(['mmu.flush_tlb over mmu.write_cr3'])
  expect(flushes('1.1')).toEqual([])
})

// Descriptor of a TSS at 0xC0123456 with limit 0x206B: Intel SDM vol. 3A figure 8-3.
const TSS_LOW = 0x3456_206b
const TSS_HIGH = 0xc000_8912

test('set_tss_desc over write_gdt_entry: TSS descriptors are taken apart, others are stored', () => {
  for (const [version, args, at] of [
    ['1', [0xc040_0000, 16, TSS_LOW, TSS_HIGH], null],
    ['2', [0xc040_0000, 16, 0xc700_0000, 9], 0xc700_0000],
  ] as const) {
    const adapter = byName(`cpu.set_tss_desc over cpu.write_gdt_entry@${version}`)
    const fake = fakeHost()
    const call = (low: number, high: number) => {
      const words: number[] = at === null ? [0xc040_0000, 16, low, high] : [...args]
      if (at !== null) {
        fake.memory.writeVirtual32(at, low)
        fake.memory.writeVirtual32(at + 4, high)
      }
      return fakeCall(fake, 'cpu.write_gdt_entry', `${version}.0.0`, words)
    }
    const seen: HostCall[] = []
    const run = (low: number, high: number) =>
      adapter.adapt(
        call(low, high),
        c => void seen.push(c),
        c => adapter.natively!(c),
      )
    run(TSS_LOW, TSS_HIGH)
    // `addr` is base 31:24, 23:16, 15:0 of the two words.
    expect(seen.map(c => c.args)).toEqual([[0xc040_0000, 16, 0xc012_3456, 0x206b]])
    expect(fake.memory.readVirtual32(0xc040_0080), 'the answer stores it, not the adapter').toBe(0)
    // A flat data segment: base 0, limit 4 GB, DPL 0 (0x00CF92000000FFFF).
    run(0x0000_ffff, 0x00cf_9200)
    expect(seen).toHaveLength(1)
    expect([fake.memory.readVirtual32(0xc040_0080), fake.memory.readVirtual32(0xc040_0084)]).toEqual([
      0x0000_ffff, 0x00cf_9200,
    ])
  }
})

test('write_gdt_entry over set_tss_desc builds the same descriptor', () => {
  const { call } = adapted(
    'cpu.write_gdt_entry@1 over cpu.set_tss_desc',
    '1.0.0',
    [0xc040_0000, 16, 0xc012_3456, 0x206b],
  )
  expect(call.args).toEqual([0xc040_0000, 16, TSS_LOW, TSS_HIGH])
  const wide = adapted('cpu.write_gdt_entry@1 over cpu.set_tss_desc', '1.0.0', [0, 1, 0, 0x10_0fff]).call
  // Above 1 MB the limit counts pages (G = 1): 0x100FFF is page 0x100.
  expect(wide.args.slice(2)).toEqual([0x0000_0100, 0x0080_8900])
})

test('load_exceptions is what load_idt means', () => {
  const fake = fakeHost()
  fake.memory.writeVirtual16(0xc700_0000, 0x7ff)
  fake.memory.writeVirtual32(0xc700_0002, 0xffff_a000)
  const { call } = adapted('cpu.load_exceptions over cpu.load_idt', '1.0.0', [0xc700_0000], fake)
  expect(call.struct('dtr')).toEqual({ size: 0x7ff, address: 0xffff_a000 })
  expect(byName('cpu.load_exceptions over cpu.load_idt').sameCall).toBe(true)
})

test('enter_mmap over activate_mm and dup_mmap takes the new space', () => {
  expect(adapted('mmu.enter_mmap over mmu.activate_mm', '1.0.0', [1, 2]).call.args).toEqual([2])
  expect(adapted('mmu.enter_mmap over mmu.dup_mmap', '1.0.0', [1, 2]).call.args).toEqual([2])
})

test('write_msr in all its shapes', () => {
  const value = 0x1122_3344_5566_7788n
  const forms: Record<number, (number | bigint)[]> = {
    1: [0x10, value],
    2: [0x10, 0x5566_7788, 0x1122_3344],
    3: [0x10, 0x5566_7788, 0x1122_3344],
    4: [0x10, value],
  }
  for (const from of [1, 2, 3, 4]) {
    for (const to of [1, 2, 3, 4].filter(v => v !== from)) {
      const adapter = byName(`cpu.write_msr@${to} over cpu.write_msr@${from}`)
      let seen: readonly (number | bigint)[] = []
      const result = adapter.adapt(
        fakeCall(fakeHost(), 'cpu.write_msr', `${from}.0.0`, forms[from]!),
        call => {
          seen = call.args
          return to <= 2 ? -14 : undefined
        },
        rest,
      )
      expect(seen, adapter.name).toEqual(forms[to])
      // An int is passed on, made up (0 = it worked), or dropped.
      expect(result, adapter.name).toBe(from <= 2 ? (to <= 2 ? -14 : 0) : undefined)
    }
  }
})

test('read_msr without *err over read_msr with: the error word is cleared', () => {
  const fake = fakeHost()
  fake.memory.writeVirtual32(0xc700_0000, 0xffff_ffff)
  const adapter = byName('cpu.read_msr@2 over cpu.read_msr@1')
  expect(
    adapter.adapt(fakeCall(fake, 'cpu.read_msr', '1.0.0', [0x1b, 0xc700_0000]), call => BigInt(call.arg('msr')), rest),
  ).toBe(0x1bn)
  expect(fake.memory.readVirtual32(0xc700_0000)).toBe(0)
})

/** An i386 object as far as defineOps looks (System V ABI, figure 4-3). */
const object = Uint8Array.from(
  { length: 52 },
  (_, n) => ({ 0: 0x7f, 1: 0x45, 2: 0x4c, 3: 0x46, 4: 1, 5: 1, 16: 1, 18: 3 })[n] ?? 0,
)

const everything = (id: string): Answers => natively(eraOf(id).slots.map(slot => slot.op))

function module(id: string, change: (answers: Record<string, Answers[string]>) => void) {
  const ops = { ...everything(id) }
  change(ops)
  return defineOps({
    name: 'm',
    version: '1.0.0',
    apiVersion: '^1.0',
    opsAbi: `${id.split('-')[0]}.x`,
    ops,
    code: { object },
  })
}

test('an old guest takes an answer to flush_tlb_multi for its flush_tlb_others', () => {
  const m = module('1.3', ops => {
    delete ops['mmu.flush_tlb_others']
    ops['mmu.flush_tlb_multi'] = host(() => {})
  })
  const slot = admit(m, layoutOf(eraOf('1.3'))).slots.find(s => s.slot.op === 'mmu.flush_tlb_others')!
  expect(slot).toMatchObject({
    answeredOp: 'mmu.flush_tlb_multi',
    adapter: 'mmu.flush_tlb_multi over mmu.flush_tlb_others@1',
    answer: { kind: 'host' },
  })
})

test('a new guest takes an answer to flush_tlb_others for its flush_tlb_multi', () => {
  const m = module('5.0', ops => {
    delete ops['mmu.flush_tlb_multi']
    ops['mmu.flush_tlb_others'] = host(() => {}, { version: '^1' })
  })
  const slot = admit(m, layoutOf(eraOf('5.0'))).slots[4]!
  expect(slot.adapter).toBe('mmu.flush_tlb_others@1 over mmu.flush_tlb_multi')
})

test('code goes through an adapter only where the call is the same', () => {
  const renamed = module('1.3', ops => {
    delete ops['cpu.load_idt']
    ops['cpu.load_exceptions'] = code('load_exceptions')
    delete ops['mmu.flush_tlb_user']
    ops['mmu.flush_tlb'] = code('flush')
  })
  const slots = admit(renamed, layoutOf(eraOf('1.3'))).slots
  expect(slots.find(s => s.slot.op === 'cpu.load_idt')).toMatchObject({ answer: { symbol: 'load_exceptions' } })
  expect(slots.find(s => s.slot.op === 'mmu.flush_tlb_user')).toMatchObject({ answer: { symbol: 'flush' } })
  expect(() =>
    module('1.3', ops => {
      delete ops['mmu.flush_tlb_others']
      ops['mmu.flush_tlb_multi'] = code('multi')
    }),
  ).toThrow(expect.objectContaining({ code: 'PG_OPS_ADAPT' }))
})

test('set_tss_desc shares the slot of write_gdt_entry, with native or host for the rest', () => {
  const said: string[] = []
  const fake = fakeHost()
  for (const own of [native(), host(() => void said.push('own'))]) {
    const m = module('1.3', ops => {
      ops['cpu.write_gdt_entry'] = own
      ops['cpu.set_tss_desc'] = host(() => void said.push('tss'))
    })
    const slot = admit(m, layoutOf(eraOf('1.3'))).slots.find(s => s.slot.op === 'cpu.write_gdt_entry')!
    expect(slot.answer.kind).toBe('host')
    slot.host!(fakeCall(fake, 'cpu.write_gdt_entry', '1.0.0', [0x100, 0, TSS_LOW, TSS_HIGH]))
    slot.host!(fakeCall(fake, 'cpu.write_gdt_entry', '1.0.0', [0x100, 0, 0xffff, 0xcf_9200]))
  }
  expect(said).toEqual(['tss', 'tss', 'own'])
  expect(fake.memory.readVirtual32(0x104)).toBe(0xcf_9200)
  for (const [op, answer] of [
    ['cpu.write_gdt_entry', code('gdt')],
    ['cpu.set_tss_desc', code('tss')],
  ] as const) {
    expect(() =>
      module('1.3', ops => {
        ops['cpu.set_tss_desc'] = host(() => {})
        ops[op] = answer
      }),
    ).toThrow(expect.objectContaining({ code: 'PG_OPS_ADAPT' }))
  }
})
