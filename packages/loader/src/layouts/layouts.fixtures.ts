/** A small kernel for the layouts' tests, made byte by byte: table, call sites, export table, kallsyms, alternatives. */
import type { GuestImage, ImageSection, ImageSymbol } from '@paragraft/core/image'
import { Writer } from '../formats/fixtures.ts'

export const TEXT = 0xc1000000
const RODATA = 0xc1100000
const DATA = 0xc1200000
/** Where {@link tinyKernel} keeps its table. */
export const TABLE = DATA + 0x40
const DELTA = 0xc0000000

export interface Sym {
  type: string
  name: string
  value: number
}

/**
 * kallsyms as scripts/kallsyms.c writes it; every name spelled with one token a character. For 64-bit kernels (`align` 8)
 * addresses are signed, and non-negative ones are offsets into per-CPU data.
 */
export function kallsymsFixture(
  symbols: Sym[],
  form: '4.6' | '6.2' | '6.4',
  base: number,
  align: 4 | 8 = 4,
): Uint8Array {
  // Token 1 stands for two characters, as the real table's tokens do.
  const token = (code: number): string =>
    code === 1 ? '_n' : code > 0x20 && code < 0x7f ? String.fromCharCode(code) : ''
  const table = new Writer()
  const index = new Writer()
  for (let code = 0; code < 256; code++) {
    index.u16(table.length)
    table.text(token(code)).u8(0)
  }
  const names = new Writer()
  const markers = new Writer()
  symbols.forEach((symbol, i) => {
    if (i % 256 === 0) markers.u32(names.length)
    const codes: number[] = []
    const text = symbol.type + symbol.name
    for (let at = 0; at < text.length; at++) {
      if (text.startsWith('_n', at)) {
        codes.push(1)
        at++
      } else codes.push(text.charCodeAt(at))
    }
    // Long names have a two-byte length (kallsyms_expand_symbol).
    if (codes.length > 0x7f) names.u8((codes.length & 0x7f) | 0x80, codes.length >> 7)
    else names.u8(codes.length)
    names.raw(codes)
  })
  const offsets = new Writer()
  for (const { value } of symbols) offsets.u32(align === 4 ? value - base : value >= 0 ? value : base - 1 - value)
  const seqs = new Writer().raw(new Uint8Array(3 * symbols.length).fill(0x55))
  const out = new Writer()
  const put = (part: Writer): void => {
    out.align(align).raw(part.bytes())
  }
  const one = (value: number): Writer => (align === 4 ? new Writer().u32(value) : new Writer().u64(value))
  const tail =
    form === '6.4' ? [table, index, offsets, one(base), seqs] : form === '6.2' ? [seqs, table, index] : [table, index]
  const front = form === '6.4' ? [] : [offsets, one(base)]
  for (const part of [...front, one(symbols.length), names, markers, ...tail]) put(part)
  return out.align(4).bytes()
}

/** The functions that a 6.1 kernel's table names, in slot order. */
export const NATIVES_6_1 = [
  'native_io_delay',
  'native_flush_tlb_local',
  'native_flush_tlb_global',
  'native_flush_tlb_one_user',
  'native_flush_tlb_multi',
  'tlb_remove_page',
  '_paravirt_nop',
  '_paravirt_nop',
  'native_queued_spin_lock_slowpath',
  '__raw_callee_save___native_queued_spin_unlock',
  '_paravirt_nop',
  '_paravirt_nop',
  '__raw_callee_save___native_vcpu_is_preempted',
]

export interface TinyKernel {
  /** Functions of the slots in order. */
  functions?: string[]
  /** Slots that have a call site each; a `jump` site for slots in `jumps`. */
  sites?: number[]
  /** Table address that the sites use, when it is not the real one. */
  sitesTable?: number
  symbol?: string
  /** Address that the export table names; null leaves `symbol` out. */
  exported?: number | null
  withKallsyms?: boolean
  withSymtab?: boolean
  trailer?: Uint8Array
  alternatives?: Uint8Array
}

/** An i386 image with everything that the oracles look at. */
export function tinyKernel(options: TinyKernel = {}): GuestImage {
  const functions = options.functions ?? NATIVES_6_1
  const symbol = options.symbol ?? 'pv_ops'
  const names = [...new Set(functions)]
  const address = (name: string): number => TEXT + 0x1000 + 16 * names.indexOf(name)
  const slots = options.sites ?? functions.map((_, slot) => slot)
  const siteTable = options.sitesTable ?? TABLE

  const text = new Uint8Array(0x2000).fill(0xc3)
  const parainstructions = new Writer()
  slots.forEach((slot, i) => {
    const at = 0x10 + 16 * i
    text.set(
      new Writer()
        .u8(0xff, 0x15)
        .u32(siteTable + 4 * slot)
        .bytes(),
      at,
    )
    parainstructions
      .u32(TEXT + at)
      .u8(slot, 6)
      .u16(0)
  })

  const table = new Writer().raw(new Uint8Array(0x40))
  for (const name of functions) table.u32(address(name))

  const strings = new Writer().text('printk').u8(0)
  const exports = new Writer()
  const exported = options.exported === undefined ? TABLE : options.exported
  const entries = [{ name: 0, value: TEXT }]
  if (exported !== null) {
    entries.push({ name: strings.length, value: exported })
    strings.text(symbol).u8(0)
  }
  const stringsAt = RODATA + 0x100
  entries.forEach(({ name, value }, i) => {
    const at = RODATA + 12 * i
    exports.u32(value - at, stringsAt + name - (at + 4), 0)
  })
  const symbols: Sym[] = names.map(name => ({ type: 't', name, value: address(name) }))
  const kallsyms = options.withKallsyms === false ? new Uint8Array(0) : kallsymsFixture(symbols, '6.2', TEXT)
  const rodata = new Writer()
    .raw(exports.bytes())
    .raw(new Uint8Array(0x100 - exports.length))
    .raw(strings.bytes())
  rodata.raw(new Uint8Array(0x1000 - rodata.length)).raw(kallsyms)

  const section = (name: string, vaddr: number, bytes: Uint8Array): ImageSection => {
    return { name, vaddr, bytes, size: bytes.length }
  }
  const segment = (vaddr: number, bytes: Uint8Array, execute: boolean): GuestImage['segments'][number] => {
    return {
      paddr: vaddr - DELTA,
      vaddr,
      bytes,
      memorySize: bytes.length,
      flags: { read: true, write: !execute, execute },
    }
  }
  const elfSymbols: ImageSymbol[] = [
    ...names.map(name => ({ name, value: address(name), size: 16, type: 'func' as const })),
    { name: symbol, value: TABLE, size: 4 * functions.length, type: 'object' as const },
  ]
  // The patch records lie in the data segment, behind the table.
  const patches = DATA + 0x1000
  const data = new Writer().raw(table.bytes())
  data.raw(new Uint8Array(0x1000 - data.length)).raw(options.alternatives ?? [])
  return {
    format: ['elf32'],
    machine: 'i386',
    segments: [segment(TEXT, text, true), segment(RODATA, rodata.bytes(), false), segment(DATA, data.bytes(), false)],
    sections: [
      section('.text', TEXT, text),
      section('__ksymtab', RODATA, exports.bytes()),
      ...(slots.length > 0 ? [section('.parainstructions', RODATA + 0x10_0000, parainstructions.bytes())] : []),
      ...(options.alternatives === undefined ? [] : [section('.altinstructions', patches, options.alternatives)]),
    ],
    symbols: options.withSymtab ? elfSymbols : [],
    notes: [],
    entries: [{ kind: 'linux', address: TEXT - DELTA }],
    ...(options.trailer === undefined ? {} : { trailer: options.trailer }),
  }
}

/** Where {@link tinyKernel} puts its `.altinstructions`. */
export const ALTERNATIVES = DATA + 0x1000
