import { expect, test } from 'vitest'
import { CALL_LIMIT, CALLS, callShape, changedRegisters, findCall } from './calls.ts'

const places = (name: string) =>
  callShape(findCall(name)!).convention.params.map(words =>
    words.map(place => ('register' in place ? place.register : place.stack)),
  )

test('the numbers are those of asm/vmi.h and asm/vmi_time.h', () => {
  const numbers = CALLS.map(call => call.number)
  const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n)
  expect(numbers).toEqual([...range(0, 48), ...range(61, 71), 73])
  expect(new Set(CALLS.map(call => call.name)).size).toBe(CALLS.length)
  expect(CALL_LIMIT).toBe(numbers.at(-1)! + 1)
  const some = { SetGDT: 3, WriteIDTEntry: 13, SetCR3: 17, IRET: 33, SetPxELong: 39, AllocatePage: 44, APICRead: 64 }
  for (const [name, number] of Object.entries(some)) expect(findCall(name)!.number, name).toBe(number)
  expect(findCall('SetPte')).toBeUndefined()
})

// Registers as the specification's appendix A names them; ST(1) there counts the return address as ST(0).
test('arguments are where regparm(3) puts them', () => {
  expect(places('WRMSR')).toEqual([['EAX', 'EDX'], ['ECX']])
  expect(places('WriteGDTEntry')).toEqual([['EAX'], ['EDX'], ['ECX'], [4]])
  expect(places('SetPxE')).toEqual([['EAX'], ['EDX'], ['ECX']])
  expect(places('SetPxELong')).toEqual([['EAX', 'EDX'], ['ECX'], [4]])
  expect(places('AllocatePage')).toEqual([['EAX'], ['EDX'], ['ECX'], [4], [8]])
  expect(places('SetAlarm')).toEqual([['EAX'], ['EDX', 'ECX'], [4, 8]])
  expect(places('SetLinearMapping')).toEqual([['EAX'], ['EDX'], ['ECX'], [4]])
  expect(places('SYSEXIT').slice(1)).toEqual([['EDX'], ['ECX']])
})

test('interrupt calls keep every register but the result', () => {
  for (const name of ['EnableInterrupts', 'DisableInterrupts', 'SetInterruptMask']) {
    expect(changedRegisters(findCall(name)!), name).toEqual([])
  }
  expect(changedRegisters(findCall('GetInterruptMask')!)).toEqual(['EAX'])
  expect(changedRegisters(findCall('GetCR0')!)).toEqual(['EAX', 'ECX', 'EDX'])
  expect(changedRegisters(findCall('CPUID')!)).toContain('EBX')
})
