/* Flushes, and batching: what was seen before a change must not be seen after it. */
#include "case.h"
#include "desc.h"

#define SPARE_GDT_ENTRY 20
#define GLOBAL (pge_enabled ? PAGE_GLOBAL : 0)

/* A page has been read, so that its translation is remembered; it is changed; `flush` makes that known. */
static enum verdict forgets(void (*flush)(void), u32 extra_flags)
{
  remember_a(extra_flags);
  show(page_b, extra_flags);
  flush();
  EXPECT(word_at(FIX_CHECK) == WORD_B);
  return OK;
}

static void by_user(void) { flush_tlb_user(); }
static void by_kernel(void) { flush_tlb_kernel(); }
static void by_single(void) { flush_tlb_single(FIX_CHECK); }
static void by_single_inside(void) { flush_tlb_single(FIX_CHECK + 0xABC); }

CASE(flush_tlb_user, "a stale translation of the kernel's half is gone") { return forgets(by_user, 0); }

CASE(flush_tlb_user, "a stale translation of the user's half is gone")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm && map_far(mm, page_a));
  load_space(mm);
  u32 first = reading(FAR_ADDRESS) ? 0 : word_at(FAR_ADDRESS);
  set_pte_at(mm, FAR_ADDRESS, pte_find(mm->pgd, FAR_ADDRESS), make_pte(virt_to_phys(page_b) | PAGE_KERNEL));
  flush_tlb_user();
  u32 second = reading(FAR_ADDRESS) ? 0 : word_at(FAR_ADDRESS);
  load_kernel_space();
  unmap_far(mm);
  mm_free(mm);
  EXPECT(first == WORD_A);
  EXPECT(second == WORD_B);
  return OK;
}

CASE(flush_tlb_user, "the address space stays")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm && map_far(mm, page_a));
  load_space(mm);
  flush_tlb_user();
  u32 value = reading(FAR_ADDRESS) ? 0 : word_at(FAR_ADDRESS), cr3 = read_cr3(), expected = virt_to_phys(mm->pgd);
  load_kernel_space();
  unmap_far(mm);
  mm_free(mm);
  EXPECT(value == WORD_A && cr3 == expected);
  return OK;
}

CASE(flush_tlb_kernel, "a stale translation is gone") { return forgets(by_kernel, 0); }
CASE(flush_tlb_kernel, "a stale global translation is gone") { return forgets(by_kernel, GLOBAL); }
CASE(flush_tlb_single, "a stale translation is gone") { return forgets(by_single, 0); }
CASE(flush_tlb_single, "a stale global translation is gone") { return forgets(by_single, GLOBAL); }
CASE(flush_tlb_single, "any address of the page will do") { return forgets(by_single_inside, 0); }

CASE(flush_tlb_others, "for no processor: it returns, and this one's pages stay")
{
  cpumask_t nobody = { { 0 } };
  remember_a(0);
  flush_tlb_others(&nobody, &init_mm, FIX_CHECK);
  EXPECT(word_at(FIX_CHECK) == WORD_A);
  return OK;
}

/* Inside a batch nothing is promised. */
CASE(set_lazy_mode, "after a flush of the batch the changed page is seen")
{
  remember_a(0);
  set_lazy_mode(PARAVIRT_LAZY_MMU);
  show(page_b, 0);
  set_lazy_mode(PARAVIRT_LAZY_FLUSH);
  flush_tlb_single(FIX_CHECK);
  set_lazy_mode(PARAVIRT_LAZY_FLUSH);
  u32 value = word_at(FIX_CHECK);
  set_lazy_mode(PARAVIRT_LAZY_NONE);
  EXPECT(value == WORD_B);
  return OK;
}

CASE(set_lazy_mode, "after the batch the changed page is seen")
{
  remember_a(0);
  set_lazy_mode(PARAVIRT_LAZY_MMU);
  show(page_b, 0);
  flush_tlb_single(FIX_CHECK);
  set_lazy_mode(PARAVIRT_LAZY_NONE);
  EXPECT(word_at(FIX_CHECK) == WORD_B);
  return OK;
}

CASE(set_lazy_mode, "the last change of an entry in a batch is the one that holds")
{
  remember_a(0);
  set_lazy_mode(PARAVIRT_LAZY_MMU);
  show(page_b, 0);
  show(page_a, 0);
  show(page_b, 0);
  flush_tlb_single(FIX_CHECK);
  set_lazy_mode(PARAVIRT_LAZY_NONE);
  EXPECT(word_at(FIX_CHECK) == WORD_B);
  return OK;
}

static u32 gs_base_word;
static void load_gs(void *selector)
{
  asm volatile("mov %1, %%gs\nmovl %%gs:0, %0" : "=r"(gs_base_word) : "r"(selector));
}

/* What a context switch does in one batch. */
CASE(set_lazy_mode, "a descriptor and an address space of a batch hold after it")
{
  struct mm_struct *mm = new_space();
  static u32 magic = WORD_B;
  EXPECT(mm && map_far(mm, page_a));
  set_lazy_mode(PARAVIRT_LAZY_CPU);
  load_space(mm);
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, desc_low((u32)&magic, 3), desc_high((u32)&magic, 3, 0xF3, 4));
  set_lazy_mode(PARAVIRT_LAZY_NONE);
  u32 value = reading(FAR_ADDRESS) ? 0 : word_at(FAR_ADDRESS);
  gs_base_word = 0;
  u32 fault = trial(load_gs, (void *)(SPARE_GDT_ENTRY * 8 + 3));
  asm volatile("mov %0, %%gs" : : "r"(0));
  write_gdt_entry(gdt_table, SPARE_GDT_ENTRY, 0, 0);
  load_kernel_space();
  unmap_far(mm);
  mm_free(mm);
  EXPECT(value == WORD_A);
  EXPECT(!fault && gs_base_word == WORD_B);
  return OK;
}
