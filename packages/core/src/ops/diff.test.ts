import { expect, test } from 'vitest'
import { diffEras } from './diff.ts'
import { eraOf } from './eras.ts'

const ops = (list: readonly { op: string }[]) => list.map(slot => slot.op).sort()

// Commit history of the headers; the same facts as in the changelogs of the releases named.
test('2.6.22 to 2.6.23: sched_clock for get_scheduled_cycles, post_allocator_init comes', () => {
  const diff = diffEras(eraOf('1.2'), eraOf('1.3'))
  expect(ops(diff.added)).toEqual(['init.post_allocator_init', 'time.sched_clock'])
  expect(ops(diff.removed)).toEqual(['time.get_scheduled_cycles'])
  expect(diff.changed.map(c => c.op)).toEqual(['mmu.alloc_pte'])
  expect(diff.renamed).toEqual([])
})

test('4.9 to 4.19 on i386: renamed, changed, added, removed', () => {
  const diff = diffEras(eraOf('3.1'), eraOf('3.2'))
  expect(diff.renamed.map(c => [c.from.member, c.to.member])).toEqual([
    ['pv_mmu_ops.flush_tlb_single', 'pv_mmu_ops.flush_tlb_one_user'],
  ])
  expect(ops(diff.removed)).toEqual(['cpu.clts', 'cpu.read_cr4', 'cpu.store_idt', 'mmu.pte_update', 'mmu.set_pmd_at'])
  expect(ops(diff.added)).toContain('mmu.tlb_remove_table')
  expect(diff.changed.find(c => c.op === 'cpu.load_sp0')).toMatchObject({
    was: 'void (struct tss_struct *tss, struct thread_struct *thread)',
    is: 'void (unsigned long sp0)',
  })
})

test('5.8 to 6.1 without XXL: flush_tlb_multi serves what was flush_tlb_others', () => {
  const diff = diffEras(eraOf('4.0-lite'), eraOf('5.0'))
  expect(diff.removed.map(slot => [slot.op, slot.servedBy])).toEqual([
    ['init.patch', []],
    ['time.sched_clock', []],
    ['time.steal_clock', []],
    ['mmu.flush_tlb_others', ['mmu.flush_tlb_multi']],
  ])
  expect(ops(diff.added)).toEqual(['mmu.flush_tlb_multi', 'mmu.notify_page_enc_status_changed'])
})

test('2.6.29 to 2.6.32: ten ops become callee-save', () => {
  const diff = diffEras(eraOf('2.2'), eraOf('3.0'))
  expect(diff.convention.every(c => c.to.calleeSave && !c.from.calleeSave)).toBe(true)
  expect(diff.convention).toHaveLength(10)
})

test('no difference to itself', () => {
  const diff = diffEras(eraOf('4.0'), eraOf('4.0'))
  expect(diff).toEqual({ added: [], removed: [], renamed: [], changed: [], convention: [], moved: 0 })
})
