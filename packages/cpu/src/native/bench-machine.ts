/**
 * The engine in the situation runner.c puts the host in: ring 3, paging on, a code page, two data pages, nothing else
 * mapped. Every exception lands on a HLT of its own in ring 0, where the frame tells the rest.
 */

import { createEngine, type Engine } from '../engine.ts'
import type { EngineKind } from '../engine-contract.ts'
import { RAM, SEG_FS } from '../state.ts'
import { setStart } from '../sys/reset.ts'
import { loadSegment } from '../sys/segments.ts'
import {
  CODE,
  CODE_SIZE,
  DATA,
  DATA_SIZE,
  fillData,
  hashData,
  type NativeResult,
  type NativeTest,
  READ_ONLY,
} from './protocol.ts'
import { stubPorts } from './stub-ports.ts'

const RAM_SIZE = 0x100000
const GDT = 0x1000
const IDT = 0x2000
const TSS = 0x3000
const HANDLERS = 0x4000
const STACK_TOP = 0x6000
const ENTRY = 0x7000
const PAGE_DIRECTORY = 0x10000
const CODE_PAGE = 0x20000
const DATA_PAGES = 0x30000
const READ_ONLY_PAGE = 0x40000
const USER_CS = 0x1b
const USER_DS = 0x23

export class BenchMachine {
  readonly engine: Engine
  readonly #u32: Uint32Array
  readonly #data: Uint32Array

  constructor(kind: EngineKind) {
    this.engine = createEngine({ ramSize: RAM_SIZE, engine: kind, ports: stubPorts() })
    this.#u32 = this.engine.processor.u32
    this.#data = new Uint32Array(this.engine.processor.buffer, RAM + DATA_PAGES, DATA_SIZE / 4)
    const m = this.engine.memory
    const descriptor = (at: number, lo: number, hi: number): void => {
      m.write32(at, lo)
      m.write32(at + 4, hi)
    }
    descriptor(GDT + 8, 0x0000ffff, 0x00cf9b00)
    descriptor(GDT + 0x10, 0x0000ffff, 0x00cf9300)
    descriptor(GDT + 0x18, 0x0000ffff, 0x00cffb00)
    descriptor(GDT + 0x20, 0x0000ffff, 0x00cff300)
    descriptor(GDT + 0x30, (DATA << 16) | 0x7ff, (DATA & 0xff000000) | 0x0040f300 | ((DATA >>> 16) & 0xff))
    descriptor(GDT + 0x38, (DATA << 16) | 0x7ff, (DATA & 0xff000000) | 0x0040f700 | ((DATA >>> 16) & 0xff))
    descriptor(GDT + 0x28, ((TSS & 0xffff) << 16) | 0x67, 0x00008900 | (TSS >> 16))
    m.write32(TSS + 4, STACK_TOP)
    m.write16(TSS + 8, 0x10)
    // No I/O permission bitmap: every port is #GP(0) in ring 3, as for a process.
    m.write16(TSS + 0x66, 0x68)
    for (let v = 0; v < 32; v++) {
      descriptor(IDT + v * 8, (8 << 16) | (HANDLERS + v), v === 3 || v === 4 ? 0xee00 : 0x8e00)
      m.write8(HANDLERS + v, 0xf4)
    }
    const map = (lin: number, pa: number, flags: number): void => {
      const table = PAGE_DIRECTORY + 0x1000 + ((lin >>> 22) % 13) * 0x1000
      m.write32(PAGE_DIRECTORY + (lin >>> 22) * 4, table | 7)
      m.write32(table + ((lin >>> 12) & 0x3ff) * 4, pa | flags)
    }
    for (let pa = 0; pa < 0x10000; pa += 0x1000) map(pa, pa, 3)
    for (let at = 0; at < CODE_SIZE; at += 0x1000) map(CODE + at, CODE_PAGE + at, 7)
    map(READ_ONLY, READ_ONLY_PAGE, 5)
    for (let i = 0; i < 0x400; i++) m.write32(READ_ONLY_PAGE + i * 4, Math.imul(i, 0x01010101))
    for (let at = 0; at < DATA_SIZE; at += 0x1000) map(DATA + at, DATA_PAGES + at, 7)
    // mov ax,0x28; ltr ax; hlt
    m.write(ENTRY, Uint8Array.of(0x66, 0xb8, 0x28, 0, 0x0f, 0, 0xd8, 0xf4))
    setStart(this.engine.processor, {
      eip: ENTRY,
      cs: 8,
      ds: 0x10,
      cr0: 0x80040013,
      cr3: PAGE_DIRECTORY,
      cr4: 0x600,
      gdt: { base: GDT, limit: 0x3f },
    })
    const p = this.engine.processor
    p.u32[0x210 >> 2] = IDT
    p.u32[0x218 >> 2] = 0xff
    if (this.engine.run(100) !== 'halt') throw new Error('the test machine does not start')
  }

  run(t: NativeTest): NativeResult {
    const { engine } = this
    const p = engine.processor
    const m = engine.memory
    fillData(this.#data, t.seed)
    m.fill(CODE_PAGE, 0xcc, CODE_SIZE)
    m.write(CODE_PAGE + t.offset, Uint8Array.from(t.code))
    // An IRET frame to ring 3, and an IRETD to take it.
    const frame = STACK_TOP - 20
    for (const [i, v] of [CODE + t.offset, USER_CS, t.eflags, t.regs[4], USER_DS].entries()) m.write32(frame + i * 4, v)
    m.write8(ENTRY + 0x100, 0xcf)
    for (const [i, v] of t.regs.entries()) p.u32[(i * 8) >> 2] = v
    p.u32[0x20 >> 2] = frame
    p.u32[0x90 >> 2] = ENTRY + 0x100
    p.halted = false
    // Data segments as a process has them; ring 0 left its own there.
    this.#userSegments()
    loadSegment(p, SEG_FS, t.fs === undefined ? 0 : t.fs === 'limited' ? 0x33 : 0x3b)
    const result = engine.run(1000)
    if (result !== 'halt') throw new Error(`${t.name}: the test ended with ${result}`)
    const vector = this.#u32[0x90 >> 2] - 1 - HANDLERS
    const esp = p.u32[0x20 >> 2]
    const hasError = [8, 10, 11, 12, 13, 14, 17].includes(vector)
    const at = esp + (hasError ? 4 : 0)
    const regs = [0, 1, 2, 3, 4, 5, 6, 7].map(i => p.u32[(i * 8) >> 2])
    regs[4] = m.read32(at + 12)
    return {
      regs,
      eflags: m.read32(at + 8),
      eip: m.read32(at),
      vector,
      error: hasError ? m.read32(esp) : 0,
      cr2: vector === 14 ? p.u32[0x228 >> 2] : 0,
      hash: hashData(this.#data),
    }
  }

  /** DS and ES as flat user data; done by hand, since ring 3 code of the tests does not load them. */
  #userSegments(): void {
    const u32 = this.#u32
    for (const seg of [0, 3]) {
      const at = (0x100 + seg * 32) >> 2
      u32[at] = 0
      u32[at + 2] = u32[at + 3] = u32[at + 5] = 0xffffffff
      u32[at + 4] = USER_DS
      u32[at + 6] = 0x00c0f300
    }
  }
}
