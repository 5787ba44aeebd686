/** What a PVH domain shows of itself by CPUID and MSRs. */
import { expect, test } from 'vitest'
import { hypercallInstruction } from './hypercall-page.ts'
import { TestDomain } from './testing.ts'

const OWN = [1, 2, 3, 4] as const

test('the leaves of arch-x86/cpuid.h, and the bit that says to look for them', () => {
  const { domain } = new TestDomain()
  const leaf = (number: number, subleaf = 0) => domain.cpuid(number, subleaf, OWN)
  expect(leaf(1)).toEqual([1, 2, 0x80000003, 4])
  expect(leaf(0x40000000)).toEqual([0x40000005, 0x566e6558, 0x65584d4d, 0x4d4d566e])
  expect(leaf(0x40000001)).toEqual([0x00040011, 0, 0, 0])
  expect(leaf(0x40000002)).toEqual([1, 0x40000000, 0, 0])
  // Processor and domain are named: bits 3 and 4, in EBX and ECX.
  expect(leaf(0x40000004)).toEqual([0x18, 0, 1, 0])
  for (const other of [0, 2, 0x40000006, 0x40000100, 0x80000001]) expect(leaf(other)).toBeUndefined()
})

test('the MSR fills a page with calls: MOV EAX, number; VMCALL; RET', () => {
  const { domain, memory } = new TestDomain()
  expect(domain.writeMsr(0x40000000, 0x9000n)).toBe(true)
  expect([...memory.read(0x9000 + 34 * 32, 9)]).toEqual([0xb8, 34, 0, 0, 0, 0x0f, 0x01, 0xc1, 0xc3])
  expect([...memory.read(0x9000 + 23 * 32, 2)]).toEqual([0x0f, 0x0b])
  // Page 1 of hypercalls, and a page that is not there.
  expect(domain.writeMsr(0x40000000, 0x9001n)).toBe(false)
  expect(domain.writeMsr(0x40000000, 0x1_0000_0000_0000n)).toBe(false)
  expect(domain.readMsr(0x40000000)).toBe(0n)
  expect(domain.readMsr(0x12345)).toBeUndefined()
})

test("the maker's instruction", () => {
  // EBX of leaf 0: "Genu", "Auth", "Hygo".
  expect(hypercallInstruction(0x756e6547)).toBe('vmcall')
  expect(hypercallInstruction(0x68747541)).toBe('vmmcall')
  expect(hypercallInstruction(0x6f677948)).toBe('vmmcall')
})

test('the console: output goes out, input comes when the guest has rung', () => {
  const test = new TestDomain()
  const page = test.memory.size - 0x2000
  test.console.input.push(0x79)
  test.memory.write(page + 1024, Uint8Array.of(0x68, 0x69))
  test.memory.write32(page + 3084, 2)
  expect(test.console.onInput).toBeNull()
  test.memory.write32(0x8000, 2)
  expect(test.call(32, 4, 0x8000)).toBe(0)
  expect([test.console.output, test.memory.read32(page + 3080)]).toEqual(['hi', 2])
  expect([test.memory.read8(page), test.memory.read32(page + 3076)]).toEqual([0x79, 1])
  test.console.input.push(0x7a)
  test.console.onInput!()
  expect([test.memory.read8(page + 1), test.memory.read32(page + 3076)]).toEqual([0x7a, 2])
  // More than the ring holds: it is taken as full.
  test.memory.write32(page + 3084, 0xffff_0002)
  test.call(32, 4, 0x8000)
  expect(test.console.output).toHaveLength(2 + 2048)
})
