/*
 * The table: every privileged operation of this kernel goes through `paravirt_ops`.
 *
 * 92 words, in the order of Linux 2.6.23 on i386 with PAE, SMP and local APIC (ops ABI 1.3). All functions are
 * regparm(3): EAX, EDX, ECX, then the stack, which the caller cleans; a u64 is a pair of words, low first, and comes back
 * in EDX:EAX. The meaning of each op, and who may refuse it, is in OPS.md.
 *
 * One table serves both page-table formats: page-table entries travel as u64 always, with a zero high word when the
 * processor runs two-level tables.
 */
#ifndef OLDGUEST_PARAVIRT_OPS_H
#define OLDGUEST_PARAVIRT_OPS_H

#include "types.h"

struct Xgt_desc_struct;
struct desc_struct;
struct mm_struct;
struct thread_struct;
struct tss_struct;

/* A page-table entry in memory: 8 bytes under PAE, 4 otherwise. Only mm/ knows which; never dereferenced elsewhere. */
typedef struct pte_slot pte_slot;
typedef u64 pteval_t;

typedef struct { u32 bits[1]; } cpumask_t;

enum paravirt_lazy_mode {
  PARAVIRT_LAZY_NONE = 0,
  PARAVIRT_LAZY_MMU = 1,
  PARAVIRT_LAZY_CPU = 2,
  PARAVIRT_LAZY_FLUSH = 3,
};

/* Registers that a call site lets its op destroy. */
#define CLBR_NONE 0
#define CLBR_EAX 1
#define CLBR_ECX 2
#define CLBR_EDX 4
#define CLBR_ANY 7

struct paravirt_ops {
  u32 kernel_rpl;
  s32 shared_kernel_pmd;
  s32 paravirt_enabled;
  const char *name;

  u32 (*patch)(u8 type, u16 clobbers, void *site, u32 len);
  void (*arch_setup)(void);
  char *(*memory_setup)(void);
  void (*post_allocator_init)(void);
  void (*init_IRQ)(void);
  void (*time_init)(void);
  void (*pagetable_setup_start)(void *pgd_base);
  void (*pagetable_setup_done)(void *pgd_base);
  void (*banner)(void);
  u32 (*get_wallclock)(void);
  int (*set_wallclock)(u32 seconds);

  void (*cpuid)(u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
  u32 (*get_debugreg)(int regno);
  void (*set_debugreg)(int regno, u32 value);
  void (*clts)(void);
  u32 (*read_cr0)(void);
  void (*write_cr0)(u32 value);
  u32 (*read_cr2)(void);
  void (*write_cr2)(u32 value);
  u32 (*read_cr3)(void);
  void (*write_cr3)(u32 value);
  u32 (*read_cr4_safe)(void);
  u32 (*read_cr4)(void);
  void (*write_cr4)(u32 value);

  u32 (*save_fl)(void);
  void (*restore_fl)(u32 flags);
  void (*irq_disable)(void);
  void (*irq_enable)(void);
  void (*safe_halt)(void);
  void (*halt)(void);
  void (*wbinvd)(void);

  u64 (*read_msr)(u32 msr, int *err);
  int (*write_msr)(u32 msr, u64 value);
  u64 (*read_tsc)(void);
  u64 (*read_pmc)(int counter);
  u64 (*sched_clock)(void);
  u32 (*get_cpu_khz)(void);

  void (*load_tr_desc)(void);
  void (*load_gdt)(const struct Xgt_desc_struct *);
  void (*load_idt)(const struct Xgt_desc_struct *);
  void (*store_gdt)(struct Xgt_desc_struct *);
  void (*store_idt)(struct Xgt_desc_struct *);
  void (*set_ldt)(const void *table, u32 entries);
  u32 (*store_tr)(void);
  void (*load_tls)(struct thread_struct *, u32 cpu);
  void (*write_ldt_entry)(struct desc_struct *table, int entry, u32 low, u32 high);
  void (*write_gdt_entry)(struct desc_struct *table, int entry, u32 low, u32 high);
  void (*write_idt_entry)(struct desc_struct *table, int entry, u32 low, u32 high);
  void (*load_esp0)(struct tss_struct *, struct thread_struct *);
  void (*set_iopl_mask)(u32 mask);
  void (*io_delay)(void);

  void (*activate_mm)(struct mm_struct *prev, struct mm_struct *next);
  void (*dup_mmap)(struct mm_struct *from, struct mm_struct *to);
  void (*exit_mmap)(struct mm_struct *);

  void (*apic_write)(u32 reg, u32 value);
  void (*apic_write_atomic)(u32 reg, u32 value);
  u32 (*apic_read)(u32 reg);
  void (*setup_boot_clock)(void);
  void (*setup_secondary_clock)(void);
  void (*startup_ipi_hook)(int apicid, u32 start_eip, u32 start_esp);

  void (*flush_tlb_user)(void);
  void (*flush_tlb_kernel)(void);
  void (*flush_tlb_single)(u32 addr);
  void (*flush_tlb_others)(const cpumask_t *cpus, struct mm_struct *, u32 va);

  void (*alloc_pt)(struct mm_struct *, u32 pfn);
  void (*alloc_pd)(u32 pfn);
  void (*alloc_pd_clone)(u32 pfn, u32 clonepfn, u32 start, u32 count);
  void (*release_pt)(u32 pfn);
  void (*release_pd)(u32 pfn);

  void (*set_pte)(pte_slot *, pteval_t);
  void (*set_pte_at)(struct mm_struct *, u32 addr, pte_slot *, pteval_t);
  void (*set_pmd)(pte_slot *, pteval_t);
  void (*pte_update)(struct mm_struct *, u32 addr, pte_slot *);
  void (*pte_update_defer)(struct mm_struct *, u32 addr, pte_slot *);
  void (*set_pte_atomic)(pte_slot *, pteval_t);
  void (*set_pte_present)(struct mm_struct *, u32 addr, pte_slot *, pteval_t);
  void (*set_pud)(pte_slot *, pteval_t);
  void (*pte_clear)(struct mm_struct *, u32 addr, pte_slot *);
  void (*pmd_clear)(pte_slot *);

  u64 (*pte_val)(pteval_t);
  u64 (*pmd_val)(pteval_t);
  u64 (*pgd_val)(pteval_t);
  pteval_t (*make_pte)(u64);
  pteval_t (*make_pmd)(u64);
  pteval_t (*make_pgd)(u64);

  void (*set_lazy_mode)(enum paravirt_lazy_mode);

  /* Jumped to, never called: the frame is on the stack. */
  void (*irq_enable_sysexit)(void);
  void (*iret)(void);
};

_Static_assert(sizeof(struct paravirt_ops) == 92 * 4, "ops ABI 1.3 has 92 slots");
_Static_assert(offsetof(struct paravirt_ops, iret) == 91 * 4, "iret is the last slot");

#define PARAVIRT_SLOT(op) (offsetof(struct paravirt_ops, op) / 4)

extern struct paravirt_ops paravirt_ops;

/* Does nothing. The patcher knows it by its address and erases calls of it. */
void _paravirt_nop(void);
#define paravirt_nop ((void *)_paravirt_nop)

/* One record of .parainstructions: where a call site is, and what it calls. */
struct paravirt_patch_site {
  u8 *instr;
  u8 type;
  u8 len;
  u16 clobbers;
};
_Static_assert(sizeof(struct paravirt_patch_site) == 8, "record of 2.6.23");

extern struct paravirt_patch_site __parainstructions[], __parainstructions_end[];

#endif
