import { execFileSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { admit, eraOf, layoutOf } from '@paragraft/core/ops'
import { expect, test } from 'vitest'
import { needs } from '../../../../tests/support/needs.ts'
import { otherToolchain } from '../../../../tests/support/toolchain.ts'
import xenOps from './index.ts'

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

needs('gcc')('the object in the repository is what its sources build', context => {
  if (otherToolchain(path('./guest/toolchain.txt'))) context.skip('toolchain.txt names another compiler')
  const generator = path('../../../../scripts/gen-xen-ops.ts')
  const run = () => execFileSync(path('../../../../node_modules/.bin/jiti'), [generator, '--check'], { stdio: 'pipe' })
  expect(run).not.toThrow()
})

test("every op of era 1.3 has an answer, and only what ring 1 does as it is stays the guest's own", () => {
  const admitted = admit(xenOps, layoutOf(eraOf('1.3')))
  expect(admitted.slots).toHaveLength(92)
  const natives = admitted.slots.filter(({ answer }) => answer.kind === 'native').map(({ slot }) => slot.op)
  expect(natives).toEqual([
    // What is not native any more the kernel's patcher calls; the rest is the kernel's own business.
    ...['init.patch', 'init.memory_setup', 'mmu.pagetable_setup_done', 'init.banner'],
    // Instructions that Xen emulates (xen/arch/x86/pv/emul-priv-op.c), or that ring 1 may execute.
    ...['cpu.read_cr0', 'cpu.read_cr4_safe', 'cpu.read_cr4', 'cpu.write_cr4', 'cpu.wbinvd'],
    ...['cpu.read_msr', 'cpu.write_msr', 'cpu.read_tsc', 'cpu.read_pmc'],
  ])
  expect(admitted.unused).toEqual([])
  const adapted = admitted.slots.filter(({ adapter }) => adapter !== undefined).map(({ slot }) => slot.op)
  expect(adapted).toEqual(['cpu.load_idt', 'mmu.flush_tlb_user'])
})
