/**
 * Debian's gnumach-image-1.8-xen-486, entered by its string __xen_guest (its notes have another owner's name).
 *
 * On Xen it dies without a word. Having pinned its page tables and loaded them, it installs descriptors and traps, and then
 * copies an entry of its page directory, with a MOV (0xc000525a: MOV %ecx, (%eax)), from 3 GB to 0. The directory is mapped
 * read-only, as it must be, and Xen does what is written to a page table only, and only for a guest that has asked for that
 * (xen/arch/x86/pv/ro-page-fault.c). So its #PF handler panics, before there is a console; and the shutdown that follows gives a
 * pointer where the old sched_op wants the reason, of which Xen takes a byte.
 */
import { readFileSync } from 'node:fs'
import xen from '@paragraft/backend-xen'
import { createMachine } from 'paragraft'
import { expect } from 'vitest'
import { guest, needs } from './support/needs.ts'
import { paragraft } from './support/paragraft.ts'

const debian = needs('debian guests')
const INSTRUCTIONS = 100_000_000

async function gnumach(backendOptions: Record<string, unknown>) {
  let output = ''
  const machine = await createMachine({
    image: new Uint8Array(readFileSync(guest('gnumach-xen'))),
    backend: xen,
    backendOptions,
    output: bytes => (output += Buffer.from(bytes).toString('latin1')),
  })
  const stop = machine.run({ instructions: INSTRUCTIONS })
  if (stop.kind === 'budget' || stop.kind === 'idle') throw new Error(`it goes on: ${output}`)
  return { stop, output, report: machine.report(stop, 0) }
}

debian('gnumach dies where Xen refuses what it writes to a page directory', async () => {
  const { stop, output, report } = await gnumach({})
  expect(stop.kind).toBe('reset')
  // Xen 4.17 says the same: "reason code 128" (docs/xen.md).
  expect(stop).toHaveProperty('why', 'the guest shut down with the reason 128 (sched_op)')
  expect(output).toBe('')
  expect(report.exits.exception).toBe(1)
  expect(report.hypercalls).toMatchObject({ set_trap_table: 1, set_gdt: 1, stack_switch: 1, sched_op_compat: 1 })
})

debian(
  'let write to it, gnumach runs with its console and sets its timer, up to where it wants a bootstrap program',
  async () => {
    const { stop, output, report } = await gnumach({ 'writable-directories': true })
    const lines = output.split('\n\r')
    expect(lines.slice(0, 2)).toEqual(['GNU Mach 1.8+git20221224-xen-486', 'Running on xen-3.0-x86_32p.'])
    expect(lines.at(-2)).toBe(
      'panic ../kern/bootstrap.c:181: bootstrap_create: No bootstrap code loaded with the kernel!',
    )
    expect(stop.kind).toBe('reset')
    // The timer is set last of all, and has not come due when nothing is left to do.
    expect(report.hypercalls).toMatchObject({ set_timer_op: 1 })
  },
)

debian('inspect says what it asks for', async () => {
  const { stdout } = await paragraft(['inspect', guest('gnumach-xen')])
  expect(stdout).toContain(
    'xen by xen-pvh: no: the string __xen_guest knows no PHYS32_ENTRY, the 32-bit physical entry',
  )
  expect(stdout).toContain(
    'xen by xen-pv: yes, at 0xc0000000 (GNU Mach, virtual base 0xc0000000, physical addresses from 0xc0000000, PAE yes[extended-cr3], hypercalls at 0xc0002000, features pae_pgdir_above_4gb (by its string __xen_guest))',
  )
})
