import type { GuestImage } from '@paragraft/core/image'
import { expect, test } from 'vitest'
import { Writer } from '../formats/fixtures.ts'
import { readOpTableType } from './btf.ts'
import { tinyKernel } from './layouts.fixtures.ts'
import { ImageView } from './view.ts'

/** Kinds as in Documentation/bpf/btf.rst. */
const INT = 1
const PTR = 2
const STRUCT = 4
const CONST = 10

/** A type section with `paravirt_patch_template { pv_cpu_ops cpu; const pv_lock_ops lock }`, lock's first callee-save. */
function btf(): Uint8Array {
  const strings = new Writer().u8(0)
  const name = (text: string): number => {
    const at = strings.length
    strings.text(text).u8(0)
    return at
  }
  const types = new Writer()
  const type = (label: string, kind: number, vlen: number, reference: number): Writer => {
    return types.u32(label === '' ? 0 : name(label), (kind << 24) | vlen, reference)
  }
  const member = (label: string, id: number, bits: number): void => {
    types.u32(name(label), id, bits)
  }
  type('int', INT, 0, 4).u32(32) // 1
  type('', PTR, 0, 0) // 2
  type('paravirt_callee_save', STRUCT, 1, 4) // 3
  member('func', 2, 0)
  type('pv_cpu_ops', STRUCT, 1, 4) // 4
  member('io_delay', 2, 0)
  type('pv_lock_ops', STRUCT, 2, 8) // 5
  member('queued_spin_unlock', 3, 0)
  member('wait', 2, 32)
  type('', CONST, 0, 5) // 6
  type('paravirt_patch_template', STRUCT, 2, 12) // 7
  member('cpu', 4, 0)
  member('lock', 6, 32)
  const header = new Writer().u16(0xeb9f).u8(1, 0).u32(24, 0, types.length, types.length, strings.length)
  return header.raw(types.bytes()).raw(strings.bytes()).bytes()
}

const withBtf = (bytes: Uint8Array): ImageView => {
  const image: GuestImage = tinyKernel()
  image.sections.push({ name: '.BTF', vaddr: 0, bytes, size: bytes.length })
  return new ImageView(image)
}

test("the table's members come out in order, groups and callee-save wrappers resolved", () => {
  expect(readOpTableType(withBtf(btf()))).toEqual([
    { name: 'cpu.io_delay', offset: 0 },
    { name: 'lock.queued_spin_unlock', offset: 4 },
    { name: 'lock.wait', offset: 8 },
  ])
})

test('broken type information gives nothing', () => {
  const whole = btf()
  expect(readOpTableType(withBtf(whole.subarray(0, 20)))).toBeUndefined()
  expect(readOpTableType(withBtf(whole.subarray(0, whole.length - 40)))).toBeUndefined()
  const looped = btf()
  // The CONST (type 6) refers to itself: 24 header + 16 + 12 + 24 + 24 + 36 bytes before it, reference at +8.
  new DataView(looped.buffer).setUint32(24 + 16 + 12 + 24 + 24 + 36 + 8, 6, true)
  expect(readOpTableType(withBtf(looped))).toBeUndefined()
})
