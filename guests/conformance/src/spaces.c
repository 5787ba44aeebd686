/* Address spaces and page tables as wholes: their hooks must leave them working, and give back what they took. */
#include "case.h"

#define STACK_PAGE (USER_STACK_TOP - PAGE_SIZE)

CASE(read_cr3, "it is what write_cr3 loaded")
{
  load_kernel_space();
  EXPECT(read_cr3() == virt_to_phys(swapper_pg_dir));
  struct mm_struct *mm = new_space();
  EXPECT(mm);
  load_space(mm);
  u32 there = read_cr3(), expected = virt_to_phys(mm->pgd);
  load_kernel_space();
  mm_free(mm);
  EXPECT(there == expected);
  return OK;
}

CASE(write_cr3, "a space's pages are there while it is loaded, and gone afterwards")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm && map_far(mm, page_a));
  u32 inside = look(mm, FAR_ADDRESS), outside = reading(FAR_ADDRESS);
  unmap_far(mm);
  mm_free(mm);
  EXPECT(inside == WORD_A);
  EXPECT(outside == FAULT(VECTOR_PF));
  return OK;
}

CASE(write_cr3, "the translations of the space before are forgotten")
{
  struct mm_struct *first = new_space(), *second = new_space();
  EXPECT(first && second && map_far(first, page_a) && map_far(second, page_b));
  load_space(first);
  u32 a = reading(FAR_ADDRESS) ? 0 : word_at(FAR_ADDRESS);
  load_space(second);
  u32 b = reading(FAR_ADDRESS) ? 0 : word_at(FAR_ADDRESS);
  load_kernel_space();
  unmap_far(first);
  unmap_far(second);
  mm_free(first);
  mm_free(second);
  EXPECT(a == WORD_A);
  EXPECT(b == WORD_B);
  return OK;
}

CASE(activate_mm, "the space takes a page and can be loaded")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm);
  activate_mm(&init_mm, mm);
  int made = !handle_mm_fault(mm, STACK_PAGE, 1);
  load_space(mm);
  u32 fault = writing(STACK_PAGE);
  load_kernel_space();
  mm_free(mm);
  EXPECT(made && !fault);
  return OK;
}

CASE(dup_mmap, "what one side writes the other does not see")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm && !handle_mm_fault(mm, STACK_PAGE, 1));
  struct mm_struct *copy = mm_copy(mm);
  EXPECT(copy && !handle_mm_fault(copy, STACK_PAGE, 1));
  load_space(copy);
  u32 wrote = writing(STACK_PAGE);
  load_kernel_space();
  u32 original = look(mm, STACK_PAGE), copied = look(copy, STACK_PAGE);
  mm_free(copy);
  mm_free(mm);
  EXPECT(!wrote);
  EXPECT(original == 0 && copied == WORD_A);
  return OK;
}

CASE(exit_mmap, "all pages of the space are free again")
{
  u32 before = free_pages;
  struct mm_struct *mm = new_space();
  EXPECT(mm && !handle_mm_fault(mm, STACK_PAGE, 1));
  mm_free(mm);
  EXPECT(free_pages == before);
  return OK;
}

/* A page that was a table, or a directory, and is no longer, is memory like any other. */
static enum verdict ordinary_again(u32 *page)
{
  page[0] = WORD_B;
  int kept = page[0] == WORD_B;
  page_put(virt_to_pfn(page));
  EXPECT(kept);
  return OK;
}

CASE(alloc_pt, "a page mapped through a new table is seen")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm && !pte_find(mm->pgd, FAR_ADDRESS) && map_far(mm, page_a));
  u32 value = look(mm, FAR_ADDRESS);
  unmap_far(mm);
  mm_free(mm);
  EXPECT(value == WORD_A);
  return OK;
}

CASE(release_pt, "the page is memory like any other")
{
  u32 *page = page_alloc();
  EXPECT(page);
  alloc_pt(&init_mm, virt_to_pfn(page));
  release_pt(virt_to_pfn(page));
  return ordinary_again(page);
}

/* A space's top level (two-level tables) or directories (PAE) are announced with alloc_pd. */
CASE(alloc_pd, "a space with a new directory loads")
{
  struct mm_struct *mm = new_space();
  EXPECT(mm);
  u32 value = look(mm, (u32)page_a);
  mm_free(mm);
  EXPECT(value == WORD_A);
  return OK;
}

CASE(release_pd, "the page is memory like any other")
{
  u32 *page = page_alloc();
  EXPECT(page);
  alloc_pd(virt_to_pfn(page));
  release_pd(virt_to_pfn(page));
  return ordinary_again(page);
}

/* A directory that begins as a copy of the kernel's: announcing it must not change what it says. */
CASE(alloc_pd_clone, "the copy still equals its model")
{
  u32 *page = page_alloc(), *kernel = (u32 *)swapper_pg_dir;
  EXPECT(page);
  u32 first = pae_enabled ? 0 : PAGE_OFFSET >> 22, count = pae_enabled ? 4 : 1024 - first;
  u32 words = pae_enabled ? 8 : 1024, from = pae_enabled ? 0 : first;
  for (u32 i = from; i < words; i++)
    page[i] = kernel[i];
  alloc_pd_clone(virt_to_pfn(page), virt_to_pfn(swapper_pg_dir), first, count);
  int same = !memcmp(page + from, kernel + from, (words - from) * 4);
  release_pd(virt_to_pfn(page));
  page_put(virt_to_pfn(page));
  EXPECT(same);
  return OK;
}
