/** What may stand in a guest's table: xen/arch/x86/pv/descriptor-tables.c, check_descriptor. */
import { expect, test } from 'vitest'
import { TestMemory } from '../../testing.ts'
import { checkDescriptor, checkDescriptorPage, fixSelector, ownDescriptors } from './descriptors.ts'

const checked = (high: number, low = 0xffff): string => {
  const words = checkDescriptor({ low: low >>> 0, high })
  return words === undefined ? 'refused' : `${words.high.toString(16)} ${words.low.toString(16)}`
}

test('DPL 0 is raised, the others stay', () => {
  expect(checked(0x00cf_9a00)).toBe('cfba00 ffff')
  expect(checked(0x00cf_ba00)).toBe('cfba00 ffff')
  expect(checked(0x00cf_fa00)).toBe('cffa00 ffff')
})

test('what is not present, or of type 0, is harmless', () => {
  expect(checked(0x00cf_1a00)).toBe('cf1a00 ffff')
  expect(checked(0x0000_8000)).toBe('a000 ffff')
})

test('64-bit segments, task states, LDTs and gates but for calls are refused', () => {
  for (const high of [0x00af_9a00, 0x0000_8900, 0x0000_8200, 0x0000_8e00, 0x0000_8f00, 0x0000_8500]) {
    expect(checked(high)).toBe('refused')
  }
})

test('a call gate leads to the guest, faults at use, and keeps its DPL in the selector', () => {
  expect(checked(0x1234_ec00, 0xe019_5678)).toBe('12348c00 e01b5678')
  expect(checked(0x1234_ec00, 0xe008_5678)).toBe('refused')
  expect(checked(0x1234_ec20, 0xe019_5678)).toBe('refused')
})

test('a flat segment that ends in the hypervisor’s hole reaches its end', () => {
  // Up to 0xF67FFFFF, as old kernels have it; up to the hole; far below it; with a base.
  expect(checked(0x00cf_b200, 0x67ff)).toBe('cfb200 ffff')
  expect(checked(0x00cf_b200, 0x57ff)).toBe('cfb200 57ff')
  expect(checked(0x00c0_b200, 0x67ff)).toBe('c0b200 67ff')
  expect(checked(0x00cf_b200, 0x1_67ff)).toBe('cfb200 167ff')
})

test('a page is mended as a whole, or not at all', () => {
  const memory = new TestMemory(0x2000)
  memory.write32(0x1008, 0xffff)
  memory.write32(0x100c, 0x00cf_9200)
  memory.write32(0x1ffc, 0x0000_8900)
  expect(checkDescriptorPage(memory, 0x1000)).toBe(false)
  expect(memory.read32(0x100c)).toBe(0x00cf_9200)
  memory.write32(0x1ffc, 0)
  expect(checkDescriptorPage(memory, 0x1000)).toBe(true)
  expect(memory.read32(0x100c)).toBe(0x00cf_b200)
})

test('selectors of entries are never ring 0’s; Xen’s own descriptors are where the header says (xen-x86_32.h)', () => {
  expect([0, 8, 0xe019, 0xe02b].map(fixSelector)).toEqual([1, 9, 0xe019, 0xe02b])
  const view = new DataView(ownDescriptors().buffer)
  const levels = [0xe019, 0xe021, 0xe02b, 0xe033].map(s => (view.getUint32((s & 0xff8) + 4, true) >>> 13) & 3)
  expect(levels).toEqual([1, 1, 3, 3])
})
