/*
 * Call sites: one inline function per op. Each compiles to `call *paravirt_ops+4*slot` (FF 15 disp32) and leaves a record
 * in .parainstructions, so that the patcher can later write something shorter in its place.
 *
 * Inline assembly and not a C call, because the compiler must not move, merge or tail-call the instruction.
 */
#ifndef OLDGUEST_PARAVIRT_H
#define OLDGUEST_PARAVIRT_H

#include "paravirt_ops.h"

#define PV_SITE                                                                                                        \
  "771: call *paravirt_ops+%c[slot]*4\n772:\n"                                                                         \
  ".pushsection .parainstructions, \"a\"\n.long 771b\n.byte %c[slot]\n.byte 772b-771b\n.short 7\n.popsection\n"

/* Always yields EDX:EAX; a 32-bit result is its low word. */
#define PV_ASM(op, before, after, ...)                                                                                 \
  ({                                                                                                                   \
    u32 __a, __d, __c;                                                                                                 \
    asm volatile(before PV_SITE after                                                                                  \
                 : "=a"(__a), "=d"(__d), "=c"(__c)                                                                     \
                 : [slot] "i"(PARAVIRT_SLOT(op)), ##__VA_ARGS__                                                        \
                 : "memory", "cc");                                                                                    \
    (u64)__d << 32 | __a;                                                                                              \
  })

#define PV0(op) PV_ASM(op, "", "")
#define PV1(op, a) PV_ASM(op, "", "", "0"((u32)(a)))
#define PV2(op, a, b) PV_ASM(op, "", "", "0"((u32)(a)), "1"((u32)(b)))
#define PV3(op, a, b, c) PV_ASM(op, "", "", "0"((u32)(a)), "1"((u32)(b)), "2"((u32)(c)))
/* Stack words are registers or constants, never memory: a push would move an ESP-relative operand. */
#define PV4(op, a, b, c, d)                                                                                            \
  PV_ASM(op, "push %[s1]\n", "lea 4(%%esp), %%esp\n", "0"((u32)(a)), "1"((u32)(b)), "2"((u32)(c)), [s1] "ri"((u32)(d)))
#define PV5(op, a, b, c, d, e)                                                                                         \
  PV_ASM(op, "push %[s2]\npush %[s1]\n", "lea 8(%%esp), %%esp\n", "0"((u32)(a)), "1"((u32)(b)), "2"((u32)(c)),         \
         [s1] "ri"((u32)(d)), [s2] "ri"((u32)(e)))
#define PV_LO(v) ((u32)(v))
#define PV_HI(v) ((u32)((u64)(v) >> 32))

#define PV_INLINE static inline __attribute__((always_inline))

/* init */
PV_INLINE u32 pv_patch(u8 type, u16 clobbers, void *site, u32 len) { return PV4(patch, type, clobbers, site, len); }
PV_INLINE void pv_arch_setup(void) { PV0(arch_setup); }
PV_INLINE char *pv_memory_setup(void) { return (char *)(u32)PV0(memory_setup); }
PV_INLINE void pv_post_allocator_init(void) { PV0(post_allocator_init); }
PV_INLINE void pv_init_IRQ(void) { PV0(init_IRQ); }
PV_INLINE void pv_time_init(void) { PV0(time_init); }
PV_INLINE void pv_pagetable_setup_start(void *pgd) { PV1(pagetable_setup_start, pgd); }
PV_INLINE void pv_pagetable_setup_done(void *pgd) { PV1(pagetable_setup_done, pgd); }
PV_INLINE void pv_banner(void) { PV0(banner); }

/* time */
PV_INLINE u32 get_wallclock(void) { return PV0(get_wallclock); }
PV_INLINE int set_wallclock(u32 seconds) { return (int)PV1(set_wallclock, seconds); }
PV_INLINE u64 read_tsc(void) { return PV0(read_tsc); }
PV_INLINE u64 sched_clock(void) { return PV0(sched_clock); }
PV_INLINE u32 get_cpu_khz(void) { return PV0(get_cpu_khz); }

/* cpu */
PV_INLINE void cpuid_op(u32 *a, u32 *b, u32 *c, u32 *d) { PV4(cpuid, a, b, c, d); }
PV_INLINE u32 get_debugreg(int regno) { return PV1(get_debugreg, regno); }
PV_INLINE void set_debugreg(int regno, u32 value) { PV2(set_debugreg, regno, value); }
PV_INLINE void clts(void) { PV0(clts); }
PV_INLINE u32 read_cr0(void) { return PV0(read_cr0); }
PV_INLINE void write_cr0(u32 value) { PV1(write_cr0, value); }
PV_INLINE u32 read_cr2(void) { return PV0(read_cr2); }
PV_INLINE void write_cr2(u32 value) { PV1(write_cr2, value); }
PV_INLINE u32 read_cr3(void) { return PV0(read_cr3); }
PV_INLINE void write_cr3(u32 value) { PV1(write_cr3, value); }
PV_INLINE u32 read_cr4_safe(void) { return PV0(read_cr4_safe); }
PV_INLINE u32 read_cr4(void) { return PV0(read_cr4); }
PV_INLINE void write_cr4(u32 value) { PV1(write_cr4, value); }
PV_INLINE void wbinvd(void) { PV0(wbinvd); }
PV_INLINE u64 read_msr(u32 msr, int *err) { return PV2(read_msr, msr, err); }
PV_INLINE int write_msr(u32 msr, u64 value) { return (int)PV3(write_msr, msr, PV_LO(value), PV_HI(value)); }
PV_INLINE u64 read_pmc(int counter) { return PV1(read_pmc, counter); }
PV_INLINE void load_tr_desc(void) { PV0(load_tr_desc); }
PV_INLINE void load_gdt(const struct Xgt_desc_struct *d) { PV1(load_gdt, d); }
PV_INLINE void load_idt(const struct Xgt_desc_struct *d) { PV1(load_idt, d); }
PV_INLINE void store_gdt(struct Xgt_desc_struct *d) { PV1(store_gdt, d); }
PV_INLINE void store_idt(struct Xgt_desc_struct *d) { PV1(store_idt, d); }
PV_INLINE void set_ldt(const void *table, u32 entries) { PV2(set_ldt, table, entries); }
PV_INLINE u32 store_tr(void) { return PV0(store_tr); }
PV_INLINE void load_tls(struct thread_struct *t, u32 cpu) { PV2(load_tls, t, cpu); }
PV_INLINE void write_ldt_entry(struct desc_struct *t, int n, u32 lo, u32 hi) { PV4(write_ldt_entry, t, n, lo, hi); }
PV_INLINE void write_gdt_entry(struct desc_struct *t, int n, u32 lo, u32 hi) { PV4(write_gdt_entry, t, n, lo, hi); }
PV_INLINE void write_idt_entry(struct desc_struct *t, int n, u32 lo, u32 hi) { PV4(write_idt_entry, t, n, lo, hi); }
PV_INLINE void load_esp0(struct tss_struct *tss, struct thread_struct *t) { PV2(load_esp0, tss, t); }
PV_INLINE void set_iopl_mask(u32 mask) { PV1(set_iopl_mask, mask); }
PV_INLINE void io_delay(void) { PV0(io_delay); }

/* irq */
PV_INLINE u32 save_fl(void) { return PV0(save_fl); }
PV_INLINE void restore_fl(u32 flags) { PV1(restore_fl, flags); }
PV_INLINE void irq_disable(void) { PV0(irq_disable); }
PV_INLINE void irq_enable(void) { PV0(irq_enable); }
PV_INLINE void safe_halt(void) { PV0(safe_halt); }
PV_INLINE void halt(void) { PV0(halt); }

/* apic */
PV_INLINE void apic_write(u32 reg, u32 value) { PV2(apic_write, reg, value); }
PV_INLINE void apic_write_atomic(u32 reg, u32 value) { PV2(apic_write_atomic, reg, value); }
PV_INLINE u32 apic_read(u32 reg) { return PV1(apic_read, reg); }
PV_INLINE void setup_boot_clock(void) { PV0(setup_boot_clock); }
PV_INLINE void setup_secondary_clock(void) { PV0(setup_secondary_clock); }
PV_INLINE void startup_ipi_hook(int id, u32 eip, u32 esp) { PV3(startup_ipi_hook, id, eip, esp); }

/* mmu */
PV_INLINE void activate_mm(struct mm_struct *prev, struct mm_struct *next) { PV2(activate_mm, prev, next); }
PV_INLINE void dup_mmap(struct mm_struct *from, struct mm_struct *to) { PV2(dup_mmap, from, to); }
PV_INLINE void exit_mmap(struct mm_struct *mm) { PV1(exit_mmap, mm); }
PV_INLINE void flush_tlb_user(void) { PV0(flush_tlb_user); }
PV_INLINE void flush_tlb_kernel(void) { PV0(flush_tlb_kernel); }
PV_INLINE void flush_tlb_single(u32 addr) { PV1(flush_tlb_single, addr); }
PV_INLINE void flush_tlb_others(const cpumask_t *cpus, struct mm_struct *mm, u32 va)
{
  PV3(flush_tlb_others, cpus, mm, va);
}
PV_INLINE void alloc_pt(struct mm_struct *mm, u32 pfn) { PV2(alloc_pt, mm, pfn); }
PV_INLINE void alloc_pd(u32 pfn) { PV1(alloc_pd, pfn); }
PV_INLINE void alloc_pd_clone(u32 pfn, u32 clonepfn, u32 start, u32 count)
{
  PV4(alloc_pd_clone, pfn, clonepfn, start, count);
}
PV_INLINE void release_pt(u32 pfn) { PV1(release_pt, pfn); }
PV_INLINE void release_pd(u32 pfn) { PV1(release_pd, pfn); }
PV_INLINE void set_pte(pte_slot *p, pteval_t v) { PV3(set_pte, p, PV_LO(v), PV_HI(v)); }
PV_INLINE void set_pte_at(struct mm_struct *mm, u32 addr, pte_slot *p, pteval_t v)
{
  PV5(set_pte_at, mm, addr, p, PV_LO(v), PV_HI(v));
}
PV_INLINE void set_pmd(pte_slot *p, pteval_t v) { PV3(set_pmd, p, PV_LO(v), PV_HI(v)); }
PV_INLINE void pte_update(struct mm_struct *mm, u32 addr, pte_slot *p) { PV3(pte_update, mm, addr, p); }
PV_INLINE void pte_update_defer(struct mm_struct *mm, u32 addr, pte_slot *p) { PV3(pte_update_defer, mm, addr, p); }
PV_INLINE void set_pte_atomic(pte_slot *p, pteval_t v) { PV3(set_pte_atomic, p, PV_LO(v), PV_HI(v)); }
PV_INLINE void set_pte_present(struct mm_struct *mm, u32 addr, pte_slot *p, pteval_t v)
{
  PV5(set_pte_present, mm, addr, p, PV_LO(v), PV_HI(v));
}
PV_INLINE void set_pud(pte_slot *p, pteval_t v) { PV3(set_pud, p, PV_LO(v), PV_HI(v)); }
PV_INLINE void pte_clear(struct mm_struct *mm, u32 addr, pte_slot *p) { PV3(pte_clear, mm, addr, p); }
PV_INLINE void pmd_clear(pte_slot *p) { PV1(pmd_clear, p); }
PV_INLINE u64 pte_val(pteval_t v) { return PV2(pte_val, PV_LO(v), PV_HI(v)); }
PV_INLINE u64 pmd_val(pteval_t v) { return PV2(pmd_val, PV_LO(v), PV_HI(v)); }
PV_INLINE u64 pgd_val(pteval_t v) { return PV2(pgd_val, PV_LO(v), PV_HI(v)); }
PV_INLINE pteval_t make_pte(u64 v) { return PV2(make_pte, PV_LO(v), PV_HI(v)); }
PV_INLINE pteval_t make_pmd(u64 v) { return PV2(make_pmd, PV_LO(v), PV_HI(v)); }
PV_INLINE pteval_t make_pgd(u64 v) { return PV2(make_pgd, PV_LO(v), PV_HI(v)); }
PV_INLINE void set_lazy_mode(enum paravirt_lazy_mode mode) { PV1(set_lazy_mode, mode); }

#endif
