/**
 * Groups mmu and lock: page tables, translations, address spaces; spinlocks and sleeping processors.
 * Sources as in boot.ts. `cpumask` bits are processor numbers.
 */
import { type OpEntry, op } from './entry.ts'

const ENTRY = 'the entry must be in the table'
const GONE = 'stale translations must be gone'

export const MMU: readonly OpEntry[] = [
  op('mmu.read_cr2', 'Address of the last page fault.', 'unsigned long (void)'),
  op('mmu.write_cr2', 'Set the page-fault address.', 'void (unsigned long value)', { duty: 'CR2 must hold the value' }),
  op('mmu.read_cr3', 'Physical address of the page tables in use.', 'unsigned long (void)'),
  op('mmu.write_cr3', 'Use these page tables.', 'void (unsigned long value)', {
    duty: 'the address space must change and its stale translations be gone',
  }),

  op(
    'mmu.flush_tlb_user',
    'Forget the translations of the current address space (not the global ones).',
    'void (void)',
    {
      duty: GONE,
    },
  ),
  op('mmu.flush_tlb_kernel', 'Forget all translations, global ones too.', 'void (void)', { duty: GONE }),
  op('mmu.flush_tlb_one_user', 'Forget the translation of one page.', 'void (unsigned long addr)', {
    duty: GONE,
    formerly: ['flush_tlb_single'],
  }),
  op(
    'mmu.flush_tlb_others',
    'Make other processors forget translations of an address space.',
    [
      ['1.2', 'void (const cpumask *cpus, struct mm_struct *mm, unsigned long va)'],
      ['3.1', 'void (const struct cpumask *cpus, struct mm_struct *mm, unsigned long start, unsigned long end)'],
      ['3.2', 'void (const struct cpumask *cpus, const struct flush_tlb_info *info)'],
    ],
    { duty: GONE },
  ),
  op(
    'mmu.flush_tlb_multi',
    'Make these processors, this one perhaps among them, forget translations.',
    [['5.0', 'void (const struct cpumask *cpus, const struct flush_tlb_info *info)']],
    { duty: GONE },
  ),
  op(
    'mmu.flush_tlb',
    'Forget the translations of the current address space: what a reload of CR3 means.',
    'void (void)',
    {
      meant: true,
      duty: GONE,
    },
  ),
  op(
    'mmu.tlb_remove_table',
    'Free a page table once nobody can walk it.',
    'void (struct mmu_gather *tlb, void *table)',
    {
      duty: 'the page must be freed',
    },
  ),
  op(
    'mmu.notify_page_enc_status_changed',
    'Pages changed between encrypted and shared.',
    'void (unsigned long pfn, int npages, bool enc)',
  ),

  op(
    'mmu.activate_mm',
    'A process starts to use an address space.',
    'void (struct mm_struct *prev, struct mm_struct *next)',
  ),
  op(
    'mmu.dup_mmap',
    'An address space has been copied by fork.',
    'void (struct mm_struct *oldmm, struct mm_struct *mm)',
  ),
  op('mmu.enter_mmap', 'An address space comes into use.', 'void (struct mm_struct *mm)'),
  op('mmu.exit_mmap', 'An address space is about to be taken down.', 'void (struct mm_struct *mm)'),

  op('mmu.pagetable_setup_start', "Before the kernel's own page tables are built.", 'void (pgd_t *pgd_base)', {
    duty: 'the page directory must be fit to be filled',
  }),
  op('mmu.pagetable_setup_done', "After the kernel's own page tables are built.", 'void (pgd_t *pgd_base)', {
    duty: 'the page directory must be fit for use',
  }),
  op('mmu.pgd_alloc', 'A top-level table is being made; 0 if it may.', 'int (struct mm_struct *mm)'),
  op('mmu.pgd_free', 'A top-level table is being freed.', 'void (struct mm_struct *mm, pgd_t *pgd)'),
  op(
    'mmu.alloc_pte',
    'A page is about to become a page table.',
    [
      ['1.0', 'void (u32 pfn)'],
      ['1.3', 'void (struct mm_struct *mm, unsigned long pfn)'],
    ],
    { formerly: ['alloc_pt'] },
  ),
  op(
    'mmu.alloc_pmd',
    'A page is about to become a page directory.',
    [
      ['1.0', 'void (u32 pfn)'],
      ['2.2', 'void (struct mm_struct *mm, unsigned long pfn)'],
    ],
    { formerly: ['alloc_pd'] },
  ),
  op(
    'mmu.alloc_pmd_clone',
    'A page directory is about to be made by copying entries of another.',
    'void (unsigned long pfn, unsigned long clonepfn, unsigned long start, unsigned long count)',
    { formerly: ['alloc_pd_clone'] },
  ),
  op(
    'mmu.alloc_pud',
    'A page is about to become an upper page directory.',
    'void (struct mm_struct *mm, unsigned long pfn)',
  ),
  op(
    'mmu.alloc_p4d',
    'A page is about to become a fourth-level table.',
    'void (struct mm_struct *mm, unsigned long pfn)',
  ),
  op('mmu.release_pte', 'A page is no longer a page table.', 'void (unsigned long pfn)', { formerly: ['release_pt'] }),
  op('mmu.release_pmd', 'A page is no longer a page directory.', 'void (unsigned long pfn)', {
    formerly: ['release_pd'],
  }),
  op('mmu.release_pud', 'A page is no longer an upper page directory.', 'void (unsigned long pfn)'),
  op('mmu.release_p4d', 'A page is no longer a fourth-level table.', 'void (unsigned long pfn)'),
  op('mmu.map_pt_hook', 'A page table is about to be mapped by kmap_atomic.', 'void (int type, pte_t *va, u32 pfn)'),

  op('mmu.set_pte', 'Write a page-table entry.', 'void (pte_t *ptep, pte_t pteval)', { duty: ENTRY }),
  op(
    'mmu.set_pte_at',
    'Write a page-table entry, knowing address space and address.',
    'void (struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pteval)',
    { duty: ENTRY },
  ),
  op(
    'mmu.set_pte_atomic',
    'Write a page-table entry that may be in use, in one step.',
    'void (pte_t *ptep, pte_t pteval)',
    {
      duty: ENTRY,
    },
  ),
  op(
    'mmu.set_pte_present',
    'Replace a present page-table entry by another.',
    'void (struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pte)',
    { duty: ENTRY },
  ),
  op('mmu.set_pmd', 'Write a page-directory entry.', 'void (pmd_t *pmdp, pmd_t pmdval)', { duty: ENTRY }),
  op(
    'mmu.set_pmd_at',
    'Write a page-directory entry, knowing address space and address.',
    'void (struct mm_struct *mm, unsigned long addr, pmd_t *pmdp, pmd_t pmdval)',
    { duty: ENTRY },
  ),
  op(
    'mmu.set_pud',
    'Write an upper page-directory entry (PAE: one of the four pointers).',
    'void (pud_t *pudp, pud_t pudval)',
    {
      duty: ENTRY,
    },
  ),
  op('mmu.set_p4d', 'Write a fourth-level entry.', 'void (p4d_t *p4dp, p4d_t p4dval)', { duty: ENTRY }),
  op('mmu.set_pgd', 'Write a top-level entry.', 'void (pgd_t *pgdp, pgd_t pgdval)', { duty: ENTRY }),
  op('mmu.pte_clear', 'Clear a page-table entry.', 'void (struct mm_struct *mm, unsigned long addr, pte_t *ptep)', {
    duty: ENTRY,
  }),
  op('mmu.pmd_clear', 'Clear a page-directory entry.', 'void (pmd_t *pmdp)', { duty: ENTRY }),
  op(
    'mmu.pte_update',
    'A page-table entry was changed in memory.',
    'void (struct mm_struct *mm, unsigned long addr, pte_t *ptep)',
  ),
  op(
    'mmu.pte_update_defer',
    'A page-table entry was changed in memory; a flush will follow.',
    'void (struct mm_struct *mm, unsigned long addr, pte_t *ptep)',
  ),
  op('mmu.ptep_modify_prot_start', 'Take a page-table entry out of use to change its protection; returns it.', [
    ['2.2', 'pte_t (struct mm_struct *mm, unsigned long addr, pte_t *ptep)'],
    ['4.0', 'pte_t (struct vm_area_struct *vma, unsigned long addr, pte_t *ptep)'],
  ]),
  op(
    'mmu.ptep_modify_prot_commit',
    'Put the changed entry back.',
    [
      ['2.2', 'void (struct mm_struct *mm, unsigned long addr, pte_t *ptep, pte_t pte)'],
      ['4.0', 'void (struct vm_area_struct *vma, unsigned long addr, pte_t *ptep, pte_t pte)'],
    ],
    { duty: ENTRY },
  ),

  op('mmu.pte_val', 'The number in a page-table entry (machine address to physical).', 'pteval_t (pte_t pte)'),
  op('mmu.pte_flags', 'The flags in a page-table entry.', 'pteval_t (pte_t pte)'),
  op('mmu.make_pte', 'A page-table entry from a number (physical address to machine).', 'pte_t (pteval_t pte)'),
  op('mmu.pmd_val', 'The number in a page-directory entry.', 'pmdval_t (pmd_t pmd)'),
  op('mmu.make_pmd', 'A page-directory entry from a number.', 'pmd_t (pmdval_t pmd)'),
  op('mmu.pud_val', 'The number in an upper page-directory entry.', 'pudval_t (pud_t pud)'),
  op('mmu.make_pud', 'An upper page-directory entry from a number.', 'pud_t (pudval_t pud)'),
  op('mmu.p4d_val', 'The number in a fourth-level entry.', 'p4dval_t (p4d_t p4d)'),
  op('mmu.make_p4d', 'A fourth-level entry from a number.', 'p4d_t (p4dval_t p4d)'),
  op('mmu.pgd_val', 'The number in a top-level entry.', 'pgdval_t (pgd_t pgd)'),
  op('mmu.make_pgd', 'A top-level entry from a number.', 'pgd_t (pgdval_t pgd)'),

  op('mmu.lazy_mode.enter', 'Page-table updates may be batched from now on.', 'void (void)'),
  op('mmu.lazy_mode.leave', 'Batched page-table updates are wanted now, and batching ends.', 'void (void)'),
  op('mmu.lazy_mode.flush', 'Batched page-table updates are wanted now.', 'void (void)'),
  op(
    'mmu.set_fixmap',
    'Map a page at a fixed virtual address.',
    'void (unsigned idx, phys_addr_t phys, pgprot_t flags)',
    {
      duty: 'the mapping must exist',
    },
  ),
]

const LOCK_FREE = 'the lock must be free'

export const LOCK: readonly OpEntry[] = [
  op('lock.spin_is_locked', 'Non-zero if the lock is taken.', 'int (struct raw_spinlock *lock)'),
  op('lock.spin_is_contended', 'Non-zero if somebody waits for the lock.', 'int (struct raw_spinlock *lock)'),
  op('lock.spin_lock', 'Take the lock, waiting as long as it takes.', 'void (struct raw_spinlock *lock)', {
    duty: 'the lock must be held',
  }),
  op(
    'lock.spin_lock_flags',
    'Take the lock; interrupts may be let in meanwhile if the flags had them.',
    'void (struct raw_spinlock *lock, unsigned long flags)',
    { duty: 'the lock must be held' },
  ),
  op('lock.spin_trylock', 'Take the lock if it is free; non-zero if taken.', 'int (struct raw_spinlock *lock)'),
  op('lock.spin_unlock', 'Release the lock.', 'void (struct raw_spinlock *lock)', { duty: LOCK_FREE }),
  op(
    'lock.queued_spin_lock_slowpath',
    'Queue for a contended lock; val is what the lock word held.',
    'void (struct qspinlock *lock, u32 val)',
    { duty: 'the lock must be held' },
  ),
  op('lock.queued_spin_unlock', 'Release the lock.', 'void (struct qspinlock *lock)', { duty: LOCK_FREE }),
  op('lock.wait', 'Sleep while *ptr is val; may return at any time.', 'void (u8 *ptr, u8 val)'),
  op('lock.kick', 'Wake a processor that sleeps in wait.', 'void (int cpu)', { duty: 'the sleeper must wake' }),
  op('lock.vcpu_is_preempted', 'True if that processor is not running at the moment.', 'bool (unsigned long cpu)'),
]
