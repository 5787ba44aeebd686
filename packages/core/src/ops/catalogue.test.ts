import { expect, test } from 'vitest'
import { REFUSALS } from './catalogue/refusals.ts'
import { CATALOGUE, findOp, hasResult, opEntry, whyNotNop } from './catalogue.ts'

test('identities are unique, grouped, and explained', () => {
  expect(new Set(CATALOGUE.map(e => e.op)).size).toBe(CATALOGUE.length)
  for (const { op, group, meaning, versions, kind } of CATALOGUE) {
    expect(op.startsWith(`${group}.`)).toBe(true)
    expect(meaning, op).toMatch(/^[A-Z].*[.]$/)
    expect(versions.length > 0, op).toBe(kind === 'fn')
    expect(
      versions.map(v => v.version),
      op,
    ).toEqual(versions.map((_, n) => `${n + 1}.0.0`))
  }
})

test('an op without a result either has a duty or may be a nop', () => {
  for (const entry of CATALOGUE.filter(e => e.kind === 'fn')) {
    const returns = entry.versions.some(hasResult)
    expect(whyNotNop(entry) === null, entry.op).toBe(!returns && entry.duty === null && entry.entered === 'call')
  }
})

// arch/x86/kernel/paravirt.c (6.1, 4.9, 2.6.32) and arch/i386/kernel/paravirt.c (2.6.23): what the native table itself
// fills with paravirt_nop, functions with results apart. lock.kick is one of them there, but only because native `wait`
// does not sleep.
test('what native leaves empty may be a nop', () => {
  const empty = [
    ...['init.arch_setup', 'init.post_allocator_init', 'cpu.alloc_ldt', 'cpu.free_ldt', 'cpu.start_context_switch'],
    ...['cpu.end_context_switch', 'apic.startup_ipi_hook', 'mmu.activate_mm', 'mmu.dup_mmap', 'mmu.exit_mmap'],
    ...['mmu.pgd_free', 'mmu.alloc_pte', 'mmu.alloc_pmd', 'mmu.alloc_pud', 'mmu.release_pte', 'mmu.release_pmd'],
    ...['mmu.release_pud', 'mmu.pte_update', 'mmu.pte_update_defer', 'mmu.lazy_mode.enter', 'mmu.lazy_mode.leave'],
    ...[
      'mmu.lazy_mode.flush',
      'lock.wait',
      'cpu.set_lazy_mode',
      'mmu.enter_mmap',
      'mmu.notify_page_enc_status_changed',
    ],
  ]
  expect(empty.filter(op => whyNotNop(opEntry(op)) !== null)).toEqual([])
  expect(whyNotNop(opEntry('lock.kick'))).not.toBeNull()
})

test('jumps cannot be called', () => {
  expect(CATALOGUE.filter(e => e.entered === 'jump').map(e => e.op)).toEqual([
    'cpu.irq_enable_sysexit',
    'cpu.usergs_sysret64',
    'cpu.usergs_sysret32',
    'cpu.iret',
  ])
})

test('an op by name', () => {
  expect(findOp('mmu.write_cr3')!.group).toBe('mmu')
  expect(findOp('toString')).toBeUndefined()
  expect(() => opEntry('mmu.flush_tlb_single')).toThrow(
    expect.objectContaining({
      code: 'PG_OPS_UNKNOWN',
      hint: 'Did you mean mmu.flush_tlb_one_user? `paragraft ops` lists the catalogue.',
    }),
  )
  expect(() => opEntry('xyz')).toThrow(expect.objectContaining({ hint: '`paragraft ops` lists the catalogue.' }))
})

test('refusals are of ops that there are', () => {
  expect(Object.keys(REFUSALS).filter(op => !findOp(op))).toEqual([])
  expect(opEntry('time.set_wallclock').refusal).toBe('returns other than 0')
  expect(opEntry('mmu.set_pte').refusal).toBeNull()
})
