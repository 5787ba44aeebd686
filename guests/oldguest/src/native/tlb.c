/* Forgetting translations. */
#include "kernel.h"
#include "native.h"

#define CR4_PGE 0x80

/* All but the global ones. */
void native_flush_tlb_user(void)
{
  u32 cr3;
  asm volatile("mov %%cr3, %0; mov %0, %%cr3" : "=r"(cr3) : : "memory");
}

/* The global ones too: they go when CR4.PGE changes (Intel SDM vol. 3, 4.10.4.1). */
void native_flush_tlb_kernel(void)
{
  u32 cr4 = native_read_cr4_safe();
  if (!(cr4 & CR4_PGE)) {
    native_flush_tlb_user();
    return;
  }
  native_write_cr4(cr4 & ~CR4_PGE);
  native_write_cr4(cr4);
}

void native_flush_tlb_single(u32 addr) { asm volatile("invlpg (%0)" : : "r"(addr) : "memory"); }

/* There are no other processors; a mask that names one is a mistake of the caller's. */
void native_flush_tlb_others(const cpumask_t *cpus, struct mm_struct *mm, u32 va)
{
  (void)mm;
  (void)va;
  if (cpus->bits[0] & ~1u)
    panic("flush_tlb_others for processors %08x", cpus->bits[0]);
}
