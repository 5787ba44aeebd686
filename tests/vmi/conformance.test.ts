/**
 * The conformance program itself: a ROM of native code passes it, here and in QEMU; a broken one is found out, call by call.
 */
import { expect } from 'vitest'
import { CALLS } from '../../packages/backend-vmi/src/abi/index.ts'
import { needs } from '../support/needs.ts'
import { conformanceKernel, LAST_CALLS, verdicts } from './conformance.ts'
import { runKernel, runKernelInQemu } from './kernel.ts'
import { nativeRom } from './native-rom.ts'

const EXPECTED = CALLS.map(call => call.name).filter(name => !LAST_CALLS.includes(name))

for (const defines of [[], ['PAE']]) {
  const tables = defines[0] ?? 'two-level'
  needs('gcc')(`${tables}: a ROM of native code conforms, and every call has its line`, async () => {
    for (const engine of ['interpreter', 'reference'] as const) {
      for (const by of [[], ['IRET_BY_CALL']]) {
        const { console, outcome } = await runKernel(conformanceKernel(...defines), { rom: nativeRom(...by), engine })
        const { calls, wrong } = verdicts(console)
        expect(wrong).toEqual([])
        expect(calls.map(({ call }) => call.name)).toEqual(EXPECTED)
        const made = calls.filter(({ relocation }) => relocation === 'call' || relocation === 'jump')
        expect(made.filter(({ tested }) => !tested).map(({ call }) => call.name)).toEqual([])
        expect(made.length).toBeGreaterThan(35)
        expect(outcome).toEqual({ kind: 'debugExit', value: 0 })
      }
    }
  })

  needs('gcc', 'qemu')(`${tables}: so it does in QEMU`, () => {
    const { calls, wrong } = verdicts(runKernelInQemu(conformanceKernel(...defines), nativeRom()))
    expect(wrong).toEqual([])
    expect(calls.map(({ call }) => call.name)).toEqual(EXPECTED)
  })
}

needs('gcc')('the ROM may be mapped anywhere', async () => {
  const { console } = await runKernel(conformanceKernel('PAE', 'ROM_VA=0xE8000000'), { rom: nativeRom() })
  expect(verdicts(console).wrong).toEqual([])
})

needs('gcc')('wrong clobbers, results, flags and effects are found, and nothing else', async () => {
  const { console } = await runKernel(conformanceKernel('PAE'), { rom: nativeRom('BROKEN') })
  const found = verdicts(console).calls.filter(({ wrong }) => wrong.length > 0)
  expect(Object.fromEntries(found.map(({ call, wrong }) => [call.name, [...new Set(wrong.map(generally))]]))).toEqual({
    SetCR2: ['changes EBX to …'],
    GetCR0: ['a word above the arguments is …, not …'],
    GetCR4: ['CR4 is …, not …'],
    CLTS: ['changes flags …'],
    DisableInterrupts: ['changes ECX to …'],
    InvalPage: ['the window is …, not …'],
    // They wait for what the broken calls should have done.
    SetInterruptMask: ['changes ECX to …'],
    SetLazyMode: ['the window after InvalPage under the mode is …, not …'],
  })
})

const generally = (text: string): string => text.replaceAll(/(?<=(is|not|to|flags) )[0-9a-f]+/g, '…')
