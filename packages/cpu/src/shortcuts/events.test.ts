/** Shortcuts against the general ones: from the same state, the same state, or no change at all. */
import { expect, test } from 'vitest'
import { GuestFault } from '../context.ts'
import type { Processor } from '../processor.ts'
import {
  EFLAGS_SYS,
  EIP,
  ESP,
  FLAG_AC,
  FLAG_IF,
  FLAG_NT,
  FLAG_RF,
  FLAG_TF,
  FLAG_VM,
  MSR_SYSENTER_CS,
  MSR_SYSENTER_EIP,
  MSR_SYSENTER_ESP,
  RAM,
  SEG_CS,
  SEG_DS,
  SEG_ES,
  SEG_FS,
  SEG_GS,
  SEG_SS,
  STATE_SIZE,
} from '../state.ts'
import { deliver } from '../sys/deliver.ts'
import { descBase, descLimit, fetchDescriptor, setSegment } from '../sys/descriptors.ts'
import { iret } from '../sys/return.ts'
import { loadSegment } from '../sys/segments.ts'
import { sysenter, sysexit } from '../sys/sysenter.ts'
import { ltr } from '../sys/tables.ts'
import {
  bench,
  CODE0,
  CODE3,
  DATA0,
  DATA3,
  FLAT,
  IDT,
  poke32,
  someHelpers,
  TSS,
  writeDescriptor,
  writeGate,
} from '../testbench.ts'
import { createShortcuts } from './index.ts'
import { DELIVER_RESUME, DELIVER_SOFTWARE } from './port.ts'

const RAM_SEEN = 0x20000

/** Numbers below `n` that repeat: a linear congruential generator (Knuth, TAOCP vol. 2, 3.3.4). */
function generator(seed: number): (n: number) => number {
  let x = seed
  return n => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0
    return Math.floor((x / 2 ** 32) * n)
  }
}

const { cpu, memory } = bench({ megabytes: 1 })
/** A shortcut that stands in front of a helper has declined when it calls that. */
let declined = false
const decline = (): number => {
  declined = true
  return 0
}
const shortcuts = createShortcuts(
  memory,
  someHelpers({ iret: decline, loadSegment: decline, sysenter: decline, sysexit: decline }),
)
const taken = (name: string, ...args: number[]): boolean => {
  declined = false
  shortcuts[name]!(...args)
  return !declined
}
writeDescriptor(cpu, 0x28, TSS, 0x2fff, 0x89, 0)
ltr(cpu, 0x28)
const image = (): Uint8Array => {
  const bytes = new Uint8Array(STATE_SIZE + RAM_SEEN)
  bytes.set(cpu.u8.subarray(0, STATE_SIZE))
  bytes.set(cpu.u8.subarray(RAM, RAM + RAM_SEEN), STATE_SIZE)
  return bytes
}
const restore = (bytes: Uint8Array): void => {
  cpu.u8.set(bytes.subarray(0, STATE_SIZE))
  cpu.u8.set(bytes.subarray(STATE_SIZE), RAM)
}
const start = image()

/** Loads a segment register from the GDT without a check. */
function load(cpu: Processor, seg: number, selector: number): void {
  const d = fetchDescriptor(cpu, selector)
  setSegment(cpu, seg, selector, descBase(d), descLimit(d), d.hi)
}

/** A random machine in protected mode: mostly what guests have, now and then anything. */
function scramble(random: (n: number) => number): number {
  restore(start)
  cpu.flushTlb('all')
  const rarely = (usual: number, else_: () => number): number => (random(12) === 0 ? else_() : usual)
  const level = [0, 3, 3, 1][random(4)]!
  const access = (usual: number): number => rarely(usual, () => random(256))
  const limit = (): number => rarely(0xfffff, () => random(0x100000))
  const flat = (): number => rarely(FLAT, () => random(16))
  writeDescriptor(cpu, 0x08, 0, limit(), access(CODE0), flat())
  writeDescriptor(
    cpu,
    0x10,
    rarely(0, () => random(0x1000)),
    limit(),
    access(DATA0),
    flat(),
  )
  writeDescriptor(cpu, 0x18, 0, limit(), access(CODE3), flat())
  writeDescriptor(cpu, 0x20, 0, limit(), access(DATA3), flat())
  writeDescriptor(cpu, 0x30, 0, 0xfffff, CODE0 | 0x20, FLAT)
  writeDescriptor(cpu, 0x38, 0, 0xfffff, DATA0 | 0x20, FLAT)
  const [code, data] = level === 0 ? [0x08, 0x10] : level === 1 ? [0x31, 0x39] : [0x1b, 0x23]
  load(cpu, SEG_CS, code!)
  load(cpu, SEG_SS, data!)
  load(
    cpu,
    SEG_DS,
    rarely(0x23, () => 0x10),
  )
  const inner = rarely(0x7000, () => random(0x8000))
  for (const n of [0, 1, 2]) {
    poke32(cpu, TSS + 4 + n * 8, inner)
    poke32(cpu, TSS + 8 + n * 8, [rarely(0x10, () => random(0x48)), 0x39, 0][n]!)
  }
  for (let v = 0; v < 32; v++) {
    const gate = rarely(0x8e, () => random(256)) | (random(2) === 0 ? 0x60 : 0)
    writeGate(
      cpu,
      IDT + v * 8,
      rarely([0x08, 0x30][random(8) === 0 ? 1 : 0]!, () => random(0x48)),
      random(0x20000),
      gate,
    )
  }
  cpu.setCpl(level)
  cpu.setEflags(random(2 ** 22) & ~(FLAG_VM | FLAG_TF) & ~rarely(FLAG_NT | FLAG_RF | FLAG_AC, () => 0))
  cpu.u32[ESP >> 2] = rarely(0x6000 + random(64) * 4, () => 0x6000 - random(40))
  cpu.u32[EIP >> 2] = 0x10000 + random(256)
  if (random(20) === 0) cpu.u32[EFLAGS_SYS >> 2]! |= FLAG_TF | FLAG_IF
  return level
}

/** Everything that is touched must be in the tables, or the short way always declines. */
function warm(): void {
  for (let page = 0; page < 16; page++) {
    cpu.readSys32(page * 4096)
    cpu.writeSys8(page * 4096 + 0xfff, cpu.readSys8(page * 4096 + 0xfff))
  }
}

function compare(short: () => boolean, general: () => void): boolean {
  warm()
  const before = image()
  if (!short()) {
    expect(Buffer.compare(image(), before)).toBe(0)
    return false
  }
  const got = image()
  restore(before)
  try {
    general()
  } catch (thrown) {
    if (!(thrown instanceof GuestFault)) throw thrown
    expect.unreachable(`the general way raises ${thrown.vector} (${thrown.errorCode})`)
  }
  const differs = image().findIndex((byte, i) => byte !== got[i])
  expect(differs).toBe(-1)
  return true
}

test('deliveries', () => {
  const random = generator(1)
  let short = 0
  for (let i = 0; i < 1500; i++) {
    scramble(random)
    const vector = random(34)
    const software = random(2) === 0
    const errorCode = random(3) === 0 ? random(0x10000) : -1
    const resume = random(2) === 0
    const returnEip = random(2 ** 32)
    const how = { software, errorCode, returnEip, resume }
    const same = compare(
      () =>
        shortcuts.deliver!(
          vector | (software ? DELIVER_SOFTWARE : 0) | (resume ? DELIVER_RESUME : 0),
          errorCode,
          returnEip,
        ) !== 0,
      () => deliver(cpu, vector, how),
    )
    if (same) short++
  }
  // The usual case must be the short one, or there is no use in it.
  expect(short).toBeGreaterThan(300)
})

test('returns', () => {
  const random = generator(2)
  let short = 0
  for (let i = 0; i < 1500; i++) {
    const level = scramble(random)
    const at = cpu.u32[ESP >> 2]!
    const rarely = (usual: number, else_: () => number): number => (random(12) === 0 ? else_() : usual)
    const outer = level === 3 || random(2) === 0
    const [code, data] = outer ? [0x1b, 0x23] : level === 0 ? [0x08, 0x10] : [0x31, 0x39]
    const flags = random(2 ** 22) & ~rarely(FLAG_VM | FLAG_AC, () => 0)
    const frame = [
      random(0x20000),
      rarely(code!, () => random(0x48)),
      flags,
      random(2 ** 32),
      rarely(data!, () => random(0x48)),
    ]
    for (const [n, word] of frame.entries()) poke32(cpu, at + n * 4, word)
    const same = compare(
      () => taken('iret', 4, 0),
      () => {
        iret(cpu, 4, 0)
        cpu.u32[EFLAGS_SYS >> 2]! &= ~FLAG_RF
      },
    )
    if (same) short++
  }
  expect(short).toBeGreaterThan(300)
})

test('loads of data segments', () => {
  const random = generator(3)
  let short = 0
  for (let i = 0; i < 1000; i++) {
    scramble(random)
    const seg = [SEG_ES, SEG_DS, SEG_FS, SEG_GS][random(4)]!
    const selector = random(4) === 0 ? random(0x60) : [0x10, 0x20, 0x23, 0x39][random(4)]!
    const same = compare(
      () => taken('loadSegment', seg, selector),
      () => loadSegment(cpu, seg, selector),
    )
    if (same) short++
  }
  expect(short).toBeGreaterThan(300)
})

test('system calls by SYSENTER, and their returns', () => {
  const random = generator(4)
  let short = 0
  for (let i = 0; i < 1000; i++) {
    scramble(random)
    cpu.u32[MSR_SYSENTER_CS >> 2] = random(12) === 0 ? random(0x10000) : 0x08
    cpu.u32[MSR_SYSENTER_ESP >> 2] = random(2 ** 32)
    cpu.u32[MSR_SYSENTER_EIP >> 2] = random(2 ** 32)
    const [name, general] = random(2) === 0 ? (['sysenter', sysenter] as const) : (['sysexit', sysexit] as const)
    const same = compare(
      () => taken(name),
      () => general(cpu),
    )
    if (same) short++
  }
  expect(short).toBeGreaterThan(300)
})
