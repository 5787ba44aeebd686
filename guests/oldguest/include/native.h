/* The native answer to every op: what the table holds when the image is linked. All are in src/native/. */
#ifndef OLDGUEST_NATIVE_H
#define OLDGUEST_NATIVE_H

#include "paravirt_ops.h"

u32 native_patch(u8 type, u16 clobbers, void *site, u32 len);
char *native_memory_setup(void);
void native_init_IRQ(void);
void native_time_init(void);
void native_pagetable_setup_start(void *pgd_base);
void native_pagetable_setup_done(void *pgd_base);
void native_banner(void);
u32 native_get_wallclock(void);
int native_set_wallclock(u32 seconds);

void native_cpuid(u32 *eax, u32 *ebx, u32 *ecx, u32 *edx);
u32 native_get_debugreg(int regno);
void native_set_debugreg(int regno, u32 value);
void native_clts(void);
u32 native_read_cr0(void);
void native_write_cr0(u32 value);
u32 native_read_cr2(void);
void native_write_cr2(u32 value);
u32 native_read_cr3(void);
void native_write_cr3(u32 value);
u32 native_read_cr4_safe(void);
u32 native_read_cr4(void);
void native_write_cr4(u32 value);

u32 native_save_fl(void);
void native_restore_fl(u32 flags);
void native_irq_disable(void);
void native_irq_enable(void);
void native_safe_halt(void);
void native_halt(void);
void native_wbinvd(void);

u64 native_read_msr(u32 msr, int *err);
int native_write_msr(u32 msr, u64 value);
u64 native_read_tsc(void);
u64 native_read_pmc(int counter);
u64 native_sched_clock(void);
u32 native_get_cpu_khz(void);

void native_load_tr_desc(void);
void native_load_gdt(const struct Xgt_desc_struct *);
void native_load_idt(const struct Xgt_desc_struct *);
void native_store_gdt(struct Xgt_desc_struct *);
void native_store_idt(struct Xgt_desc_struct *);
void native_set_ldt(const void *table, u32 entries);
u32 native_store_tr(void);
void native_load_tls(struct thread_struct *, u32 cpu);
void native_write_dt_entry(struct desc_struct *table, int entry, u32 low, u32 high);
void native_load_esp0(struct tss_struct *, struct thread_struct *);
void native_set_iopl_mask(u32 mask);
void native_io_delay(void);

void native_apic_write(u32 reg, u32 value);
void native_apic_write_atomic(u32 reg, u32 value);
u32 native_apic_read(u32 reg);
void native_setup_boot_clock(void);
void native_setup_secondary_clock(void);

void native_flush_tlb_user(void);
void native_flush_tlb_kernel(void);
void native_flush_tlb_single(u32 addr);
void native_flush_tlb_others(const cpumask_t *cpus, struct mm_struct *, u32 va);

void native_set_pte(pte_slot *, pteval_t);
void native_set_pte_at(struct mm_struct *, u32 addr, pte_slot *, pteval_t);
void native_set_pmd(pte_slot *, pteval_t);
void native_set_pte_atomic(pte_slot *, pteval_t);
void native_set_pte_present(struct mm_struct *, u32 addr, pte_slot *, pteval_t);
void native_set_pud(pte_slot *, pteval_t);
void native_pte_clear(struct mm_struct *, u32 addr, pte_slot *);
void native_pmd_clear(pte_slot *);

/* pte_val, make_pte and their kin: entries mean what they say. One function, so that the patcher can erase its calls. */
u64 native_identity(u64 value);

void native_irq_enable_sysexit(void);
void native_iret(void);

#endif
