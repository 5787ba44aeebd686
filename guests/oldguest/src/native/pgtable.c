/*
 * Page-table entries, in both formats.
 *
 * PAE entries are 8 bytes and written in two stores, high word first, so that the processor never sees a present entry with
 * half an address; clearing goes the other way. Two-level entries are the low word alone.
 */
#include "kernel.h"
#include "native.h"

#define barrier() asm volatile("" : : : "memory")

static inline u32 *words(pte_slot *p) { return (u32 *)p; }

u64 native_identity(u64 value) { return value; }

void native_set_pte(pte_slot *p, pteval_t v)
{
  if (pae_enabled) {
    words(p)[1] = v >> 32;
    barrier();
  }
  *(volatile u32 *)p = v;
}

void native_set_pte_at(struct mm_struct *mm, u32 addr, pte_slot *p, pteval_t v)
{
  (void)mm;
  (void)addr;
  native_set_pte(p, v);
}

void native_set_pte_atomic(pte_slot *p, pteval_t v)
{
  if (!pae_enabled) {
    *(volatile u32 *)p = v;
    return;
  }
  u64 old = *(volatile u64 *)p;
  asm volatile("1: lock cmpxchg8b %0; jnz 1b"
               : "+m"(*(u64 *)p), "+A"(old)
               : "b"((u32)v), "c"((u32)(v >> 32))
               : "memory", "cc");
}

void native_set_pte_present(struct mm_struct *mm, u32 addr, pte_slot *p, pteval_t v)
{
  (void)mm;
  (void)addr;
  if (pae_enabled) {
    *(volatile u32 *)p = 0;
    barrier();
    words(p)[1] = v >> 32;
    barrier();
  }
  *(volatile u32 *)p = v;
}

void native_set_pmd(pte_slot *p, pteval_t v) { native_set_pte_atomic(p, v); }
void native_set_pud(pte_slot *p, pteval_t v) { native_set_pte_atomic(p, v); }

void native_pmd_clear(pte_slot *p)
{
  *(volatile u32 *)p = 0;
  barrier();
  if (pae_enabled)
    words(p)[1] = 0;
}

void native_pte_clear(struct mm_struct *mm, u32 addr, pte_slot *p)
{
  (void)mm;
  (void)addr;
  native_pmd_clear(p);
}
