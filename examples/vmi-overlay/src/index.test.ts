import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { applyOverlay, builtInRom, ROM_NAMES } from '@paragraft/backend-vmi/rom'
import { expect, test } from 'vitest'
import { needs } from '../../../tests/support/needs.ts'
import overlay from './index.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

needs('gcc')('the object in the repository is what GNU as makes of overlay.S', () => {
  const built = execFileSync(process.execPath, [path('../scripts/build-object.mjs'), '--print'], { encoding: 'utf8' })
  expect(built).toBe(readFileSync(path('./overlay-object.generated.ts'), 'utf8'))
})

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
