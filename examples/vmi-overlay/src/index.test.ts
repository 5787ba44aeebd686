import { applyOverlay, builtInRom, ROM_NAMES } from '@paragraft/backend-vmi/rom'
import { expect, test } from 'vitest'
import overlay from './index.ts'

test.each(ROM_NAMES)('laid over %s it changes its three calls, and no other', name => {
  const base = builtInRom(name)
  const rom = applyOverlay(base, overlay)
  const changed = [...rom.answers!].filter(([call, { relocation, offset }]) => {
    const before = base.answers!.get(call)!
    return relocation !== before.relocation || offset !== before.offset
  })
  expect(Object.fromEntries(changed.map(([call, { relocation }]) => [call, relocation]))).toEqual({
    CPUID: 'call',
    IODelay: 'none',
    GetCycleCounter: 'call',
  })
  expect(rom.scratch).toEqual(base.scratch)
})
