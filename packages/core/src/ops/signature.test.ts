import { expect, test } from 'vitest'
import { bitsOf, signature } from './signature.ts'

test('a prototype becomes parameters and a result', () => {
  expect(signature('u64 (unsigned int msr, int *err)')).toEqual({
    text: 'u64 (unsigned int msr, int *err)',
    params: [
      { name: 'msr', type: 'u32' },
      { name: 'err', type: 'ptr', to: 'int' },
    ],
    result: 'u64',
  })
  expect(signature('void (const struct cpumask *cpus, const struct flush_tlb_info *info)').params).toEqual([
    { name: 'cpus', type: 'ptr', to: 'cpumask' },
    { name: 'info', type: 'ptr', to: 'flush_tlb_info' },
  ])
  expect(signature('void (void)')).toMatchObject({ params: [], result: 'void' })
  expect(signature('u8 *(void)').result).toBe('ptr')
})

test.each(['void', 'void (int)', 'void (float x)', 'half (void)', 'void (int a, )'])('refused: %s', text => {
  expect(() => signature(text)).toThrow(expect.objectContaining({ code: 'PG_OPS_SIGNATURE' }))
})

test('widths', () => {
  expect([bitsOf('long', 'i386'), bitsOf('long', 'x86_64'), bitsOf('ptr', 'i386'), bitsOf('bool', 'i386')]).toEqual([
    32, 64, 32, 8,
  ])
})
